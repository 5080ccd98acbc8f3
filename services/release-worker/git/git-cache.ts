import { randomUUID } from "node:crypto";

import { silentLog } from "#common/kit/log.ts";
import type { Log } from "#common/kit/log.ts";

import { readBlobs } from "./blobs.ts";
import { storeCommitObject } from "./commit-object.ts";
import { createCommitWriter } from "./commits.ts";
import type { CommitWriter, WrittenCommit } from "./commits.ts";
import type { CommitDraft } from "./fast-import.ts";
import { createGitRunner } from "./git-runner.ts";
import type { GitRunner } from "./git-runner.ts";
import { createHealing } from "./healing.ts";
import type { Heal } from "./healing.ts";
import { committerTime, isAbsent, isAncestor, lastChangeOf, trailersBetween } from "./history.ts";
import type { LastChange, TrailerCommit } from "./history.ts";
import { laneValueObject } from "./lane-value.ts";
import { probeHost } from "./probe-host.ts";
import type { HostProbe, ProbedHost } from "./probe-host.ts";
import { branchMove, movesOf, pushRefs } from "./push.ts";
import type { BranchMove, PushAttempt, PushRun, RefMove } from "./push.ts";
import type { PushAnswer } from "./push-answer.ts";
import { createRemote } from "./remote.ts";
import type { Remote } from "./remote.ts";
import { createSshSigner } from "./signing.ts";
import { usualFolders } from "./target.ts";
import type { GitTarget } from "./target.ts";
import { listTree } from "./tree.ts";
import type { TreeEntry } from "./tree.ts";
import { createUpkeep } from "./upkeep.ts";
import type { UpkeepLimits, UpkeepResult } from "./upkeep.ts";

export type { WrittenCommit } from "./commits.ts";
export type { CommitDraft } from "./fast-import.ts";
export type { TrailerCommit } from "./history.ts";
export type { HostLevel, HostProbe } from "./probe-host.ts";
export type { PushAttempt } from "./push.ts";
export type { PushAnswer } from "./push-answer.ts";
export type { GitIdentity, GitTarget } from "./target.ts";
export type { TreeEntry } from "./tree.ts";

/**
 * One branch of one config repository without a work tree: a bare, blobless cache and the way to its host.
 * A damaged cache is made anew by the act that meets the damage, with one fetch; GIT_CACHE_BROKEN is only thrown where
 * that did not help. A commit that was removed from the branch, and from the cache with it, is GIT_PUSH_REJECTED.
 */
export interface GitCache {
  /** Fetches the branch with its whole history (no blobs) and returns its tip, also where it was rewound. */
  fetchTip(signal?: AbortSignal): Promise<string>;
  /**
   * A cheap look at refs of the host; one that is absent has no entry. The host reads them in the order of their
   * names: to resolve an intent, ask for the lane ref first and for the branch in a second call.
   */
  lsRemote(refs: readonly string[], signal?: AbortSignal): Promise<Map<string, string>>;
  listTree(commit: string, underPaths?: readonly string[]): Promise<TreeEntry[]>;
  /** Missing blobs come in one round trip. An oid without an entry in the answer is larger than 1 MiB. */
  readBlobs(oids: readonly string[], signal?: AbortSignal): Promise<Map<string, Buffer>>;
  /** Makes a chain of commits on `base`; the same drafts give the same ids, here and on any other worker. */
  writeCommits(base: string, drafts: readonly CommitDraft[]): Promise<string[]>;
  /** The same, with the objects of signed commits: kept in the draft's `raw`, any worker stores them again. */
  makeCommits(base: string, drafts: readonly CommitDraft[]): Promise<readonly WrittenCommit[]>;
  /** Makes the commits again and says whether they are the expected ones: what a worker does that takes over. */
  verifySame(base: string, drafts: readonly CommitDraft[], expected: readonly string[]): Promise<boolean>;
  /** A value for the lane ref that nobody ever used; returns its id. On a branch it is a child of the last value. */
  writeLaneValue(message: string, parent?: string): Promise<string>;
  /** Branch and lane ref together, both compared and swapped. */
  push(attempt: PushAttempt, signal?: AbortSignal): Promise<PushAnswer>;
  /** The branch alone, compared and swapped: the last level of `probeHost`. */
  pushBranch(move: BranchMove, signal?: AbortSignal): Promise<PushAnswer>;
  /** What the host lets us keep beside the branch; creates the lane's ref where it can. Throws when it cannot ask. */
  probeHost(laneRef: string, signal?: AbortSignal): Promise<HostProbe>;
  /** The host's word on a push of the branch and of a new lane ref; nothing is pushed. */
  tryPush(attempt: TryPush, signal?: AbortSignal): Promise<PushAnswer>;
  /** The first act of a lane: creates its ref where it is absent. */
  createLaneRef(laneRef: string, value: string, signal?: AbortSignal): Promise<PushAnswer>;
  /** Moves the lane ref alone, so that no push that expects `old` can land any more. */
  seal(laneRef: string, move: { old: string; fresh: string }, signal?: AbortSignal): Promise<PushAnswer>;
  /** Whether `a` is `b` or its ancestor; a commit that the cache does not know is NOT_FOUND. */
  isAncestor(a: string, b: string): Promise<boolean>;
  /** Brings a commit of another branch, with its history; one that the host does not have is an error. */
  bringCommit(commit: string, signal?: AbortSignal): Promise<void>;
  /** The commits of `base..tip` that carry `Release-Job` trailers, newest first. */
  trailersBetween(base: string, tip: string): Promise<TrailerCommit[]>;
  /** The newest commit up to this one that changed a file. */
  lastChangeOf(commit: string, path: string): Promise<LastChange | undefined>;
  commitTimes(commit: string): Promise<{ committer: Date }>;
  /** Repacks a cache that is full of loose objects, makes a large one anew; beside whatever runs in it. */
  upkeep(limits?: Partial<UpkeepLimits>): Promise<UpkeepResult>;
  /** Removes the cache from the disk if nothing used it for so long; whoever needs it makes it anew. */
  removeUnused(unusedMs: number): Promise<boolean>;
  /** How many git processes were started so far. */
  gitProcesses(): number;
  /** Ends what is running; the folder stays for the next start. */
  dispose(): Promise<void>;
}

