import { useEffect } from "preact/hooks";

import { useApp } from "../state/app.ts";

const shownMs = 6_000;

/** One sentence about what was just done; read aloud. */
export function Notice() {
  const { notice } = useApp();
  const text = notice.value;
  useEffect(() => {
    if (text === "") return undefined;
    const timer = setTimeout(() => void (notice.value = ""), shownMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class={text === "" ? "notice" : "notice shown"} role="status">
      {text}
    </div>
  );
}
