import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";

export interface CalmHints {
  /**
   * Looks at once, or, where a look was asked for a moment ago, once after that moment: of many hints
   * none is lost, and the last is followed by a look.
   */
  hint(subject: string): Promise<void>;
  /** Looks that are still owed are given up; a poll makes up for them. */
  stop(): void;
}

export interface CalmHintsOptions {
  readonly look: (subject: string) => Promise<void>;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks that are past are forgotten when there are so many. */
const mostRemembered = 10_000;

/** At most one look at each subject in so many ms. */
export function createCalmHints({ look, everyMs, clock, log }: CalmHintsOptions): CalmHints {
  const lookedMs = new Map<string, number>();
  const owed = new Set<string>();
  const stopping = new AbortController();

  const lookNow = async (subject: string): Promise<void> => {
    if (lookedMs.size >= mostRemembered) forgetOld();
    lookedMs.set(subject, clock.monotonicMs());
    await look(subject);
  };
  const forgetOld = (): void => {
    const nowMs = clock.monotonicMs();
    for (const [subject, atMs] of lookedMs) if (atMs + everyMs <= nowMs) lookedMs.delete(subject);
  };
  const lookLater = async (subject: string, waitMs: number): Promise<void> => {
    try {
      await clock.sleep(waitMs, stopping.signal);
    } catch {
      // Only our own stop ends the wait early.
      return;
    }
    owed.delete(subject);
    try {
      await lookNow(subject);
    } catch (error) {
      log.warn("a hint could not be passed on; the next poll makes up for it", { error, subject });
    }
  };

  return {
    async hint(subject) {
      if (owed.has(subject)) return;
      const waitMs = (lookedMs.get(subject) ?? -Infinity) + everyMs - clock.monotonicMs();
      if (waitMs <= 0) return lookNow(subject);
      owed.add(subject);
      void lookLater(subject, waitMs);
    },
    stop: () => stopping.abort(),
  };
}
