import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { Log, LogFacts } from "./log.ts";

/**
 * Warns at most once per `everyMs` and text, and says how many lines were left out: an outage of a
 * peer must not fill the disk.
 */
export function warnRarely(
  log: Log,
  { everyMs, clock = systemClock }: { everyMs: number; clock?: Clock },
): (text: string, facts?: LogFacts) => void {
  const seen = new Map<string, { untilMs: number; leftOut: number }>();
  return (text, facts = {}) => {
    const nowMs = clock.monotonicMs();
    const last = seen.get(text);
    if (last !== undefined && nowMs < last.untilMs) {
      last.leftOut += 1;
      return;
    }
    seen.set(text, { untilMs: nowMs + everyMs, leftOut: 0 });
    const leftOut = last?.leftOut ?? 0;
    log.warn(text, leftOut > 0 ? { ...facts, leftOut } : facts);
  };
}
