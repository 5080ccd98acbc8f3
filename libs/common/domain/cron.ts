import { Cron } from "croner";

/**
 * Starts of a cron schedule in a time zone, with what croner makes of summer time: a start in the hour
 * that is left out comes an hour later, one in the hour that comes twice happens the first time alone.
 */
export interface Schedule {
  /** The first start after an instant. */
  next(after: Date): Date | undefined;
}

/** Reads five fields (or @daily, …); throws what `scheduleFault` tells. */
export function readSchedule(cron: string, timeZone: string): Schedule {
  const pattern = new Cron(cron, { timezone: timeZone, paused: true, mode: "5-part" });
  return { next: (after) => pattern.nextRun(after) ?? undefined };
}

/** What is wrong with a schedule, in words for whoever wrote it. */
export function scheduleFault(cron: string): string | undefined {
  try {
    const first = readSchedule(cron, "UTC").next(new Date("2026-01-01T00:00:00Z"));
    return first === undefined ? `"${cron}" never comes` : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: */, "") : String(error);
    return `"${cron}" is no schedule of five fields: ${why}`;
  }
}

/** What is wrong with the name of a time zone. */
export function timeZoneFault(name: string): string | undefined {
  try {
    Intl.DateTimeFormat("en", { timeZone: name });
    return undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `there is no time zone "${name}"; write its IANA name, such as Europe/Berlin or UTC`;
  }
}

/** The shortest time between two of the next starts, over a year with its changes of summer time. */
export function shortestPauseMs(cron: string, timeZone: string): number {
  const schedule = readSchedule(cron, timeZone);
  let at = new Date("2026-01-01T00:00:00Z");
  let shortest = Number.POSITIVE_INFINITY;
  for (let start = 0; start < startsLookedAt; start += 1) {
    const next = schedule.next(at);
    if (next === undefined) break;
    if (start > 0) shortest = Math.min(shortest, next.getTime() - at.getTime());
    at = next;
  }
  return shortest;
}

const startsLookedAt = 100;
