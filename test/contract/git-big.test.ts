import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { bigFile, createBigRepository } from "#sandbox/git/big-repository.ts";
import { createGitHttpServer } from "#sandbox/git/http-server.ts";
import type { GitHttpServer } from "#sandbox/git/http-server.ts";
import { createRepositories } from "#sandbox/git/repositories.ts";

import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { draftOf, fileOf, laneRef } from "./git-rig.ts";

const size = { files: 4_000, commits: 25_000 };

describe("a repository of 4,000 files and 25,000 commits", () => {
  let root = "";
  let server: GitHttpServer;
  let cache: GitCache;
  const login = { username: "bot", token: "t0ken" };

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "slipway-git-big-"));
    server = createGitHttpServer({ root, ...login });
    await createBigRepository(createRepositories(root), "config", size);
    await server.start();
    const target = { url: `${server.url}/config.git`, branch: "main", allowHttp: true, ...login };
    cache = createGitCache({ target, folder: path.join(root, "cache") });
  });
  afterAll(async () => {
    await cache.dispose();
    await server.stop();
    await rm(root, { recursive: true, force: true });
  });
  const requests = () => server.requests().length;

  test("is fetched once without its files, and released to with two requests", async () => {
    const base = await cache.fetchTip();
    // One advertisement, the refs, the pack.
    expect(requests()).toBe(3);
    const entries = await cache.listTree(base);
    expect(entries).toHaveLength(size.files);
    expect(requests()).toBe(3);
    expect((await cache.readBlobs(entries.map((entry) => entry.oid))).size).toBe(size.files);
    expect(requests()).toBeLessThanOrEqual(6);
    const laneOld = await cache.writeLaneValue("created");
    expect(await cache.createLaneRef(laneRef, laneOld)).toEqual({ kind: "landed" });
    const [before, processes] = [requests(), cache.gitProcesses()];
    const file = bigFile(1_234);
    const oid = entries.find((entry) => entry.path === file)?.oid ?? "";
    await cache.readBlobs([oid]);
    const draft = { ...draftOf("job-1", ""), files: [fileOf(file, "image: app-1234:2\n")] };
    const [tip = ""] = await cache.writeCommits(base, [draft]);
    const laneNew = await cache.writeLaneValue("attempt 1");
    const attempt = { branch: "main", base, tip, laneRef, laneOld, laneNew };
    expect(await cache.push(attempt)).toEqual({ kind: "landed" });
    expect([requests() - before, cache.gitProcesses() - processes]).toEqual([2, 3]);
  });

  test("its whole history answers where a commit stands", async () => {
    const tip = await cache.fetchTip();
    expect(await cache.trailersBetween(tip, tip)).toEqual([]);
    expect(await cache.isAncestor(tip, tip)).toBe(true);
    await expect(cache.isAncestor("1".repeat(40), tip)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is repacked while everything in it stays readable", async () => {
    expect(await cache.upkeep({ mostCommits: 1 })).toBe("repacked");
    expect(await cache.listTree(await cache.fetchTip())).toHaveLength(size.files);
  });
});
