import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { windowOf } from "../core/window.ts";

export interface WindowListProps {
  readonly count: number;
  readonly linePx: number;
  readonly line: (index: number) => ComponentChildren;
  /** Scrolls by itself, within this height; else with the page. */
  readonly maxPx?: number;
  readonly label: string;
  readonly role?: "list" | "rowgroup";
  /** Kept in sight. */
  readonly at?: number | undefined;
}

/** A long list of which only the lines in sight are there; all are of one height. */
export function WindowList(props: WindowListProps) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box, props.maxPx !== undefined);
  const { count, linePx, at } = props;
  const part = windowOf({ count, linePx, ...seen });
  useEffect(() => {
    if (at !== undefined && box.current !== null) keepInSight(box.current, { at, linePx, own: props.maxPx });
  }, [at]);
  const lines: ComponentChildren[] = [];
  for (let index = part.from; index < part.to; index += 1) lines.push(props.line(index));
  return (
    <div
      ref={box}
      class={props.maxPx === undefined ? "window" : "window own"}
      style={props.maxPx === undefined ? {} : { maxHeight: `${props.maxPx}px` }}
      // What scrolls must be reachable by keyboard.
      {...(props.maxPx === undefined ? {} : { tabIndex: 0, role: "group", "aria-label": props.label })}
    >
      <div
        class="window-all"
        style={{ height: `${part.heightPx}px` }}
        {...(props.role === undefined ? {} : { role: props.role, "aria-label": props.label })}
      >
        <div class="window-part" style={{ transform: `translateY(${part.topPx}px)` }} role="presentation">
          {lines}
        </div>
      </div>
    </div>
  );
}

function useSeen(box: RefObject<HTMLDivElement | null>, own: boolean) {
  const [seen, setSeen] = useState({ scrolledPx: 0, seenPx: own ? 600 : window.innerHeight });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const look = (): void => {
      const scrolledPx = own ? element.scrollTop : -element.getBoundingClientRect().top;
      const seenPx = own ? element.clientHeight : window.innerHeight;
      // Lines beyond the edge make a step of some lines invisible.
      setSeen((before) =>
        Math.abs(before.scrolledPx - scrolledPx) < 90 && before.seenPx === seenPx
          ? before
          : { scrolledPx, seenPx },
      );
    };
    look();
    const target = own ? element : window;
    target.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look, { passive: true });
    return () => {
      target.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [own]);
  return seen;
}

function keepInSight(
  box: HTMLElement,
  { at, linePx, own }: { readonly at: number; readonly linePx: number; readonly own: number | undefined },
): void {
  if (own !== undefined) {
    box.scrollTop = Math.max(0, at * linePx - box.clientHeight / 2);
    return;
  }
  const top = box.getBoundingClientRect().top + at * linePx;
  const headPx = 140;
  if (top < headPx) window.scrollBy(0, top - headPx);
  else if (top + linePx > window.innerHeight - 80) {
    window.scrollBy(0, top + linePx - (window.innerHeight - 80));
  }
}
