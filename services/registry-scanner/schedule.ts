/** Why a repository is scanned now. */
export type ScanReason = "asked" | "listed" | "rung" | "never-scanned" | "retry" | "interval-passed";

/** Why a repository is scanned as often as it is; the words people read. */
export type PaceReason =
  | "automated"
  | "changed"
  | "asked"
  | "quiet"
  | "reading"
  | "unreadable"
  | "rate-limited";

/** The shortest and the longest time between two scans of a repository. */
export interface ScanRhythm {
  readonly shortestMs: number;
  readonly longestMs: number;
}

const longestClaimMs = 15_000;

/** A scanner that dies holds nothing for so long that a repository misses two intervals. */
export function claimMsOf({ shortestMs }: ScanRhythm): number {
  return Math.min(longestClaimMs, Math.max(500, shortestMs / 2));
}

export interface Interest {
  readonly now: Date;
  readonly changedAt: Date;
  readonly askedAt: Date | null;
  /** Its new images are released by themselves. */
  readonly automated: boolean;
}

export interface Interval {
  readonly ms: number;
  readonly reason: PaceReason;
}

const quietShare = 20;

/**
 * How often to scan: what is released by itself as often as allowed; else a twentieth of the time since
 * it changed or somebody asked, so that a repository that was quiet for a day costs little.
 */
export function intervalOf({ now, changedAt, askedAt, automated }: Interest, rhythm: ScanRhythm): Interval {
  const { shortestMs } = rhythm;
  const longestMs = Math.max(shortestMs, rhythm.longestMs);
  if (automated) return { ms: shortestMs, reason: "automated" };
  const asked = askedAt !== null && askedAt > changedAt;
  const quietMs = Math.max(0, now.getTime() - (asked ? askedAt : changedAt).getTime());
  const ms = Math.min(longestMs, Math.max(shortestMs, Math.round(quietMs / quietShare)));
  if (ms > shortestMs) return { ms, reason: "quiet" };
  return { ms, reason: asked ? "asked" : "changed" };
}

/** Why known tags are looked at again for digests that moved. */
export type MoveReason = "nothing-new-after-ring" | "scans-passed" | "time-passed";

/** How often known tags are looked at again. */
export interface MoveRhythm {
  readonly everyScans: number;
  readonly everyMs: number;
}

export const moveRhythm: MoveRhythm = { everyScans: 20, everyMs: 1_800_000 };

/** The interval, give or take a tenth, so that what began together does not stay together. */
export function aroundMs(intervalMs: number, random: number): number {
  return Math.round(intervalMs * (0.9 + 0.2 * random));
}

/** After failures the shortest interval is doubled each time up to the longest. */
export function backoffMs(failures: number, rhythm: ScanRhythm): number {
  const { shortestMs, longestMs } = rhythm;
  return Math.min(shortestMs * 2 ** Math.min(failures, 20), Math.max(shortestMs, longestMs));
}

/** When to try again after a failure: after the pause, and never before the registry allows it. */
export function retryMs(pauseMs: number, o: { retryAfterMs: number | undefined; random: number }): number {
  const allowedMs = (o.retryAfterMs ?? 0) * (1 + 0.1 * o.random);
  return Math.round(Math.max(aroundMs(pauseMs, o.random), allowedMs));
}

export interface ScanFacts {
  readonly rung: boolean;
  /** Somebody lists it, and some of its images are unread. */
  readonly listed: boolean;
  readonly scannedAt: Date | null;
  readonly failures: number;
}

/** The strongest reason there is to scan a repository that is due. */
export function reasonToScan(facts: ScanFacts): Exclude<ScanReason, "asked"> {
  if (facts.listed) return "listed";
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
