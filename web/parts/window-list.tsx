import type { ComponentChildren, RefObject, VNode } from "preact";
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

/**
 * A long list of which only the lines in sight are there; all are of one height. A line that stays in sight
 * is not looked at again for as long as `line` is the same function.
 */
export function WindowList(props: WindowListProps) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box, { own: props.maxPx !== undefined, linePx: props.linePx });
  const made = useRef<Made>({ by: undefined, linePx: 0, lines: new Map() });
  const { count, linePx, at, line } = props;
  const part = windowOf({ count, linePx, ...seen });
  useEffect(() => {
    if (at !== undefined && box.current !== null) keepInSight(box.current, { at, linePx, own: props.maxPx });
  }, [at]);
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
        {linesOf(made.current, { line, linePx, ...part })}
      </div>
    </div>
  );
}

/** Lines as they were made; the very same object tells Preact that there is nothing to compare. */
interface Made {
  by: WindowListProps["line"] | undefined;
  linePx: number;
  lines: Map<number, VNode>;
}

interface Wanted {
  readonly line: WindowListProps["line"];
  readonly linePx: number;
  readonly from: number;
  readonly to: number;
}

function linesOf(made: Made, { line, linePx, from, to }: Wanted): readonly VNode[] {
  const before = made.by === line && made.linePx === linePx ? made.lines : new Map<number, VNode>();
  const lines = new Map<number, VNode>();
  for (let index = from; index < to; index += 1) {
    lines.set(index, before.get(index) ?? placed(line(index), index, linePx));
  }
  Object.assign(made, { by: line, linePx, lines });
  return [...lines.values()];
}

function placed(content: ComponentChildren, index: number, linePx: number): VNode {
  const style = { transform: `translateY(${index * linePx}px)`, height: `${linePx}px` };
  return (
    <div key={index} class="window-line" role="presentation" style={style}>
      {content}
    </div>
  );
}

/** A step that shows nothing new asks for nothing. */
const stepLines = 6;

interface Seen {
  readonly scrolledPx: number;
  readonly seenPx: number;
  readonly hurried: boolean;
}

const settleMs = 120;

function useSeen(
  box: RefObject<HTMLDivElement | null>,
  { own, linePx }: { readonly own: boolean; readonly linePx: number },
) {
  const [seen, setSeen] = useState<Seen>({
    scrolledPx: 0,
    seenPx: own ? 600 : window.innerHeight,
    hurried: false,
  });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let settling: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      const scrolledPx = own ? element.scrollTop : -element.getBoundingClientRect().top;
      const seenPx = own ? element.clientHeight : window.innerHeight;
      clearTimeout(settling);
      settling = setTimeout(
        () => setSeen((before) => (before.hurried ? { ...before, hurried: false } : before)),
        settleMs,
      );
      setSeen((before) => {
        const stepPx = Math.abs(before.scrolledPx - scrolledPx);
        const hurried = stepPx > seenPx;
        // Lines beyond the edges make a step of some lines invisible.
        if (!hurried && !before.hurried && stepPx < stepLines * linePx && before.seenPx === seenPx)
          return before;
        return { scrolledPx, seenPx, hurried: hurried || (before.hurried && stepPx > 0) };
      });
    };
    look();
    const target = own ? element : window;
    target.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look, { passive: true });
    return () => {
      clearTimeout(settling);
      target.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [own, linePx]);
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
