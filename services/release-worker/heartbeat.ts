import type { Clock } from "#common/kit/clock.ts";

/** Without a renewal for so long others may soon take what this worker holds (leases live 5 s). */
const silenceMs = 4_000;

/** Whether this worker may still begin acts: after failed renewals it stops, and ends its git children. */
export interface Heartbeat {
  /** Fires when renewals have failed for too long; a new one is given once they succeed again. */
  signal(): AbortSignal;
  succeeded(): void;
  failed(): void;
}

export function createHeartbeat(clock: Pick<Clock, "monotonicMs">): Heartbeat {
  let lastMs = clock.monotonicMs();
  let abort = new AbortController();
  return {
    signal: () => abort.signal,
    succeeded() {
      lastMs = clock.monotonicMs();
      if (abort.signal.aborted) abort = new AbortController();
    },
    failed() {
      if (clock.monotonicMs() - lastMs > silenceMs)
        abort.abort(new Error("the worker's leases were not renewed"));
    },
  };
}
