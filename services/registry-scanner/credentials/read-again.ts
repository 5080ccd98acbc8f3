import type { Clock } from "#common/kit/clock.ts";
import { warnRarely } from "#common/kit/log-rarely.ts";
import type { Log } from "#common/kit/log.ts";

/** Something read from a file, read again now and then. */
export interface Reread<T> {
  /** As of at most a second ago, or of now. */
  now(o: { readonly fresh: boolean }): T;
}

const everyMs = 1_000;

/**
 * Throws while it could never be read. A file is away for a moment while it is rotated: what was read
 * last goes on until then.
 */
export function readAgain<T>(o: {
  /** For the log. */
  readonly what: string;
  readonly read: () => T;
  readonly clock: Clock;
  readonly log: Log;
}): Reread<T> {
  const warn = warnRarely(o.log, { everyMs: 60_000, clock: o.clock });
  let last: { readonly value: T } | undefined;
  let readAtMs = -Infinity;
  return {
    now({ fresh }) {
      const nowMs = o.clock.monotonicMs();
      if (last !== undefined && !fresh && nowMs - readAtMs < everyMs) return last.value;
      readAtMs = nowMs;
      try {
        last = { value: o.read() };
      } catch (error) {
        if (last === undefined) throw error;
        warn(`${o.what} cannot be read; what was read last is used`, { error });
      }
      return last.value;
    },
  };
}
