import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import { checkRefName } from "#common/domain/git-url.ts";
import type { Log } from "#common/kit/log.ts";

import { removeLeftovers, removeStaleLock } from "./cache-leftovers.ts";
import { orDiskFull } from "./disk.ts";
import { gitError } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";
import type { DetachedEnd } from "./process.ts";
import { trackingRef } from "./target.ts";

export interface Tip {
  readonly commit: string;
  readonly committedAt: Date;
}

/** Reading from the git host. */
export interface Remote {
  fetchTip(signal?: AbortSignal): Promise<Tip>;
  /** Fetches the branch into another folder: the next cache, beside the one in use. */
  fetchInto(folder: string): Promise<void>;
  /** Brings blobs into the cache, all in one round trip. */
  prefetch(oids: readonly string[], signal?: AbortSignal): Promise<void>;
  lsRemote(refs: readonly string[], signal?: AbortSignal): Promise<Map<string, string>>;
}

export interface RemoteOptions {
  readonly runner: GitRunner;
  readonly branch: string;
  readonly timeoutMs: number;
  readonly log: Log;
}

/** A look at refs is short, also where fetching a whole history takes minutes. */
const longestLookMs = 30_000;
// No --depth: ancestry and trailers are only true on the whole history; without blobs it is small.
const fetchArgs = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"];

/** Reads from the git host into the cache; fetches of one cache take turns, git's own locks would refuse them. */
export function createRemote(options: RemoteOptions): Remote {
  const { runner, branch, timeoutMs, log } = options;
  const inTurn = createTurns();
  const ask = async (
    args: readonly string[],
    extras: { input?: string; signal?: AbortSignal | undefined; longestMs?: number },
  ) => {
    const { longestMs = timeoutMs, ...run } = extras;
    const end = await runner.network(args, { ...run, timeoutMs: Math.min(timeoutMs, longestMs) });
    return succeed(end, extras.signal);
  };
  // The plus sign follows a branch that was rewound.
  const branchArgs = [
    ...fetchArgs,
    "--filter=blob:none",
    "origin",
    `+refs/heads/${branch}:${trackingRef(branch)}`,
  ];
  const fetchOnce = async (signal: AbortSignal | undefined): Promise<Tip> => {
    const ref = trackingRef(branch);
    await ask(branchArgs, { signal });
    const found = await runner.must(["log", "-1", "--format=%H %ct", ref, "--"], { signal });
    const [commit = "", seconds = ""] = found.trim().split(" ");
    checkOid(commit);
    return { commit, committedAt: new Date(Number(seconds) * 1000) };
  };
  return {
    fetchTip: (signal) =>
      inTurn(async () => {
        const generation = runner.discards();
        try {
          return await fetchOnce(signal);
        } catch (cause) {
          const error = await orDiskFull(runner, toSlipwayError(cause));
          // A fetch that broke or was ended leaves its half pack behind, and the next one begins a new one.
          if (error.code === "GIT_UNAVAILABLE" && runner.idleMs() !== undefined) {
            await removeLeftovers(runner.folder);
          }
          if (error.code !== "GIT_CACHE_BROKEN") throw error;
          if (!(await removeStaleLock(runner.folder, error.detail ?? ""))) {
            log.warn("the git cache is damaged and is made anew", { error });
            runner.discard(generation);
          }
          return fetchOnce(signal);
        }
      }),
    async fetchInto(folder) {
      succeed(await runner.networkIn(folder, branchArgs, { timeoutMs }), undefined);
    },
    prefetch: (oids, signal) =>
      inTurn(async () => {
        const args = ["-c", "fetch.negotiationAlgorithm=noop", ...fetchArgs, "--filter=blob:none"];
        await ask([...args, "--stdin", "origin"], { input: `${oids.join("\n")}\n`, signal });
      }),
    async lsRemote(refs, signal) {
      for (const ref of refs) checkRefName(ref);
      const text = await ask(["ls-remote", "--quiet", "--", "origin", ...refs], {
        signal,
        longestMs: longestLookMs,
      });
      return readRefs(text, refs);
    },
  };
}

/** Output of a command that had to succeed; our own deadline counts as a host that does not answer. */
function succeed(end: DetachedEnd, signal: AbortSignal | undefined): string {
  if (end.exitCode === 0) return end.stdout;
  if (end.stopped === "aborted") {
    if (signal?.aborted === true) throw signal.reason;
    throw new SlipwayError("UNAVAILABLE", { detail: "the git cache was closed" });
  }
  if (end.exitCode === undefined) {
    throw new SlipwayError("GIT_UNAVAILABLE", { detail: `git was ended (${end.stopped ?? "by a signal"})` });
  }
  throw gitError(end.stderr, "GIT_UNAVAILABLE");
}

/** ls-remote matches the ends of names: only exact ones count. */
function readRefs(text: string, refs: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [oid = "", ref = ""] = line.split("\t");
    if (refs.includes(ref)) found.set(ref, checkOid(oid));
  }
  return found;
}

function createTurns(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const mine = last.then(act, act);
    last = mine;
    return mine;
  };
}
