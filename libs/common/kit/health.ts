import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";

/** Whether a loop still turns; what a liveness probe asks. Progress is the turn, not that work was found. */
export interface Progress {
  beat(): void;
  alive(): boolean;
  /** Milliseconds since the last beat. */
  silenceMs(): number;
}

/** Counts as alive until it was silent for `maxSilenceMs`; beating begins now. */
export function createProgress(options: { readonly maxSilenceMs: number; readonly clock?: Clock }): Progress {
  const clock = options.clock ?? systemClock;
  let lastMs = clock.monotonicMs();
  const silenceMs = (): number => clock.monotonicMs() - lastMs;
  return {
    beat: () => {
      lastMs = clock.monotonicMs();
    },
    silenceMs,
    alive: () => silenceMs() <= options.maxSilenceMs,
  };
}
