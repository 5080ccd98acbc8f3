import {
  appendFile,
  chmod,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";

import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { draftOf, laneRef, useGitRig, webFile } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

/** What can happen to a cache's folder while its worker lives. */
const damages: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "its loose objects are corrupt": (folder) => eachFile(folder, isLoose, garble),
  "its loose objects are empty, as a power cut leaves them": (folder) => eachFile(folder, isLoose, empty),
  "its packs are corrupt": (folder) => eachFile(folder, isPack, garble),
  "its packs are cut short": (folder) => eachFile(folder, isPack, halve),
  "its pack indexes are corrupt": (folder) => eachFile(folder, (file) => file.endsWith(".idx"), garble),
  "all its objects are gone": (folder) => eachFile(folder, (file) => isPack(file) || isLoose(file), remove),
  "its branch ref is garbage": (folder) =>
    writeFile(path.join(folder, "refs/remotes/origin/main"), "garbage\n"),
  "its config is cut": (folder) => truncate(path.join(folder, "config"), 40),
  "its HEAD is gone": (folder) => rm(path.join(folder, "HEAD")),
  "its folder is gone": (folder) => rm(folder, { recursive: true }),
  "its objects folder is gone": (folder) => rm(path.join(folder, "objects"), { recursive: true }),
  "a dead process left the branch's lock": (folder) => lock(folder, "refs/remotes/origin/main.lock"),
  "a dead process left the lock of the packed refs": (folder) => lock(folder, "packed-refs.lock"),
  "a dead fetch left half a pack": async (folder) => {
    await writeFile(path.join(folder, "objects/pack/tmp_pack_Ab12"), "PACK half");
    await writeFile(path.join(folder, "objects/pack/tmp_idx_Ab12"), "");
  },
};

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

function isLoose(file: string): boolean {
  return /objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(file);
}

function isPack(file: string): boolean {
  return file.endsWith(".pack");
}

async function eachFile(
  folder: string,
  wanted: (file: string) => boolean,
  act: (file: string) => Promise<void>,
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.filter(wanted)) {
    await chmod(file, 0o644);
    await act(file);
  }
}

async function garble(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(
    file,
    bytes.map((byte, index) => (index > 11 && index < bytes.length - 20 ? byte ^ 0xff : byte)),
  );
}

const empty = (file: string) => truncate(file, 0);
const halve = async (file: string) => truncate(file, Math.floor((await stat(file)).size / 2));
const remove = (file: string) => rm(file);

async function lock(folder: string, name: string): Promise<void> {
  const file = path.join(folder, name);
  await appendFile(file, "");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(file, longAgo, longAgo);
}
