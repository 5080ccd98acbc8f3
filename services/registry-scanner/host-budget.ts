import type { SlipwayError } from "#common/domain/errors.ts";
import { createSlots } from "#common/kit/slots.ts";
import type { AskedBy, HostTokens } from "./host-tokens.ts";
import type { Pace } from "./oci/types.ts";

/** What may be asked of a registry host at a time, how often, and when it is left alone. */
export interface HostBudget {
  /** Whole scans by the schedule. */
  scan<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Scans that somebody waits for: never behind the schedule's. */
  asked<T>(host: string, work: () => Promise<T>): Promise<T>;
  /** Looks at single tags. */
  look<T>(host: string, work: () => Promise<T>): Promise<T>;
  /**
   * Called before each request: waits for its turn. Throws, without a request, while the host asked to be
   * left alone (REGISTRY_RATE_LIMITED); for the schedule also while it was silent again and again
   * (REGISTRY_UNAVAILABLE).
   */
  pace(host: string, by: AskedBy): Pace;
  /** Learns from an answer. */
  answered(host: string): Promise<void>;
  /** Learns from a failure. */
  failed(host: string, error: SlipwayError): Promise<void>;
}

export interface HostLimits {
  /** Scans of one host at a time. */
  readonly scansAtATime: number;
  /** Looks at single tags of one host at a time. */
  readonly looksAtATime: number;
}

const usualLimits: HostLimits = { scansAtATime: 4, looksAtATime: 8 };
const hostLimit = 1_000;
const silencesInARow = 4;
const silentForMs = 30_000;

/** Places are the process's own; requests are counted out by the store for all scanners together. */
export function createHostBudget(tokens: HostTokens, limits: HostLimits = usualLimits): HostBudget {
  const scans = createSlots(limits.scansAtATime);
  const asked = createSlots(limits.scansAtATime);
  const looks = createSlots(limits.looksAtATime);
  const silences = new Map<string, number>();

  return {
    scan: (host, work) => scans.run(host, work),
    asked: (host, work) => asked.run(host, work),
    look: (host, work) => looks.run(host, work),
    pace: (host, by) => (signal) => tokens.take({ host, by, signal }),
    async answered(host) {
      silences.delete(host);
      await tokens.answered(host);
    },
    async failed(host, error) {
      if (error.code === "REGISTRY_RATE_LIMITED" && error.facts?.["notAsked"] === undefined) {
        await tokens.refused(host, retryAfterOf(error));
      }
      if (!isSilence(error)) return;
      if (silences.size >= hostLimit) silences.clear();
      const inARow = (silences.get(host) ?? 0) + 1;
      silences.set(host, inARow);
      if (inARow < silencesInARow) return;
      silences.set(host, silencesInARow - 1); // afterwards one more silence is enough
      await tokens.silent(host, silentForMs);
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
