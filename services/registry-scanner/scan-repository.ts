import { errorCatalogue } from "#common/domain/errors.ts";
import type { SlipwayError } from "#common/domain/errors.ts";
import * as images from "#common/store/images.ts";
import type { RepositoryRow } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import { isRegistryTrouble, refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import { retryAfterOf } from "./host-budget.ts";
import { lookForMoves } from "./look-for-moves.ts";
import { missingImages, readImages } from "./read-images.ts";
import { storable } from "./save-description.ts";
import { nextScanMs, reasonToLookForMoves } from "./schedule.ts";
import type { ScanReason } from "./schedule.ts";
import type { ScanTarget } from "./tag-pass.ts";

/** How long a scan may take before another scanner is given the repository too. */
export const claimMs = 150_000;
const listMs = 60_000;

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
  const memory = deps.memory.of(key, deps.clock.monotonicMs());
  let listed = false;
  try {
    const ref = refOf(key);
    deps.budget.check(ref.host, job.reason === "asked" ? "person" : "schedule");
    const target = { key, ref, memory };
    await listTags(deps, target, job.row);
    listed = true;
    deps.budget.answered(ref.host);
    await readWhatIsMissing(deps, target, job.reason);
    memory.readingFailures = 0;
  } catch (error) {
    // Another scanner shall not wait for the end of our claim.
    if (deps.stopping.aborted) return images.wakeRepository(deps.store.db, key);
    if (!isRegistryTrouble(error)) throw error;
    if (listed) memory.readingFailures += 1;
    const before = listed ? memory.readingFailures - 1 : job.row.failures;
    await recordProblem(deps, { key, error, failures: before + 1 });
  }
}

async function listTags(deps: ScanDeps, target: ScanTarget, row: RepositoryRow): Promise<void> {
  const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(listMs)]);
  const { etag } = row;
  const list = await deps.clients.use((client) =>
    client.listTags(target.ref, { signal, ...(etag !== null && { etag }) }),
  );
  const unchanged = list.notModified === true;
  deps.trace?.(
    `scan ${row.key}: ${unchanged ? "nothing new" : `${list.tags.length} tags`}, ${list.requests} request(s)`,
  );
  await images.recordScan(deps.store.db, {
    key: row.key,
    etag: list.etag ?? null,
    complete: list.complete,
    nextDueMs: inAnInterval(deps),
    ...(!unchanged && { tags: list.tags.map((tag) => ({ tag })) }),
  });
}

async function readWhatIsMissing(deps: ScanDeps, target: ScanTarget, reason: ScanReason): Promise<void> {
  const { memory } = target;
  const evenQuiet = reason === "asked";
  memory.scansSince += 1;
  let missing = await missingImages(deps, target, { evenQuiet });
  const moves = reasonToLookForMoves(
    {
      reason,
      listChanged: missing.some(({ digest }) => digest === null),
      scans: memory.scansSince,
      sinceMs: deps.clock.monotonicMs() - memory.movesAtMs,
    },
    deps.moveRhythm,
  );
  if (missing.length === 0 && moves === undefined) return;
  await holdClaim(deps, target.key, claimMs);
  if (moves !== undefined && (await lookForMoves(deps, target))) {
    missing = await missingImages(deps, target, { evenQuiet });
  }
  if (missing.length > 0) await readImages(deps, target, missing);
  deps.trace?.(`scan ${target.key}: ${missing.length} image(s) were unread${moves ? `, ${moves}` : ""}`);
  await holdClaim(deps, target.key, inAnInterval(deps));
}

async function holdClaim(deps: ScanDeps, key: string, forMs: number): Promise<void> {
  await images.recordScan(deps.store.db, { key, etag: null, complete: true, nextDueMs: forMs });
}

function inAnInterval(deps: ScanDeps): number {
  const { intervalMs } = deps;
  return nextScanMs({ outcome: { kind: "listed" }, intervalMs, failures: 0, random: deps.random() });
}

async function recordProblem(
  deps: ScanDeps,
  { key, error, failures }: { readonly key: string; readonly error: SlipwayError; readonly failures: number },
): Promise<void> {
  const retryAfterMs = retryAfterOf(error);
  const outcome = { kind: "failed", ...(retryAfterMs !== undefined && { retryAfterMs }) } as const;
  const nextDueMs = nextScanMs({ outcome, intervalMs: deps.intervalMs, failures, random: deps.random() });
  if (error.code !== "IMAGE_REF_INVALID") deps.budget.failed(refOf(key).host, error);
  deps.trace?.(`scan ${key}: ${error.code}, again in ${Math.round(nextDueMs / 1000)} s`);
  deps.log.info("a repository could not be scanned", { repository: key, failures, nextDueMs, error });
  await images.recordScanFailure(deps.store.db, { key, problem: problemOf(error), nextDueMs });
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
