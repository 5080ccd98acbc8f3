import { agoText, exactText } from "../core/format.ts";
import { useApp } from "../state/app.ts";

/** A time as people say it; the exact one on hover and for programs. */
export function Ago({ at, short = false }: { readonly at: string; readonly short?: boolean }) {
  const { now } = useApp().clock;
  const text = agoText(at, now.value);
  return (
    <time dateTime={at} title={exactText(at)}>
      {short ? text.replace(/ ago$/, "") : text}
    </time>
  );
}
