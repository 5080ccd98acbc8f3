import { useEffect, useRef } from "preact/hooks";

/** Keys by what they type ("j", "?", "Enter"), or two after each other ("g j"). */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const togetherMs = 1_000;

/** Listens to keys of the whole page, but not where somebody types, nor under an open question. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const before = { key: "", atMs: 0 };
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const pair = event.timeStamp - before.atMs < togetherMs ? `${before.key} ${event.key}` : "";
      const handler =
        latest.current[pair] ?? (before.key === "g" && pair !== "" ? undefined : latest.current[event.key]);
      before.key = event.key;
      before.atMs = event.timeStamp;
      if (handler === undefined) return;
      event.preventDefault();
      handler(event);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping({ target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.closest("input, textarea, select, dialog") !== null;
}