export interface TryPush {
  readonly branch: string;
  /** What the branch holds; an empty text: it would be new. */
  readonly base: string;
  /** Of the commit that would be pushed. */
  readonly parent: string;
  readonly laneRef: string;
}

export interface GitCacheOptions {
  readonly target: GitTarget;
  /** The worker process's own folder; each target gets a folder of its own in it. */
  readonly folder: string;
  readonly pushTimeoutMs?: number;
  readonly fetchTimeoutMs?: number;
  /** Where git and ssh are found. */
  readonly searchPath?: string;
  readonly now?: () => Date;
  readonly log?: Log;
}

const timesRemembered = 1000;

/** Opens a cache; one object per target and process. Refuses a target whose URL or branch git could misread. */
export function createGitCache(options: GitCacheOptions): GitCache {
  const { target, folder, pushTimeoutMs = 30_000, fetchTimeoutMs = 600_000, log = silentLog } = options;
  const searchPath = options.searchPath ?? usualFolders;
  const runner = createGitRunner({ target, root: folder, searchPath, localTimeoutMs: 30_000 });
  const remote = createRemote({ runner, branch: target.branch, timeoutMs: fetchTimeoutMs, log });
  const writer = createCommitWriter(runner, createSshSigner({ home: folder, searchPath }, folder));
  const upkeep = createUpkeep({ runner, remote, written: () => writer.written(), log });
  const heal = createHealing({ runner, remote, log });
  const parts: CacheParts = { runner, remote, writer, heal, times: createTimes() };
  const reading = createReading(parts);
  const writing = createWriting(parts, options.now ?? (() => new Date()));
  return {
    ...reading,
    ...writing,
    ...createPushing({ runner, pushTimeoutMs, lsRemote: reading.lsRemote, ...writing }),
    upkeep: (limits) => upkeep.run(limits),
    async removeUnused(unusedMs) {
      const idleMs = runner.idleMs();
      if (idleMs === undefined || idleMs < unusedMs) return false;
      await runner.remove();
      return true;
    },
    gitProcesses: () => runner.processes(),
    dispose: () => runner.dispose(),
  };
}

interface CacheParts {
  readonly runner: GitRunner;
  readonly remote: Remote;
  readonly writer: CommitWriter;
  readonly heal: Heal;
  readonly times: CommitTimes;
}

const ancestriesRemembered = 10_000;

/** Between two commits that a cache holds the answer never changes; a cache made anew may hold fewer. */
function rememberAncestry(
  runner: Pick<GitRunner, "discards">,
  ask: GitCache["isAncestor"],
): GitCache["isAncestor"] {
  const known = new Map<string, boolean>();
  let generation = runner.discards();
  return async (a, b) => {
    if (generation !== runner.discards() || known.size >= ancestriesRemembered) known.clear();
    generation = runner.discards();
    const remembered = known.get(`${a} ${b}`);
    if (remembered !== undefined) return remembered;
    const answer = await ask(a, b);
    if (generation === runner.discards()) known.set(`${a} ${b}`, answer);
    return answer;
  };
}

type Reading = Pick<
  GitCache,
  | "fetchTip"
  | "lsRemote"
  | "listTree"
  | "readBlobs"
  | "isAncestor"
  | "bringCommit"
  | "trailersBetween"
  | "lastChangeOf"
  | "commitTimes"
>;

