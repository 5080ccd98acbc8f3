import { statfs } from "node:fs/promises";

import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";

import { removeLeftovers } from "./cache-leftovers.ts";
import type { GitRunner } from "./git-runner.ts";

/** git needs more than this for anything it writes. */
const leastFreeBytes = 1024 * 1024;
/** What a full disk looks like: git seldom says the true reason. */
const lookAlike = new Set<ErrorCode>(["GIT_CACHE_BROKEN", "GIT_UNAVAILABLE", "DISK_FULL"]);

/**
 * The error itself, or DISK_FULL where the cache's disk has no room left. What the interrupted write left there is
 * removed, so that it does not keep the disk full.
 */
export async function orDiskFull(runner: GitRunner, error: SlipwayError): Promise<SlipwayError> {
  if (!lookAlike.has(error.code)) return error;
  if (error.code !== "DISK_FULL" && !(await isFull(runner.root))) return error;
  if (runner.idleMs() !== undefined) await removeLeftovers(runner.folder);
  if (error.code === "DISK_FULL") return error;
  return new SlipwayError("DISK_FULL", { detail: error.detail ?? error.message, cause: error });
}

async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize < leastFreeBytes;
  } catch (cause) {
    // The folder is gone: that is another fault, and the error at hand tells it.
    if (Reflect.get(Object(cause), "code") === "ENOENT") return false;
    throw cause;
  }
}
