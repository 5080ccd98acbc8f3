import { SlipwayError } from "#common/domain/errors.ts";

import { createBareCache } from "./bare-cache.ts";
import type { BareCache } from "./bare-cache.ts";
import { gitError } from "./git-errors.ts";
import { createPlumbing } from "./plumbing.ts";
import type { PlumbingEnd, PlumbingRun } from "./plumbing.ts";
import { runDetached } from "./process.ts";
import type { DetachedEnd, DetachedRun } from "./process.ts";
import {
  checkTarget,
  localEnvironment,
  networkEnvironment,
  pushEnvironment,
  upkeepEnvironment,
} from "./target.ts";
import type { GitTarget } from "./target.ts";
import { createUsage } from "./usage.ts";

export interface GitRunnerOptions {
  readonly target: GitTarget;
  readonly root: string;
  readonly searchPath: string;
  readonly localTimeoutMs: number;
}

export type RunExtras = Partial<Pick<DetachedRun, "input" | "onStdout" | "signal">>;

export type NetworkRun = RunExtras & { readonly timeoutMs: number };

/** Runs git on one cache; makes the cache first where it is missing or damaged. */
export interface GitRunner {
  readonly folder: string;
  /** The worker's own folder, which holds the cache. */
  readonly root: string;
  /** The cache is there when this ends. */
  ready(): Promise<void>;
  /** A local command whatever its exit code. */
  local(args: readonly string[], run?: PlumbingRun): Promise<PlumbingEnd>;
  /** A local command that must succeed; where it does not, the cache counts as damaged (see `createHealing`). */
  must(args: readonly string[], run?: PlumbingRun): Promise<string>;
  /** A local command whose output is too large to be kept whole. */
  stream(args: readonly string[], extras: RunExtras): Promise<DetachedEnd>;
  /** A command that reads from the git host, in a process group of its own. */
  network(args: readonly string[], run: NetworkRun): Promise<DetachedEnd>;
  /** A push, likewise. */
  push(args: readonly string[], run: NetworkRun): Promise<DetachedEnd>;
  /** The next command makes the cache anew, unless it was discarded since `generation` (a count of discards). */
  discard(generation?: number): void;
  /** How often the cache was discarded: what was remembered about its objects holds for one count only. */
  discards(): number;
  processes(): number;
  /** Nothing runs; since when, in milliseconds. Undefined while something does. */
  idleMs(): number | undefined;
  /** Makes an empty repository beside the cache. */
  readonly folders: Pick<BareCache, "makeNext">;
  /** Puts the one that `makeNext` made in the cache's place; only while nothing runs. */
  takeNext(): Promise<void>;
  /** Removes the cache from the disk; only while nothing runs. The next command makes it anew. */
  remove(): Promise<void>;
  /** A local command of upkeep: it does not count as use. */
  background(args: readonly string[], timeoutMs: number): Promise<DetachedEnd>;
  /** A network command in another folder (the next cache). */
  networkIn(folder: string, args: readonly string[], run: NetworkRun): Promise<DetachedEnd>;
  /** Ends every command that runs and waits for it. */
  dispose(): Promise<void>;
}

/** Opens one cache below the worker's folder; nothing happens before the first command. */
export function createGitRunner({ target, root, searchPath, localTimeoutMs }: GitRunnerOptions): GitRunner {
  checkTarget(target);
  const place = { home: root, searchPath };
  const env = localEnvironment(place);
  const networkEnv = networkEnvironment(target, place);
  const upkeepEnv = upkeepEnvironment(place);
  const pushEnv = pushEnvironment(target, place);
  const ending = new AbortController();
  let processes = 0;
  let discards = 0;
  const shared = { env, timeoutMs: localTimeoutMs, onProcess: () => void (processes += 1) };
  const cache = createBareCache({ ...shared, target, root });
  const plumbing = createPlumbing({ ...shared, folder: cache.folder });
  const untilEnd = (signal: AbortSignal | undefined) =>
    signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);

  const usage = createUsage();
  const discard = (generation = discards) => {
    if (generation !== discards) return;
    discards += 1;
    cache.discard();
  };
  const local = async (args: readonly string[], { signal, ...run }: PlumbingRun = {}) => {
    await cache.ensure();
    return usage.used(plumbing.run(args, { ...run, signal: untilEnd(signal) }));
  };
  const detachedIn = (cwd: string, args: readonly string[], run: Omit<DetachedRun, "args" | "cwd">) => {
    processes += 1;
    return usage.tracked(runDetached({ ...run, args, cwd, signal: untilEnd(run.signal) }));
  };
  const detached = async (args: readonly string[], run: Omit<DetachedRun, "args" | "cwd">) => {
    await cache.ensure();
    return usage.used(detachedIn(cache.folder, args, run));
  };
  return {
    folder: cache.folder,
    root,
    ready: () => cache.ensure(),
    local,
    async must(args, run) {
      const end = await local(args, run);
      if (end.exitCode === 0) return end.stdout;
      throw gitError(end.stderr, "GIT_CACHE_BROKEN");
    },
    stream: (args, extras) => detached(args, { ...extras, env, timeoutMs: localTimeoutMs }),
    network: (args, run) => detached(args, { ...run, env: networkEnv }),
    push: (args, run) => detached(args, { ...run, env: pushEnv }),
    discard,
    discards: () => discards,
    processes: () => processes,
    idleMs: () => usage.idleMs(),
    folders: cache,
    async takeNext() {
      discards += 1;
      await cache.swap();
    },
    async remove() {
      discards += 1;
      await cache.remove();
    },
    background: (args, timeoutMs) => detachedIn(cache.folder, args, { env: upkeepEnv, timeoutMs }),
    networkIn: (folder, args, run) => detachedIn(folder, args, { ...run, env: networkEnv }),
    async dispose() {
      ending.abort(new SlipwayError("UNAVAILABLE", { detail: "the git cache was closed" }));
      await usage.settled();
    },
  };
}
