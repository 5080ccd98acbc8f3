/** How a scan ended, as far as the next one depends on it. */
export type ScanOutcome =
  | { readonly kind: "listed" }
  | { readonly kind: "failed"; readonly retryAfterMs?: number };

/** Why a repository is scanned now. */
export type ScanReason = "asked" | "rung" | "never-scanned" | "retry" | "interval-passed";

/** Why known tags are looked at again for digests that moved. */
export type MoveReason = "nothing-new-after-ring" | "scans-passed" | "time-passed";

/** How often known tags are looked at again. */
export interface MoveRhythm {
  readonly everyScans: number;
  readonly everyMs: number;
}

export const moveRhythm: MoveRhythm = { everyScans: 10, everyMs: 600_000 };

const longestBackoffMs = 15 * 60_000;

export interface NextScanFacts {
  readonly outcome: ScanOutcome;
  readonly intervalMs: number;
  /** Scans that failed in a row, this one included. */
  readonly failures: number;
  /** 0 to 1. */
  readonly random: number;
}

/**
 * When to scan again: after the interval, give or take a tenth; after failures doubled each time up
 * to 15 minutes (or the interval, where that is longer); never before the registry allows it.
 */
export function nextScanMs({ outcome, intervalMs, failures, random }: NextScanFacts): number {
  const aroundOne = 0.9 + 0.2 * random;
  if (outcome.kind === "listed") return Math.round(intervalMs * aroundOne);
  const doubledMs = intervalMs * 2 ** Math.min(failures, 20);
  const backoffMs = Math.min(doubledMs, Math.max(longestBackoffMs, intervalMs)) * aroundOne;
  const allowedMs = (outcome.retryAfterMs ?? 0) * (1 + 0.1 * random);
  return Math.round(Math.max(backoffMs, allowedMs));
}

export interface ScanFacts {
  readonly rung: boolean;
  readonly scannedAt: Date | null;
  readonly failures: number;
}

/** The strongest reason there is to scan a repository that is due. */
export function reasonToScan(facts: ScanFacts): Exclude<ScanReason, "asked"> {
  if (facts.rung) return "rung";
  if (facts.scannedAt === null) return "never-scanned";
  return facts.failures > 0 ? "retry" : "interval-passed";
}

export interface MoveFacts {
  readonly reason: ScanReason;
  readonly listChanged: boolean;
  /** Since the known tags were last looked at: by scans, this one included, and by time. */
  readonly scans: number;
  readonly sinceMs: number;
}

/** Whether known tags are looked at again: a tag list says nothing of a tag that moved. */
export function reasonToLookForMoves(facts: MoveFacts, rhythm: MoveRhythm): MoveReason | undefined {
  // Somebody pushed and the list is the same: then it was a tag that exists.
  if (facts.reason === "rung" && !facts.listChanged) return "nothing-new-after-ring";
  if (facts.scans >= rhythm.everyScans) return "scans-passed";
  return facts.sinceMs >= rhythm.everyMs ? "time-passed" : undefined;
}
