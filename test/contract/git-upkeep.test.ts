import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import { silentLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { runGit } from "#sandbox/git/git-command.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";

import { createGitCaches } from "../../services/release-worker/git-caches.ts";
import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { draftOf, fileOf, laneRef, useGitRig } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

const run = promisify(execFile);

describe("upkeep of a cache", () => {
  const rig = useGitRig(startSandboxGit);

  test("after so many commits the loose objects become a pack, and everything can still be read", async () => {
    const cache = rig.open();
    const first = await cache.fetchTip();
    const tip = await release(rig, cache, 40);
    expect(await cache.upkeep({ mostCommits: 100 })).toBe("nothing");
    const before = await counted(rig);
    expect(await cache.upkeep({ mostCommits: 40 })).toBe("repacked");
    const after = await counted(rig);
    expect(after["count"]).toBeLessThan((before["count"] ?? 0) / 2);
    expect(after["packs"]).toBeLessThanOrEqual(2);
    expect(await cache.upkeep({ mostCommits: 40 })).toBe("nothing");
    await readsAll(cache, tip);
    expect(await cache.trailersBetween(first, tip)).toHaveLength(40);
    await release(rig, cache, 1);
  });

  test("a release goes on while the cache is repacked", async () => {
    const cache = rig.open();
    await release(rig, cache, 10);
    const [result] = await Promise.all([cache.upkeep({ mostCommits: 10 }), release(rig, cache, 5)]);
    expect(result).toBe("repacked");
    await readsAll(cache, await cache.fetchTip());
  });

  test("a chain that is written and not pushed yet outlives a repack", async () => {
    const cache = rig.open();
    const attempt = await rig.prepare(cache);
    const many = Array.from({ length: 120 }, (_, at) => fileOf(`many/${at}.yaml`, `n: ${at}\n`));
    const [tip = ""] = await cache.writeCommits(attempt.base, [{ ...draftOf("job-9", ""), files: many }]);
    expect(await cache.upkeep({ mostCommits: 1 })).toBe("repacked");
    expect(await cache.push({ ...attempt, tip })).toEqual({ kind: "landed" });
  });

  test("a cache above its size is made anew beside the old one, and takes its place when nothing runs", async () => {
    const cache = rig.open();
    const tip = await release(rig, cache, 30);
    const before = await counted(rig);
    expect(await cache.upkeep({ largestBytes: 1, idleMs: 60_000 })).toBe("prepared");
    await readsAll(cache, tip);
    expect((await counted(rig))["count"]).toBeGreaterThanOrEqual(before["count"] ?? 0);
    expect(await cache.upkeep({ largestBytes: 1, idleMs: 0 })).toBe("renewed");
    expect((await counted(rig))["count"]).toBe(0);
    await readsAll(cache, tip);
    await release(rig, cache, 1);
    const names = await readdir(rig.cacheFolder("w1"));
    expect(names.filter((name) => name.includes(".git"))).toHaveLength(1);
  });

  test("a cache that nobody used is removed, and made anew by whoever comes back", async () => {
    const { username, token } = rig.host();
    const git = { url: rig.host().repositoryUrl(rig.name()), username, tokenEnv: "TOKEN", allowHttp: true };
    const environment = environmentSettings.parse({ name: "shop", cluster: { inCluster: true }, git });
    const folder = rig.cacheFolder("caches");
    const parts = { folder, env: { TOKEN: token }, log: silentLog, redactor: createRedactor() };
    for (const [unusedAfterMs, left] of [
      [60_000, 1],
      [0, 0],
    ] as const) {
      const caches = createGitCaches({ ...parts, unusedAfterMs });
      await caches.start?.();
      const tip = await caches.of(environment).fetchTip();
      await caches.upkeep();
      const { stdout } = await run("find", [folder, "-name", "*.git", "-maxdepth", "2"]);
      expect(stdout.split("\n").filter((line) => line !== "")).toHaveLength(left);
      expect(await caches.of(environment).listTree(tip)).toHaveLength(3);
      await caches.stop?.();
    }
  });
});

/** Several releases, one after the other; returns the last commit. */
async function release(rig: GitRig, cache: GitCache, count: number): Promise<string> {
  let base = await cache.fetchTip();
  const held = (await cache.lsRemote([laneRef])).get(laneRef);
  let laneOld = held ?? (await cache.writeLaneValue("created"));
  if (held === undefined) expect(await cache.createLaneRef(laneRef, laneOld)).toEqual({ kind: "landed" });
  for (let at = 1; at <= count; at += 1) {
    const [tip = ""] = await cache.writeCommits(base, [draftOf(`job-${at}`, `image: ${base}-${at}\n`)]);
    const laneNew = await cache.writeLaneValue("attempt");
    expect(await cache.push({ branch: "main", base, tip, laneRef, laneOld, laneNew })).toEqual({
      kind: "landed",
    });
    [base, laneOld] = [tip, laneNew];
  }
  expect((await rig.refsNow()).branch).toBe(base);
  return base;
}

async function readsAll(cache: GitCache, tip: string): Promise<void> {
  const oids = (await cache.listTree(tip)).map((entry) => entry.oid);
  expect((await cache.readBlobs(oids)).size).toBe(new Set(oids).size);
}

async function counted(rig: GitRig): Promise<Record<string, number>> {
  const root = rig.cacheFolder("w1");
  const name = (await readdir(root)).find((entry) => entry.endsWith(".git")) ?? "";
  const text = (await runGit(["count-objects", "-v"], { cwd: path.join(root, name) })).toString();
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const [key = "", value = ""] = line.split(": ");
      return [key, Number(value)];
    }),
  );
}
