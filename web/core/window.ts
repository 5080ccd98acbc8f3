/** Which lines of a long list have to be there. Pure. */

export interface ListWindow {
  readonly from: number;
  readonly to: number;
  readonly heightPx: number;
}

export interface WindowFacts {
  readonly count: number;
  readonly linePx: number;
  /** How far the list's top is above the top of what is seen. */
  readonly scrolledPx: number;
  readonly seenPx: number;
  /** Somebody drags through the list: what is beyond the edges would never be looked at. */
  readonly hurried?: boolean;
}

/** Lines beyond what is seen, so that a flick of the wheel shows no gap. */
const spareLines = 14;
const hurriedLines = 2;

export function windowOf({ count, linePx, scrolledPx, seenPx, hurried = false }: WindowFacts): ListWindow {
  const spare = hurried ? hurriedLines : spareLines;
  const first = Math.floor(scrolledPx / linePx) - spare;
  const last = Math.ceil((scrolledPx + seenPx) / linePx) + spare;
  const from = Math.min(Math.max(0, first), Math.max(0, count));
  const to = Math.min(Math.max(from, last), count);
  return { from, to, heightPx: count * linePx };
}
