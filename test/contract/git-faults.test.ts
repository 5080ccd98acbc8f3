import { readdir } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { damages } from "#support/cache-damages.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";

import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { draftOf, laneRef, useGitRig, webFile } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

describe("a cache that was damaged", () => {
  const rig = useGitRig(startSandboxGit);

  test.each(Object.entries(damages))("%s: each next release lands once", async (_name, damage) => {
    for (const [index, moment] of moments.entries()) {
      const worker = `w${index}`;
      const cache = rig.open({ worker });
      await cache.readBlobs((await cache.listTree(await cache.fetchTip())).map((entry) => entry.oid));
      const harm = async (now: Moment) => {
        if (now === moment) await damage(await cacheOf(rig, worker));
      };
      await landsOnce(rig, cache, { job: `job-${index}`, harm });
    }
    const log = await rig.host().log(rig.name(), "main");
    expect(log.map((entry) => entry.body)).toEqual([
      ...moments.map((_, index) => `Release-Job: job-${index}`).toReversed(),
      "",
    ]);
  });
});

type Moment = "fetch" | "list" | "read" | "write" | "lane" | "push";
const moments: readonly Moment[] = ["fetch", "list", "read", "write", "lane", "push"];

interface Release {
  readonly job: string;
  readonly harm: (moment: Moment) => Promise<void>;
}

/** At most two tries: the first may end with a reason that says "try again", once the cache is made anew. */
async function landsOnce(rig: GitRig, cache: GitCache, release: Release): Promise<void> {
  const first = await releaseOnce(rig, cache, release);
  if (first === "landed") return;
  // Corrupt indexes break a push so that only looking tells: "unknown".
  expect(first).toMatch(/^(GIT_CACHE_BROKEN|unknown: .*non-monotonic index)/);
  expect(await releaseOnce(rig, cache, { ...release, harm: async () => undefined })).toBe("landed");
}

async function releaseOnce(rig: GitRig, cache: GitCache, { job, harm }: Release): Promise<string> {
  /** One act of the cache, with its cure at most two fetches (and one that git adds for objects it misses). */
  const act = async <T>(moment: Moment, doIt: () => Promise<T>): Promise<T> => {
    await harm(moment);
    const before = fetches(rig);
    try {
      return await doIt();
    } finally {
      expect(fetches(rig) - before, moment).toBeLessThanOrEqual(3);
    }
  };
  try {
    const base = await act("fetch", () => cache.fetchTip());
    const entries = await act("list", () => cache.listTree(base));
    const oid = entries.find((entry) => entry.path === webFile)?.oid ?? "";
    expect((await act("read", () => cache.readBlobs([oid]))).size).toBe(1);
    const [tip = ""] = await act("write", () => cache.writeCommits(base, [draftOf(job, `image: ${job}\n`)]));
    const laneOld = (await cache.lsRemote([laneRef])).get(laneRef) ?? (await createLane(cache));
    const laneNew = await act("lane", () => cache.writeLaneValue(job));
    const attempt = { branch: "main", base, tip, laneRef, laneOld, laneNew };
    const answer = await act("push", () => cache.push(attempt));
    if (answer.kind === "landed") return "landed";
    return `${answer.kind === "failed" ? answer.code : answer.kind}: ${answer.detail}`;
  } catch (cause) {
    if (!(cause instanceof SlipwayError)) throw cause;
    return `${cause.code}: ${cause.detail ?? ""}`;
  }
}

async function createLane(cache: GitCache): Promise<string> {
  const value = await cache.writeLaneValue("created");
  expect(await cache.createLaneRef(laneRef, value)).toEqual({ kind: "landed" });
  return value;
}

/** Each command that reads from the host begins with one advertisement. */
function fetches(rig: GitRig): number {
  return rig
    .host()
    .requests()
    .filter(({ method, service }) => method === "GET" && service === "git-upload-pack").length;
}

async function cacheOf(rig: GitRig, worker: string): Promise<string> {
  const root = rig.cacheFolder(worker);
  const name = (await readdir(root)).find((entry) => entry.endsWith(".git"));
  return path.join(root, name ?? "");
}
