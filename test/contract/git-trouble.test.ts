import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { runGit } from "#sandbox/git/git-command.ts";
import { startSandboxGit } from "#support/git-sandbox.ts";

import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { branchRef, draftOf, laneRef, useGitRig, webFile } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

const other = { branch: "main", message: "Other" };

describe("a branch that other people change", () => {
  const rig = useGitRig(startSandboxGit);

  test("a force-push is followed with one fetch, and what it removed is no ancestor", async () => {
    const cache = rig.open();
    const first = await cache.fetchTip();
    const removed = await rig.host().commitDirectly(rig.name(), { x: "1" }, other);
    await cache.fetchTip();
    await rig.host().moveRef(rig.name(), branchRef, first);
    const added = await rig.host().commitDirectly(rig.name(), { x: "2" }, other);
    expect(await fetchesOf(rig, () => cache.fetchTip())).toEqual([added, 1]);
    expect(await cache.isAncestor(removed, added)).toBe(false);
  });

  test("a rewritten history without a common commit is followed with one fetch", async () => {
    const cache = rig.open();
    const old = await cache.fetchTip();
    await rig.host().moveRef(rig.name(), branchRef, undefined);
    const fresh = await rig.host().commitDirectly(rig.name(), { [webFile]: "image: web:9\n" }, other);
    expect(await fetchesOf(rig, () => cache.fetchTip())).toEqual([fresh, 1]);
    expect(await cache.isAncestor(old, fresh)).toBe(false);
    expect(await cache.listTree(fresh)).toHaveLength(1);
    // A cache that never saw the old history says so too.
    const second = rig.open({ worker: "w2" });
    await second.fetchTip();
    await expect(second.isAncestor(old, fresh)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(second.listTree(old)).rejects.toMatchObject({ code: "GIT_PUSH_REJECTED" });
  });

  test("a branch that vanished is missing until it is back", async () => {
    const cache = rig.open();
    const tip = await cache.fetchTip();
    await rig.host().moveRef(rig.name(), branchRef, undefined);
    await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_BRANCH_MISSING" });
    await rig.host().moveRef(rig.name(), branchRef, tip);
    expect(await fetchesOf(rig, () => cache.fetchTip())).toEqual([tip, 1]);
    expect(await landed(cache, "job-1")).toBe("landed");
  });

  test("an emptied repository has no branch, and a push into it lands nothing", async () => {
    const cache = rig.open();
    const attempt = await rig.prepare(cache);
    for (const ref of [branchRef, laneRef]) await rig.host().moveRef(rig.name(), ref, undefined);
    await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_BRANCH_MISSING" });
    expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
    expect(await rig.refsNow()).toEqual({ branch: undefined, lane: undefined });
    const fresh = await rig.host().commitDirectly(rig.name(), { [webFile]: "image: web:1\n" }, other);
    expect(await cache.fetchTip()).toBe(fresh);
    expect(await landed(cache, "job-1")).toBe("landed");
  });
});

describe("a host that misbehaves", () => {
  const rig = useGitRig(startSandboxGit);

  test("one that closes in the middle of a pack can be asked again, and leaves no half of it", async () => {
    const cache = rig.open();
    await cache.fetchTip();
    await rig.host().commitDirectly(rig.name(), { x: "1" }, other);
    await writeFile(path.join(await cacheFolder(rig), "objects/pack/tmp_pack_Ab12"), "PACK half");
    rig.host().failNext({ when: "after", kind: "cut", service: "git-upload-pack", at: "rpc", skip: 1 });
    await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_UNAVAILABLE" });
    const names = await readdir(rig.cacheFolder("w1"), { recursive: true });
    expect(names.filter((name) => name.includes("tmp_"))).toEqual([]);
    expect(await landed(cache, "job-1")).toBe("landed");
  });

  test("a fetch that is ended in its middle is only a fetch that failed", async () => {
    const cache = rig.open();
    const leaving = new AbortController();
    rig.host().beforeNext("git-upload-pack", async () => leaving.abort(new Error("left")));
    await expect(cache.fetchTip(leaving.signal)).rejects.toThrow("left");
    expect(await landed(cache, "job-1")).toBe("landed");
  });

  test("one that accepts and never answers is left at the deadline", async () => {
    const silent = await silentHost();
    const cache = rig.open({ url: `${silent.url}/a.git`, fetchTimeoutMs: 500 });
    const error = { code: "GIT_UNAVAILABLE", detail: expect.stringContaining("deadline") as string };
    await expect(cache.fetchTip()).rejects.toMatchObject(error);
    await expect(cache.lsRemote([branchRef])).rejects.toMatchObject(error);
    await silent.stop();
  });

  test("one that redirects is not followed, and is named as what it is", async () => {
    const cache = rig.open();
    const tip = await cache.fetchTip();
    for (const service of ["git-upload-pack", "git-receive-pack"] as const) {
      rig.host().failNext({ when: "before", kind: "redirect", service });
    }
    await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_REDIRECTED" });
    const value = await cache.writeLaneValue("x");
    expect(await cache.createLaneRef(laneRef, value)).toMatchObject({
      kind: "failed",
      code: "GIT_REDIRECTED",
    });
    expect(await cache.fetchTip()).toBe(tip);
  });

  test("a token that expires ends reading and pushing as an authentication failure", async () => {
    const cache = rig.open();
    const attempt = await rig.prepare(cache);
    for (const service of ["git-upload-pack", "git-receive-pack"] as const) {
      rig.host().failNext({ when: "before", kind: "401", service });
    }
    await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_AUTH_FAILED" });
    expect(await cache.push(attempt)).toMatchObject({ kind: "failed", code: "GIT_AUTH_FAILED" });
    expect(await cache.push(attempt)).toEqual({ kind: "landed" });
  });

  test("a hook's message reaches the user, line by line and without control characters", async () => {
    const cache = rig.open();
    const attempt = await rig.prepare(cache);
    const script = String.raw`printf 'Frozen until Monday.\nAsk \033[31mAda\033[0m.\n' >&2; exit 1`;
    await rig.host().setHook(rig.name(), "pre-receive", script);
    const answer = await cache.push(attempt);
    expect(answer).toMatchObject({ kind: "refused" });
    const detail = answer.kind === "refused" ? answer.detail : "";
    expect(detail).toMatch(/^Frozen until Monday\.\nAsk \[31mAda\[0m\./);
  });
});

describe("odd things in a tree", () => {
  const rig = useGitRig(startSandboxGit);

  test("a path that is not there is an empty list", async () => {
    const cache = rig.open();
    expect(await cache.listTree(await cache.fetchTip(), ["no/such", "deploy/web.yaml/below"])).toEqual([]);
  });

  test("a symbolic link and a submodule are listed as what they are, and never read or replaced", async () => {
    const cache = rig.open();
    const base = await cache.fetchTip();
    const folder = await cacheFolder(rig);
    const stream = [
      `commit refs/heads/odd\ncommitter A <a@example.com> 1795600800 +0000\ndata 3\nodd\nfrom ${base}\n`,
      "M 120000 inline deploy/link.yaml\ndata 8\nweb.yaml\n",
      `M 160000 ${"1".repeat(40)} deploy/sub.yaml\n`,
      "done\n",
    ];
    await runGit(["fast-import", "--quiet", "--done"], { cwd: folder, input: stream.join("") });
    const odd = (await readFile(path.join(folder, "refs/heads/odd"), "utf8")).trim();
    const entries = await cache.listTree(odd, ["deploy"]);
    expect(entries.map(({ mode, path: file }) => [mode, file])).toEqual([
      ["100644", "deploy/api.yaml"],
      ["120000", "deploy/link.yaml"],
      ["160000", "deploy/sub.yaml"],
      ["100644", webFile],
    ]);
    for (const file of ["deploy/link.yaml", "deploy/sub.yaml", "deploy/link.yaml/below"]) {
      const files = [{ path: file, mode: "100644", bytes: Buffer.from("x") }];
      const made = cache.writeCommits(odd, [{ ...draftOf("job-1", ""), files }]);
      await expect(made).rejects.toMatchObject({ code: "GIT_PATH_REFUSED" });
    }
  });
});

async function landed(cache: GitCache, job: string): Promise<string> {
  const base = await cache.fetchTip();
  const [tip = ""] = await cache.writeCommits(base, [draftOf(job, `image: ${job}\n`)]);
  const created = await cache.writeLaneValue("created");
  let laneOld = (await cache.lsRemote([laneRef])).get(laneRef);
  if (laneOld === undefined) await cache.createLaneRef(laneRef, (laneOld = created));
  const laneNew = await cache.writeLaneValue(job);
  return (await cache.push({ branch: "main", base, tip, laneRef, laneOld, laneNew })).kind;
}

async function fetchesOf<T>(rig: GitRig, act: () => Promise<T>): Promise<[T, number]> {
  const count = () =>
    rig
      .host()
      .requests()
      .filter(({ method, service }) => method === "GET" && service === "git-upload-pack").length;
  const before = count();
  return [await act(), count() - before];
}

async function cacheFolder(rig: GitRig): Promise<string> {
  const root = rig.cacheFolder("w1");
  return path.join(root, (await readdir(root)).find((name) => name.endsWith(".git")) ?? "");
}

async function silentHost(): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
