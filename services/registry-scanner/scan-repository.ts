import { errorCatalogue } from "#common/domain/errors.ts";
import type { SlipwayError } from "#common/domain/errors.ts";
import { withTimeLimit } from "#common/kit/time-limit.ts";
import { paceFacts, recordScanFailure, settleScan } from "#common/store/image-pace.ts";
import type { PaceFacts, Settling } from "#common/store/image-pace.ts";
import { wakeAutomationOfImage } from "#common/store/automation-wakes.ts";
import * as images from "#common/store/images.ts";
import type { RecordedListing, RepositoryRow } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import { chooseToRead } from "./choose-tags.ts";
import type { Uses } from "./choose-tags.ts";
import { isRegistryTrouble, refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import { retryAfterOf } from "./host-budget.ts";
import type { AskedBy } from "./host-tokens.ts";
import { lookForMoves } from "./look-for-moves.ts";
import { missingImages, readImages } from "./read-images.ts";
import type { MissingImage } from "./read-images.ts";
import { storable } from "./save-description.ts";
import { aroundMs, backoffMs, intervalOf, reasonToLookForMoves, retryMs } from "./schedule.ts";
import type { Interval, MoveReason, ScanReason } from "./schedule.ts";
import type { ScanTarget } from "./tag-pass.ts";

const listMs = 60_000;
/** So soon comes the next scan while there is more to read than one scan reads. */
const readOnInMs = 1_000;
const unlikelyMoves = { now: 200, usually: 10 };

export interface ScanJob {
  readonly row: RepositoryRow;
  readonly reason: ScanReason;
}

/**
 * One scan: the tag list (conditional), known tags that may have moved (now and then), images not read
 * yet. Whatever the registry does ends as a recorded problem; only failures of ours are thrown.
 */
export async function scanRepository(deps: ScanDeps, job: ScanJob): Promise<void> {
  const { key } = job.row;
  const memory = deps.memory.of(key);
  let listed = false;
  try {
    const ref = refOf(key);
    const target = { key, ref, memory, pace: deps.budget.pace(ref.host, askedBy(job.reason)) };
    const list = await listTags(deps, target, job.row);
    listed = true;
    await deps.budget.answered(ref.host);
    const reading = await readWhatIsMissing(deps, target, { ...job, ...list });
    memory.readingFailures = 0;
    await settle(deps, { ...job, ...list }, reading);
    deps.count.scanned(ref.host, list.changed || reading.moved ? "changed" : "nothing-new");
  } catch (error) {
    // What is left is released by whoever stops us: others shall not wait for the end of our claim.
    if (deps.stopping.aborted) return;
    if (!isRegistryTrouble(error)) throw error;
    if (listed) memory.readingFailures += 1;
    const before = listed ? memory.readingFailures - 1 : job.row.failures;
    await recordProblem(deps, { row: job.row, error, failures: before + 1 });
  }
}

/** Whoever pushed or waits comes before the schedule. */
function askedBy(reason: ScanReason): AskedBy {
  return reason === "asked" || reason === "listed" || reason === "rung" ? "person" : "schedule";
}

async function listTags(deps: ScanDeps, target: ScanTarget, row: RepositoryRow): Promise<RecordedListing> {
  const { key, etag } = row;
  const { pace } = target;
  const list = await withTimeLimit({ ms: listMs, stopping: deps.stopping }, (signal) =>
    deps.clients.use((client) =>
      client.listTags(target.ref, { signal, pace, ...(etag !== null && { etag }) }),
    ),
  );
  const unchanged = list.notModified === true;
  const what = unchanged ? "nothing new" : `${list.tags.length} tags`;
  deps.trace?.(`scan ${key}: ${what}, ${list.requests} request(s)`);
  return images.recordListing(deps.store.db, {
    key,
    etag: list.etag ?? null,
    complete: list.complete,
    ...(!unchanged && { tags: list.tags.map((tag) => ({ tag })) }),
  });
}

interface Reading {
  readonly moved: boolean;
  /** Images were read that were not known. */
  readonly read: boolean;
  /** There is more to read than was read now. */
  readonly more: boolean;
  /** All of it was to be read. */
  readonly all: boolean;
  readonly moves: Settling["moves"];
}

async function readWhatIsMissing(
  deps: ScanDeps,
  target: ScanTarget,
  { row, reason, ...list }: ScanJob & RecordedListing,
): Promise<Reading> {
  const all = reason === "asked" || row.read_all;
  const due = movesDue(deps, { row, reason, ...list });
  // What was left unread on purpose stays so for as long as nothing happens.
  const calm = reason === "interval-passed" && !list.changed && !row.reading && !row.read_all;
  if (calm && due === undefined) return { ...nothingRead, moves: { scans: row.moves_scans + 1 } };
  const unread = await missingImages(deps, target, { evenQuiet: reason === "asked" });
  const uses = unread.length === 0 && due === undefined ? unused : await usesOf(deps, row.key);
  const found = due && (await lookForMoves(deps, target, { uses, ...moveStart(row, due) }));
  const still = found?.moved === true ? await missingImages(deps, target, { evenQuiet: false }) : unread;
  const chosen = await chosenOf(deps, still, { key: row.key, uses, all });
  const left = chosen.length === 0 ? [] : await readSome(deps, target, chosen);
  if (due ?? chosen.length > 0) {
    deps.trace?.(`scan ${row.key}: ${chosen.length} of ${still.length} unread image(s) read ${due ?? ""}`);
  }
  return {
    moved: found?.moved ?? false,
    read: chosen.length > 0,
    more: left.length > 0,
    all,
    moves: found === undefined ? { scans: row.moves_scans + 1 } : { scans: 0, looked: found },
  };
}

/** Reads as many as one scan may; gives those that are left for the next one. */
async function readSome(
  deps: ScanDeps,
  target: ScanTarget,
  chosen: readonly MissingImage[],
): Promise<readonly MissingImage[]> {
  await readImages(deps, target, chosen);
  const tags = new Set(chosen.map(({ tag }) => tag));
  const unread = await missingImages(deps, target, { evenQuiet: false });
  return unread.filter(({ tag }) => tags.has(tag));
}

const nothingRead = { moved: false, read: false, more: false, all: false };
const unused: Uses = { declared: [], running: new Set() };

function movesDue(
  deps: ScanDeps,
  { row, reason, changed, at }: ScanJob & RecordedListing,
): MoveReason | undefined {
  const { moves_at: movesAt } = row;
  const sinceMs = movesAt === null ? 0 : at.getTime() - movesAt.getTime();
  const facts = { reason, listChanged: changed, scans: row.moves_scans + 1, sinceMs };
  return reasonToLookForMoves(facts, deps.moveRhythm);
}

function moveStart(row: RepositoryRow, due: MoveReason) {
  const { now, usually } = unlikelyMoves;
  return { after: row.moves_after, unlikely: due === "nothing-new-after-ring" ? now : usually };
}

async function usesOf(deps: ScanDeps, key: string): Promise<Uses> {
  return { declared: await deps.declaredUses(key), running: deps.runningTags(key) };
}

async function chosenOf(
  deps: ScanDeps,
  unread: readonly MissingImage[],
  { key, uses, all }: { readonly key: string; readonly uses: Uses; readonly all: boolean },
): Promise<readonly MissingImage[]> {
  if (all || unread.length === 0) return unread;
  const tags = await images.tagsOf(deps.store.db, key);
  return chooseToRead(unread, { ...uses, tags: tags.map(({ tag }) => tag) });
}

async function settle(deps: ScanDeps, scan: ScanJob & RecordedListing, reading: Reading): Promise<void> {
  const { db } = deps.store;
  const { row } = scan;
  if (reading.moved) await images.noteChange(db, row.key);
  if (scan.changed || reading.moved || reading.read) await wakeAutomationOfImage(db, row.key);
  const facts = knownFacts(scan, reading) ?? (await paceFacts(db, row.key));
  if (facts === undefined) return;
  const usual = intervalOf(facts, deps.rhythm);
  const interval: Interval = reading.more ? { ms: readOnInMs, reason: "reading" } : usual;
  await settleScan(db, {
    row,
    changedAt: facts.changedAt,
    reading: reading.more,
    readAll: reading.all && reading.more,
    moves: reading.moves,
    intervalMs: interval.ms,
    reason: interval.reason,
    nextDueMs: aroundMs(interval.ms, deps.random()),
  });
}

/** What the scan began with, where nothing has changed since. */
function knownFacts(
  { row, at, changed }: ScanJob & RecordedListing,
  reading: Reading,
): PaceFacts | undefined {
  const { changed_at: changedAt, asked_at: askedAt, automated } = row;
  if (changed || reading.moved || changedAt === null) return undefined;
  return { now: at, changedAt, askedAt, automated };
}

interface Problem {
  readonly row: RepositoryRow;
  readonly error: SlipwayError;
  readonly failures: number;
}

async function recordProblem(deps: ScanDeps, { row, error, failures }: Problem): Promise<void> {
  const { key } = row;
  const intervalMs = backoffMs(failures, deps.rhythm);
  const nextDueMs = retryMs(intervalMs, { retryAfterMs: retryAfterOf(error), random: deps.random() });
  const reason = error.code === "REGISTRY_RATE_LIMITED" ? "rate-limited" : "unreadable";
  deps.trace?.(`scan ${key}: ${error.code}, again in ${Math.round(nextDueMs / 1000)} s`);
  deps.log.info("a repository could not be scanned", { repository: key, failures, nextDueMs, error });
  const pace = { intervalMs: Math.max(intervalMs, retryAfterOf(error) ?? 0), reason, nextDueMs };
  await recordScanFailure(deps.store.db, { row, problem: problemOf(error), ...pace });
  deps.count.scanned(row.host, reason);
  if (error.code !== "IMAGE_REF_INVALID") await deps.budget.failed(refOf(key).host, error);
}

/** A failure as a repository keeps it. */
export function problemOf(error: SlipwayError): JobErrorRow {
  return {
    code: error.code,
    title: errorCatalogue[error.code].title,
    detail: error.detail === undefined ? null : storable(error.detail),
    hint: error.hint ?? null,
  };
}
