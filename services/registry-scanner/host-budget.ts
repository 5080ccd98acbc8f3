import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import { createSlots } from "#common/kit/slots.ts";

/** What may be asked of a registry host at a time, and when it is left alone. */
export interface HostBudget {
  /** Whole scans by the schedule. */
  scan<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Scans that somebody waits for: never behind the schedule's. */
  asked<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Looks at single tags. */
  look<T>(host: string, work: () => Promise<T>): Promise<T>;
  /**
   * Throws, without a request, while the host asked to be left alone (REGISTRY_RATE_LIMITED); by the
   * schedule also while it was silent again and again (REGISTRY_UNAVAILABLE).
   */
  check(host: string, by: "schedule" | "person"): void;
  /** Learns from an answer. */
  answered(host: string): void;
  /** Learns from a failure. */
  failed(host: string, error: SlipwayError): void;
}

export interface HostLimits {
  /** Scans of one host at a time. */
  readonly scansAtATime: number;
  /** Looks at single tags of one host at a time. */
  readonly looksAtATime: number;
}

const usualLimits: HostLimits = { scansAtATime: 4, looksAtATime: 8 };
const hostLimit = 1_000;
/** For a refusal that does not say how long. */
const refusedForMs = 5_000;
const silencesInARow = 4;
const silentForMs = 30_000;

interface HostState {
  refusedUntilMs: number;
  silences: number;
  silentUntilMs: number;
}

/** Budgets are the process's own: what a host refuses to one scanner, the others learn by themselves. */
export function createHostBudget(clock: Clock, limits: HostLimits = usualLimits): HostBudget {
  const scans = createSlots(limits.scansAtATime);
  const asked = createSlots(limits.scansAtATime);
  const looks = createSlots(limits.looksAtATime);
  const states = new Map<string, HostState>();

  function stateOf(host: string): HostState {
    const state = states.get(host) ?? { refusedUntilMs: 0, silences: 0, silentUntilMs: 0 };
    if (states.size >= hostLimit) states.clear();
    states.set(host, state);
    return state;
  }

  return {
    scan: (host, work) => scans.run(host, work),
    asked: (host, work) => asked.run(host, work),
    look: (host, work) => looks.run(host, work),
    check(host, by) {
      const state = states.get(host);
      if (state === undefined) return;
      const nowMs = clock.monotonicMs();
      if (state.refusedUntilMs > nowMs) throw leftAlone(host, state.refusedUntilMs - nowMs);
      if (by === "schedule" && state.silentUntilMs > nowMs) throw silent(host);
    },
    answered(host) {
      const state = states.get(host);
      if (state === undefined) return;
      state.silences = 0;
      state.silentUntilMs = 0;
    },
    failed(host, error) {
      const state = stateOf(host);
      const nowMs = clock.monotonicMs();
      if (error.code === "REGISTRY_RATE_LIMITED") {
        const untilMs = nowMs + (retryAfterOf(error) ?? refusedForMs);
        state.refusedUntilMs = Math.max(state.refusedUntilMs, untilMs);
      }
      if (!isSilence(error)) return;
      state.silences += 1;
      if (state.silences < silencesInARow) return;
      state.silentUntilMs = nowMs + silentForMs;
      state.silences = silencesInARow - 1; // afterwards one more silence is enough
    },
  };
}

/** How long the registry asked us to wait, when it did. */
export function retryAfterOf(error: SlipwayError): number | undefined {
  const ms = error.facts?.["retryAfterMs"];
  return typeof ms === "number" ? ms : undefined;
}

// No answer at all; a status, even a bad one, comes at once and holds nobody up.
function isSilence(error: SlipwayError): boolean {
  const { status, notAsked } = error.facts ?? {};
  return error.code === "REGISTRY_UNAVAILABLE" && status === undefined && notAsked === undefined;
}

function leftAlone(host: string, forMs: number): SlipwayError {
  return new SlipwayError("REGISTRY_RATE_LIMITED", {
    detail: `${host} wants no requests for another ${Math.ceil(forMs / 1000)} s`,
    facts: { host, retryAfterMs: forMs },
  });
}

function silent(host: string): SlipwayError {
  const detail = `${host} did not answer several times in a row and is left alone for a moment`;
  return new SlipwayError("REGISTRY_UNAVAILABLE", { detail, facts: { host, notAsked: true } });
}