function createReading({ runner, remote, heal, times }: CacheParts): Reading {
  return {
    async fetchTip(signal) {
      const tip = await remote.fetchTip(signal);
      times.set(tip.commit, tip.committedAt);
      return tip.commit;
    },
    lsRemote: (refs, signal) => heal({ act: () => remote.lsRemote(refs, signal), signal }),
    listTree: (commit, underPaths) =>
      heal({ act: () => listTree(runner, commit, underPaths), commits: [commit] }),
    readBlobs: (oids, signal) => heal({ act: () => readBlobs({ runner, remote }, oids, signal), signal }),
    isAncestor: rememberAncestry(runner, (a, b) => heal({ act: () => isAncestor(runner, a, b) })),
    bringCommit: (commit, signal) =>
      heal({
        act: async () => {
          if (await isAbsent(runner, commit)) await remote.prefetch([commit], signal);
        },
        signal,
      }),
    lastChangeOf: (commit, path) =>
      heal({ act: () => lastChangeOf(runner, commit, path), commits: [commit] }),
    trailersBetween: (base, tip) =>
      heal({ act: () => trailersBetween(runner, base, tip), commits: [base, tip] }),
    async commitTimes(commit) {
      const ask = () => heal({ act: () => committerTime(runner, commit), commits: [commit] });
      return { committer: times.get(commit) ?? (await ask()) };
    },
  };
}

type Writing = Pick<GitCache, "makeCommits" | "writeCommits" | "verifySame" | "writeLaneValue">;

function createWriting({ runner, remote, writer, heal, times }: CacheParts, now: () => Date): Writing {
  const makeCommits: Writing["makeCommits"] = async (base, drafts) => {
    const commits = await heal({ act: () => writer.write(base, drafts), commits: [base] });
    drafts.forEach((draft, index) => times.set(commits[index]?.commit ?? "", draft.committer.at));
    return commits;
  };
  const writeCommits: Writing["writeCommits"] = async (base, drafts) =>
    (await makeCommits(base, drafts)).map(({ commit }) => commit);
  return {
    makeCommits,
    writeCommits,
    async verifySame(base, drafts, expected) {
      const made = await writeCommits(base, drafts);
      return made.length === expected.length && made.every((commit, index) => commit === expected[index]);
    },
    writeLaneValue(message, parent) {
      const nonce = randomUUID().replaceAll("-", "");
      const raw = laneValueObject({ message, nonce, at: now(), parent });
      const act = async () => {
        await runner.ready();
        // Another worker may have made the last value: a push cannot pack a child of what is not here.
        if (parent !== undefined && (await isAbsent(runner, parent))) await remote.prefetch([parent]);
        return storeCommitObject(runner.folder, raw);
      };
      return heal({ act });
    },
  };
}

type Pushing = Pick<GitCache, "push" | "pushBranch" | "tryPush" | "createLaneRef" | "seal" | "probeHost">;

interface PushingParts extends Pick<GitCache, "lsRemote" | "writeLaneValue"> {
  readonly runner: GitRunner;
  readonly pushTimeoutMs: number;
}

function createPushing({ runner, pushTimeoutMs, lsRemote, writeLaneValue }: PushingParts): Pushing {
  const push = (moves: readonly RefMove[], run: Omit<PushRun, "timeoutMs">) =>
    pushRefs(runner, moves, { ...run, timeoutMs: pushTimeoutMs });
  const createLaneRef: Pushing["createLaneRef"] = (ref, value, signal) =>
    push([{ ref, expect: "", value }], { signal });
  const offersAtomic: ProbedHost["offersAtomic"] = async (ref, signal) =>
    push([{ ref, expect: "", value: await writeLaneValue("never pushed") }], { signal, how: "dry" });
  return {
    push: (attempt, signal) => push(movesOf(attempt), { signal }),
    pushBranch: (move, signal) => push([branchMove(move)], { signal, how: "plain" }),
    async tryPush({ branch, base, parent, laneRef }, signal) {
      const tip = await writeLaneValue("never pushed", parent);
      const lane = { ref: laneRef, expect: "", value: await writeLaneValue("never pushed") };
      return push([branchMove({ branch, base, tip }), lane], { signal, how: "dry" });
    },
    createLaneRef,
    seal: (ref, { old, fresh }, signal) => push([{ ref, expect: old, value: fresh }], { signal }),
    probeHost: (laneRef, signal) =>
      probeHost({ lsRemote, writeLaneValue, createLaneRef, offersAtomic }, laneRef, signal),
  };
}

interface CommitTimes {
  get(commit: string): Date | undefined;
  set(commit: string, at: Date): void;
}

/** Committer times of commits that passed through here: the parent of the next release is nearly always one. */
function createTimes(): CommitTimes {
  const times = new Map<string, Date>();
  return {
    get: (commit) => times.get(commit),
    set(commit, at) {
      const oldest = times.keys().next().value;
      if (times.size >= timesRemembered && oldest !== undefined) times.delete(oldest);
      times.set(commit, new Date(Math.floor(at.getTime() / 1000) * 1000));
    },
  };
}
