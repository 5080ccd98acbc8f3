import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { laneBranchOf } from "#common/domain/git-url.ts";
import { createGitHttpServer } from "#sandbox/git/http-server.ts";
import type { GitHttpServer } from "#sandbox/git/http-server.ts";
import { createRepositories } from "#sandbox/git/repositories.ts";
import type { Repositories } from "#sandbox/git/repositories.ts";

import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type { GitCache, HostProbe } from "../../services/release-worker/git/git-cache.ts";
import { branchRef, draftOf, firstFiles, laneRef } from "./git-rig.ts";

interface HostRules {
  readonly config?: Readonly<Record<string, string>>;
  /** An update hook: `$1` is the ref. */
  readonly hook?: string;
}

const stock = { "uploadpack.allowFilter": "true", "http.receivepack": "true" };
const laneBranch = laneBranchOf(laneRef);
const noSlipway = 'case "$1" in refs/slipway/*) echo "No such namespace here." >&2; exit 1;; esac';
const onlyMain = 'case "$1" in refs/heads/main) ;; *) echo "Only main." >&2; exit 1;; esac';

const levels: readonly (readonly [string, HostProbe["level"], HostRules])[] = [
  ["a host with everything", "lane-ref", {}],
  ["one that lets no branch go back", "lane-ref", { config: { "receive.denyNonFastForwards": "true" } }],
  ["one that hides the refs from pushes", "lane-branch", { config: { "receive.hideRefs": "refs/slipway" } }],
  [
    "one that hides the refs from readers",
    "lane-branch",
    { config: { "uploadpack.hideRefs": "refs/slipway" } },
  ],
  ["one whose hook refuses the refs", "lane-branch", { hook: noSlipway }],
  [
    "one whose hook refuses them and every step back",
    "lane-branch",
    { hook: noSlipway, config: { "receive.denyNonFastForwards": "true" } },
  ],
  ["one that takes a single branch", "branch-only", { hook: onlyMain }],
  ["one without atomic pushes", "branch-only", { config: { "receive.advertiseAtomic": "false" } }],
];

describe.each(["http", "file"] as const)("levels of a host over %s", (transport) => {
  let root = "";
  let count = 0;
  let repositories: Repositories;
  let server: GitHttpServer;
  const caches: GitCache[] = [];

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "slipway-git-levels-"));
    repositories = createRepositories(root);
    server = createGitHttpServer({ root, username: "bot", token: "t0ken" });
    await server.start();
  });
  afterAll(async () => {
    await Promise.all(caches.map((cache) => cache.dispose()));
    await server.stop();
    await rm(root, { recursive: true, force: true });
  });
  const open = async ({ config = {}, hook }: HostRules): Promise<{ name: string; cache: GitCache }> => {
    count += 1;
    const name = `config-${count}`;
    await repositories.create(name, { ...stock, ...config });
    await repositories.commit(name, firstFiles, { branch: "main", message: "First" });
    if (hook !== undefined) await repositories.setHook(name, "update", hook);
    const url = transport === "http" ? `${server.url}/${name}.git` : repositories.folderOf(name);
    const target = { url, branch: "main", username: "bot", token: "t0ken", allowHttp: true, allowFile: true };
    const cache = createGitCache({ target, folder: path.join(root, `cache-${count}`) });
    caches.push(cache);
    return { name, cache };
  };

  test.each(levels)("%s: %s, and a push lands once on it", async (_host, level, rules) => {
    const { name, cache } = await open(rules);
    const probe = await cache.probeHost(laneRef);
    expect(probe.level).toBe(level);
    expect(probe.lane?.ref).toBe(
      { "lane-ref": laneRef, "lane-branch": laneBranch, "branch-only": undefined }[level],
    );
    expect(await cache.probeHost(laneRef)).toEqual(probe);
    const base = await cache.fetchTip();
    const [tip = ""] = await cache.writeCommits(base, [draftOf("job-1", "image: web:2\n")]);
    const refs = () => repositories.refs(name);
    if (probe.lane === undefined) {
      expect(await cache.pushBranch({ branch: "main", base, tip })).toEqual({ kind: "landed" });
      expect((await refs()).get(branchRef)).toBe(tip);
      const [other = ""] = await cache.writeCommits(base, [draftOf("job-2", "image: web:3\n")]);
      expect(await cache.pushBranch({ branch: "main", base, tip: other })).toMatchObject({ kind: "moved" });
      return;
    }
    const { ref, value: laneOld } = probe.lane;
    const parent = level === "lane-branch" ? laneOld : undefined;
    const laneNew = await cache.writeLaneValue("attempt 1", parent);
    const attempt = { branch: "main", base, tip, laneRef: ref, laneOld, laneNew };
    expect(await cache.push(attempt)).toEqual({ kind: "landed" });
    expect([(await refs()).get(branchRef), (await refs()).get(ref)]).toEqual([tip, laneNew]);
  });

  test("on a lane branch a seal goes forward, and an older attempt can land no more", async () => {
    const { name, cache } = await open({
      hook: noSlipway,
      config: { "receive.denyNonFastForwards": "true" },
    });
    const { lane } = await cache.probeHost(laneRef);
    const { ref = "", value: laneOld = "" } = lane ?? {};
    const base = await cache.fetchTip();
    const [tip = ""] = await cache.writeCommits(base, [draftOf("job-1", "image: web:2\n")]);
    const laneNew = await cache.writeLaneValue("attempt 1", laneOld);
    const fresh = await cache.writeLaneValue("sealed", laneOld);
    expect(await cache.seal(ref, { old: laneOld, fresh })).toEqual({ kind: "landed" });
    const late = await cache.push({ branch: "main", base, tip, laneRef: ref, laneOld, laneNew });
    expect(late).toMatchObject({ kind: "moved" });
    const refs = await repositories.refs(name);
    expect([refs.get(branchRef), refs.get(ref)]).toEqual([base, fresh]);
  });

  test("the reasons are the host's own words", async () => {
    const { cache } = await open({ hook: onlyMain });
    const { reasons } = await cache.probeHost(laneRef);
    expect(reasons).toEqual([
      expect.stringMatching(/^refs\/slipway\/slipway\/main: .*Only main\./),
      expect.stringMatching(/^refs\/heads\/slipway\/slipway\/main: .*Only main\./),
    ]);
  });

  test("a host that cannot be asked is an error, not a level", async () => {
    const url = transport === "http" ? "http://127.0.0.1:1/a.git" : path.join(root, "absent.git");
    const target = { url, branch: "main", allowHttp: true, allowFile: true };
    const cache = createGitCache({ target, folder: path.join(root, "cache-absent") });
    caches.push(cache);
    const code = transport === "http" ? "GIT_UNAVAILABLE" : "GIT_REPOSITORY_MISSING";
    await expect(cache.probeHost(laneRef)).rejects.toMatchObject({ code });
  });
});
