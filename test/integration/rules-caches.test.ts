import { mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { settings } from "#common/contracts/settings.ts";
import { silentLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";

import { createGitCaches } from "../../services/release-worker/git-caches.ts";
import { useGitRig } from "../contract/git-rig.ts";

/** CORRECTNESS 4 and 9: whose a cache is, and what it may be asked. */
describe("the rules of a cache", () => {
  const rig = useGitRig(startSandboxGit);

  test("a cache belongs to one process, so that a killed one's git never works beside its successor's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-caches-"));
    const { username, token } = rig.host();
    const url = rig.host().repositoryUrl(rig.name());
    const git = { url, username, tokenEnv: "GIT_TOKEN", allowHttp: true };
    const [environment] = settings.parse({
      environments: [{ name: "default", cluster: { inCluster: true }, git }],
    }).environments;
    const parts = { env: { GIT_TOKEN: token }, log: silentLog, redactor: createRedactor() };
    const caches = createGitCaches({ folder, ...parts });
    try {
      if (environment === undefined) throw new Error("no environment was read");
      await caches.of(environment).fetchTip();
      expect(await readdir(folder)).toEqual([`${hostname()}-${process.pid}`]);
    } finally {
      await caches.stop?.();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a commit whose object was lost is not taken for one that never landed", async () => {
    const cache = rig.open();
    const first = await cache.fetchTip();
    await rig.host().commitDirectly(rig.name(), { x: "1" }, { branch: "main", message: "Later" });
    const later = await cache.fetchTip();
    const root = rig.cacheFolder("w1");
    const [name = ""] = await readdir(root);
    const objects = join(root, name, "objects");
    const files = await readdir(objects, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) await rm(join(file.parentPath, file.name));
    expect(await cache.isAncestor(first, later)).toBe(true);
  });

  test("what was committed long before the tip is found: the history is whole", async () => {
    const message = "Release web\n\nRelease-Job: job-1\n";
    const base = (await rig.refsNow()).branch ?? "";
    const carrier = await rig.host().commitDirectly(rig.name(), { x: "1" }, { branch: "main", message });
    for (const x of ["2", "3", "4"]) {
      await rig.host().commitDirectly(rig.name(), { x }, { branch: "main", message: "Later" });
    }
    const cache = rig.open();
    const tip = await cache.fetchTip();
    expect(await cache.isAncestor(carrier, tip)).toBe(true);
    expect(await cache.trailersBetween(base, tip)).toEqual([{ commit: carrier, jobs: ["job-1"] }]);
  });
});
