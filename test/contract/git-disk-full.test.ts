import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { toSlipwayError } from "#common/domain/errors.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";
import { canMountDisk, mountSmallDisk } from "#support/small-disk.ts";
import type { SmallDisk } from "#support/small-disk.ts";
import { needs } from "#support/skips.ts";

import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { draftOf, fileOf, useGitRig } from "./git-rig.ts";

const available = needs("a mounted tmpfs", canMount(), "Run the tests as root, where mounting is allowed.");
const noise = (kib: number) =>
  Buffer.from(Array.from({ length: kib * 1024 }, () => Math.floor(Math.random() * 256))).toString("base64");

describe.runIf(available)("a disk that is full", () => {
  const rig = useGitRig(startSandboxGit);
  let folder = "";
  let disk: SmallDisk;
  let cache: GitCache;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "slipway-small-disk-"));
    disk = await mountSmallDisk(folder, 4 * 1024 * 1024);
  });
  afterAll(async () => {
    await cache.dispose();
    await disk.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test("each act says so, nothing half is left, and all goes on when there is room again", async () => {
    const { username, token } = rig.host();
    const target = {
      url: rig.host().repositoryUrl(rig.name()),
      branch: "main",
      username,
      token,
      allowHttp: true,
    };
    await mkdir(path.join(folder, "w1"));
    cache = createGitCache({ target, folder: path.join(folder, "w1") });
    const base = await cache.fetchTip();
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, at) => [`many/${at}.yaml`, `n: ${at}\n`]),
    );
    await rig.host().commitDirectly(rig.name(), many, { branch: "main", message: "Many" });
    await disk.fill(4096);
    const large = { ...draftOf("job-1", ""), files: [fileOf("large.yaml", noise(512))] };
    expect(await codeOf(() => cache.writeCommits(base, [large]))).toBe("DISK_FULL");
    expect(await codeOf(() => cache.fetchTip())).toBe("DISK_FULL");
    await disk.fill(0);
    expect(await codeOf(() => cache.writeLaneValue("x"))).toBe("DISK_FULL");
    await disk.free();
    const tip = await cache.fetchTip();
    expect(await cache.listTree(tip, ["many"])).toHaveLength(400);
    expect(await cache.writeCommits(tip, [large])).toHaveLength(1);
    const names = await readdir(folder, { recursive: true });
    expect(names.filter((name) => /tmp_|crash/.test(name))).toEqual([]);
  });
});

async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return "done";
  } catch (cause) {
    return toSlipwayError(cause).code;
  }
}

function canMount(): boolean {
  const probe = mkdtempSync(path.join(tmpdir(), "slipway-probe-"));
  try {
    return canMountDisk(probe);
  } finally {
    rmdirSync(probe);
  }
}
