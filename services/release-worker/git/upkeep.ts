import { existsSync } from "node:fs";
import path from "node:path";

import type { Log } from "#common/kit/log.ts";

import { gitError } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import type { Remote } from "./remote.ts";

export interface UpkeepLimits {
  /** A cache above this is made anew: most of it are blobs that nobody reads again. */
  readonly largestBytes: number;
  /** After so many commits the loose objects become one pack. */
  readonly mostCommits: number;
  /** A new cache takes the old one's place only after so long without any act. */
  readonly idleMs: number;
}

/** `prepared`: a new cache is ready, and waits for a moment in which nothing runs. */
export type UpkeepResult = "nothing" | "repacked" | "prepared" | "renewed";

export interface Upkeep {
  run(limits?: Partial<UpkeepLimits>): Promise<UpkeepResult>;
}

export interface UpkeepParts {
  readonly runner: GitRunner;
  readonly remote: Remote;
  /** How many commits were written into this cache so far. */
  readonly written: () => number;
  readonly log: Log;
}

const usual: UpkeepLimits = { largestBytes: 1024 ** 3, mostCommits: 2_000, idleMs: 5_000 };
const longestRepackMs = 30 * 60_000;
const longestCountMs = 60_000;
/** Younger objects may belong to a chain that is about to be pushed: they stay, though nothing refers to them. */
const keepUnreachable = "1.day.ago";

/** Keeps a cache small without standing in the way of a release: everything happens beside it. */
export function createUpkeep({ runner, remote, written, log }: UpkeepParts): Upkeep {
  let packedAt = 0;
  let prepared: string | undefined;
  const repack = async () => {
    // Bitmaps are impossible in a partial clone; a pack per fetch would slow every later command down.
    const args = ["-c", "repack.writeBitmaps=false", "-c", "pack.threads=1", "repack", "-A", "-d", "-q"];
    const end = await runner.background(
      [...args, `--unpack-unreachable=${keepUnreachable}`],
      longestRepackMs,
    );
    if (end.exitCode !== 0) throw gitError(end.stderr, "GIT_CACHE_BROKEN");
  };
  const renew = async (idleMs: number): Promise<UpkeepResult> => {
    prepared ??= await runner.folders.makeNext();
    await remote.fetchInto(prepared);
    if ((runner.idleMs() ?? 0) < idleMs) return "prepared";
    prepared = undefined;
    await runner.takeNext();
    packedAt = written();
    return "renewed";
  };
  return {
    async run(limits) {
      const { largestBytes, mostCommits, idleMs } = { ...usual, ...limits };
      if (!existsSync(path.join(runner.folder, "config"))) return "nothing";
      const bytes = await sizeOf(runner);
      if (bytes > largestBytes || prepared !== undefined) {
        const result = await renew(idleMs);
        log.info("git cache made anew", { result, bytes });
        return result;
      }
      if (written() - packedAt < mostCommits) return "nothing";
      const upTo = written();
      await repack();
      packedAt = upTo;
      log.info("git cache repacked", { bytes });
      return "repacked";
    },
  };
}

/** Loose objects and packs, in bytes. */
async function sizeOf(runner: GitRunner): Promise<number> {
  const end = await runner.background(["count-objects", "-v"], longestCountMs);
  if (end.exitCode !== 0) throw gitError(end.stderr, "GIT_CACHE_BROKEN");
  const kib = (key: string) => Number(new RegExp(`^${key}: (\\d+)$`, "m").exec(end.stdout)?.[1] ?? 0);
  return (kib("size") + kib("size-pack")) * 1024;
}
