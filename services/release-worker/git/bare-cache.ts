import { renameSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { SlipwayError } from "#common/domain/errors.ts";

import { removeLeftovers } from "./cache-leftovers.ts";
import { gitError } from "./git-errors.ts";
import { createPlumbing } from "./plumbing.ts";
import type { PlumbingOptions } from "./plumbing.ts";
import { cacheConfig, cacheName } from "./target.ts";
import type { GitTarget } from "./target.ts";

/** The bare, blobless repository on disk. */
export interface BareCache {
  readonly folder: string;
  /** Takes the folder as an earlier run of this worker left it, or makes it. */
  ensure(): Promise<void>;
  /** The next `ensure` makes it anew; for when git called it damaged. */
  discard(): void;
  /** Makes an empty repository beside this one, for `swap`; returns its folder. */
  makeNext(): Promise<string>;
  /** Puts the next one in this one's place, in one step; only while no git runs in either. */
  swap(): Promise<void>;
  /** Frees the disk; the next `ensure` makes the cache anew. Only while no git runs in it. */
  remove(): Promise<void>;
}

export interface BareCacheOptions extends Omit<PlumbingOptions, "folder"> {
  readonly target: GitTarget;
  readonly root: string;
}

/** Names the cache's folder below the worker's own one; nothing is written before `ensure`. */
export function createBareCache(options: BareCacheOptions): BareCache {
  const folder = path.join(options.root, cacheName(options.target));
  const [next, old] = [`${folder}.next`, `${folder}.old`];
  let state: "unseen" | "ready" | "damaged" = "unseen";
  let making: Promise<void> | undefined;
  const make = async () => {
    const reusable = state === "unseen" && (await hasConfig(folder, options.target));
    if (reusable) await removeLeftovers(folder);
    else await makeAnew(folder, options);
    state = "ready";
  };
  return {
    folder,
    async ensure() {
      if (state === "ready") return;
      making ??= make().finally(() => {
        making = undefined;
      });
      await making;
    },
    discard() {
      state = "damaged";
    },
    async makeNext() {
      await makeAnew(next, options);
      return next;
    },
    async swap() {
      // Synchronous: no command can begin between the two.
      renameSync(folder, old);
      renameSync(next, folder);
      await rm(old, { recursive: true, force: true });
    },
    async remove() {
      state = "damaged";
      await Promise.all([folder, next, old].map((one) => rm(one, { recursive: true, force: true })));
    },
  };
}

async function hasConfig(folder: string, target: GitTarget): Promise<boolean> {
  try {
    return (await readFile(path.join(folder, "config"), "utf8")) === cacheConfig(target);
  } catch (cause) {
    // Nothing there yet is the ordinary case of a first start.
    if (codeOf(cause) === "ENOENT") return false;
    throw cause;
  }
}

async function makeAnew(folder: string, options: BareCacheOptions): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const plumbing = createPlumbing({ ...options, folder });
    const made = await plumbing.run(["init", "--bare", "--template=", "--initial-branch=unused", "."]);
    if (made.exitCode !== 0) throw gitError(made.stderr, "GIT_CACHE_BROKEN");
    // Written last and whole: its presence says that the folder is complete.
    await writeFile(path.join(folder, "config"), cacheConfig(options.target));
  } catch (cause) {
    throw codeOf(cause) === "ENOSPC" ? diskFull(cause) : cause;
  }
}

function diskFull(cause: unknown): SlipwayError {
  return new SlipwayError("DISK_FULL", { detail: "the git cache could not be made", cause });
}

function codeOf(cause: unknown): unknown {
  return Reflect.get(Object(cause), "code");
}
