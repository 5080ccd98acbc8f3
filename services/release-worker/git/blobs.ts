import { SlipwayError } from "#common/domain/errors.ts";

import { createBatchReader } from "./batch-reader.ts";
import type { BatchResult } from "./batch-reader.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";
import type { Remote } from "./remote.ts";

/** Blobs above this are not read. */
export const largestBlobBytes = 1024 * 1024;

/**
 * Reads blobs: one `cat-file --batch` when all are in the cache; else one fetch of everything that is missing and
 * one more. An oid without an entry in the answer is larger than `largestBlobBytes`.
 */
export async function readBlobs(
  { runner, remote }: { runner: GitRunner; remote: Remote },
  oids: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, Buffer>> {
  const wanted = [...new Set(oids.map(checkOid))];
  if (wanted.length === 0) return new Map();
  const first = await readBatch(runner, wanted, signal);
  if (first.missing.length === 0) return first.blobs;
  await remote.prefetch(first.missing, signal);
  const second = await readBatch(runner, first.missing, signal);
  if (second.missing.length > 0) {
    throw new SlipwayError("NOT_FOUND", { detail: `${second.missing[0]} is not a file in the repository` });
  }
  return new Map([...first.blobs, ...second.blobs]);
}

async function readBatch(
  runner: GitRunner,
  oids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<BatchResult> {
  const reader = createBatchReader(largestBlobBytes);
  const input = `${oids.join("\n")}\n`;
  const extras = { input, onStdout: reader.take, signal };
  const end = await runner.stream(["cat-file", "--batch"], extras);
  if (end.stopped === "aborted" && signal?.aborted === true) throw signal.reason;
  const result = reader.finish();
  if (end.exitCode === 0 && !result.broken) return result;
  throw new SlipwayError("GIT_CACHE_BROKEN", { detail: `reading blobs failed: ${end.stderr.slice(0, 300)}` });
}
