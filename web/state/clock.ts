import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

export interface PageClock {
  /** The server's time, a second fresh; a browser's clock may be an hour off. */
  readonly now: ReadonlySignal<number>;
  /** Told the Date of each answer. */
  correct(date: string): void;
}

const tickMs = 1_000;
/** Dates of answers are whole seconds, and answers take a while. */
const toleratedMs = 2_500;

export function createPageClock(): PageClock {
  let aheadMs = 0;
  const now = signal(Date.now());
  const tick = (): void => void (now.value = Date.now() - aheadMs);
  setInterval(tick, tickMs);
  return {
    now,
    correct: (date) => {
      const serverMs = Date.parse(date) + 500;
      if (Number.isNaN(serverMs)) return;
      const measured = Date.now() - serverMs;
      if (Math.abs(measured - aheadMs) <= toleratedMs) return;
      aheadMs = Math.abs(measured) <= toleratedMs ? 0 : measured;
      tick();
    },
  };
}
