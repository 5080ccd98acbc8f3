import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, expect } from "vitest";

import { laneRefName } from "#common/domain/git-url.ts";
import type { GitHost } from "#support/git-host.ts";

import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type {
  CommitDraft,
  GitCache,
  GitTarget,
  PushAttempt,
} from "../../services/release-worker/git/git-cache.ts";

export const laneRef = laneRefName("slipway", "main");
export const branchRef = "refs/heads/main";
export const webFile = "deploy/web.yaml";
export const firstFiles = {
  [webFile]: "image: web:1\n",
  "deploy/api.yaml": "image: api:1\n",
  "README.md": "# shop\n",
};

export interface CacheChanges extends Partial<GitTarget> {
  readonly pushTimeoutMs?: number;
  readonly fetchTimeoutMs?: number;
  /** Caches of different workers share nothing. */
  readonly worker?: string;
}

/** A host with a fresh repository for each test, and caches as workers hold them. */
export interface GitRig {
  host(): GitHost;
  /** The repository of the running test. */
  name(): string;
  cacheFolder(worker: string): string;
  open(changes?: CacheChanges): GitCache;
  /** A lane that exists, and what its next attempt needs. */
  prepare(cache: GitCache): Promise<PushAttempt>;
  refsNow(): Promise<{ branch: string | undefined; lane: string | undefined }>;
}

/** Registers the hooks that start and end a host around the tests of the current suite. */
export function useGitRig(start: () => Promise<GitHost>): GitRig {
  let running: GitHost | undefined;
  let folder = "";
  let count = 0;
  const caches: GitCache[] = [];
  const host = (): GitHost => {
    if (running === undefined) throw new Error("the host is not started");
    return running;
  };
  const name = () => `shop/config-${count}`;
  beforeAll(async () => {
    running = await start();
    folder = await mkdtemp(path.join(tmpdir(), "slipway-git-cache-"));
  });
  beforeEach(async () => {
    count += 1;
    await host().createRepository(name(), firstFiles);
  });
  afterAll(async () => {
    await Promise.all(caches.map((cache) => cache.dispose()));
    await running?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const cacheFolder = (worker: string) => path.join(folder, `${name()}-${worker}`);
  return {
    host,
    name,
    cacheFolder,
    open({ pushTimeoutMs = 20_000, fetchTimeoutMs = 60_000, worker = "w1", ...target } = {}) {
      const { username, token } = host();
      const usual = { url: host().repositoryUrl(name()), branch: "main", username, token, allowHttp: true };
      const limits = { pushTimeoutMs, fetchTimeoutMs };
      const options = { target: { ...usual, ...target }, folder: cacheFolder(worker), ...limits };
      const cache = createGitCache(options);
      caches.push(cache);
      return cache;
    },
    prepare,
    async refsNow() {
      const refs = await host().refs(name());
      return { branch: refs.get(branchRef), lane: refs.get(laneRef) };
    },
  };
}

/** A release of one file, as the planner would draft it. */
export function draftOf(jobId: string, text: string): CommitDraft {
  return {
    jobId,
    message: `Release web\n\nRelease-Job: ${jobId}\n`,
    author: { name: "Ada", email: "ada@example.com", at: new Date("2026-11-25T10:00:00Z") },
    committer: { name: "Slipway", email: "slipway@example.com", at: new Date("2026-11-25T10:00:05Z") },
    files: [fileOf(webFile, text)],
  };
}

export function fileOf(file: string, text: string): CommitDraft["files"][number] {
  return { path: file, mode: "100644", bytes: Buffer.from(text) };
}

async function prepare(cache: GitCache): Promise<PushAttempt> {
  const base = await cache.fetchTip();
  let laneOld = (await cache.lsRemote([laneRef])).get(laneRef);
  if (laneOld === undefined) {
    laneOld = await cache.writeLaneValue("lane created");
    expect(await cache.createLaneRef(laneRef, laneOld)).toEqual({ kind: "landed" });
  }
  const tip = (await cache.writeCommits(base, [draftOf("job-1", "image: web:2\n")])).at(-1) ?? "";
  const laneNew = await cache.writeLaneValue("attempt 1");
  return { branch: "main", base, tip, laneRef, laneOld, laneNew };
}
