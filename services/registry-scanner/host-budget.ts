import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import { createSlots } from "./slots.ts";

/** What may be asked of a registry host at a time, and when it wants to be left alone. */
export interface HostBudget {
  /** Whole scans by the schedule. */
  scan<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Scans and looks that somebody waits for: never behind the schedule's. */
  asked<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Looks at single tags. */
  look<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Throws REGISTRY_RATE_LIMITED, without a request, while the host wants to be left alone. */
  check(host: string): void;
  /** Learns from a failure. */
  note(host: string, error: SlipwayError): void;
}

const scansAtATime = 4;
const looksAtATime = 8;
const hostLimit = 1_000;
/** A refusal without a word on how long. */
const silentPauseMs = 5_000;

/** Budgets are the process's own: what a host refuses to one scanner, the others learn by themselves. */
export function createHostBudget(clock: Clock): HostBudget {
  const scans = createSlots(scansAtATime);
  const asked = createSlots(scansAtATime);
  const looks = createSlots(looksAtATime);
  const pausedUntilMs = new Map<string, number>();
  return {
    scan: (host, work) => scans.run(host, work),
    asked: (host, work) => asked.run(host, work),
    look: (host, work) => looks.run(host, work),
    check(host) {
      const leftMs = (pausedUntilMs.get(host) ?? 0) - clock.monotonicMs();
      if (leftMs <= 0) return;
      throw new SlipwayError("REGISTRY_RATE_LIMITED", {
        detail: `${host} wants no requests for another ${Math.ceil(leftMs / 1000)} s`,
        facts: { host, retryAfterMs: leftMs },
      });
    },
    note(host, error) {
      if (error.code !== "REGISTRY_RATE_LIMITED") return;
      const untilMs = clock.monotonicMs() + (retryAfterOf(error) ?? silentPauseMs);
      if (pausedUntilMs.size >= hostLimit) pausedUntilMs.clear();
      pausedUntilMs.set(host, Math.max(untilMs, pausedUntilMs.get(host) ?? 0));
    },
  };
}

/** How long the registry asked us to wait, when it did. */
export function retryAfterOf(error: SlipwayError): number | undefined {
  const ms = error.facts?.["retryAfterMs"];
  return typeof ms === "number" ? ms : undefined;
}
