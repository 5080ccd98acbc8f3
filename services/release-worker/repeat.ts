import type { Clock } from "#common/kit/clock.ts";
import type { Progress } from "#common/kit/health.ts";
import type { Log } from "#common/kit/log.ts";

export interface Repeated {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly what: string;
  readonly act: () => Promise<void>;
  /** Beats after each turn, whether the act worked or not: a loop that still turns is alive. */
  readonly progress?: Pick<Progress, "beat">;
}

/** Acts again and again, with pauses that differ a little, until the signal; a failed act is logged. */
export async function repeat(
  deps: { readonly log: Log; readonly clock: Clock },
  { everyMs, signal, what, act, progress }: Repeated,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await act();
    } catch (error) {
      deps.log.warn("the worker could not do its regular act", { error, act: what });
    }
    progress?.beat();
    const jitter = 0.8 + Math.random() * 0.4;
    await deps.clock.sleep(everyMs * jitter, signal).catch(() => undefined); // aborted: the loop's head ends it
  }
}
