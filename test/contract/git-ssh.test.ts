import { chmod, copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import { silentLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { hasSshd, startGitSsh } from "#support/git-ssh.ts";
import type { GitSshHost } from "#support/git-ssh.ts";
import { needs } from "#support/skips.ts";

import { createGitCaches } from "../../services/release-worker/git-caches.ts";
import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type { GitCache } from "../../services/release-worker/git/git-cache.ts";
import { branchRef, draftOf, firstFiles, laneRef } from "./git-rig.ts";

const available = needs(
  "sshd",
  hasSshd(),
  "Install OpenSSH's server, for example `apt-get install openssh-server`.",
);

describe.runIf(available)("git over ssh", () => {
  let host: GitSshHost;
  let count = 0;
  const caches: GitCache[] = [];

  beforeAll(async () => {
    host = await startGitSsh();
  });
  afterAll(async () => {
    await Promise.all(caches.map((cache) => cache.dispose()));
    await host.stop();
  });
  const open = (name: string, ssh: { keyFile?: string; knownHostsFile?: string } = {}): GitCache => {
    const { keyFile, knownHostsFile } = host;
    const target = {
      url: host.repositoryUrl(name),
      branch: "main",
      ssh: { keyFile, knownHostsFile, ...ssh },
    };
    const cache = createGitCache({ target, folder: path.join(path.dirname(keyFile), "caches", name) });
    caches.push(cache);
    return cache;
  };
  const createRepository = async (): Promise<string> => {
    count += 1;
    await host.repositories.create(`config-${count}`, { "uploadpack.allowFilter": "true" });
    await host.repositories.commit(`config-${count}`, firstFiles, { branch: "main", message: "First" });
    return `config-${count}`;
  };
  const prepare = async (cache: GitCache) => {
    const base = await cache.fetchTip();
    const laneOld = await cache.writeLaneValue("lane created");
    expect(await cache.createLaneRef(laneRef, laneOld)).toEqual({ kind: "landed" });
    const [tip = ""] = await cache.writeCommits(base, [draftOf("job-1", "image: web:2\n")]);
    return { branch: "main", base, tip, laneRef, laneOld, laneNew: await cache.writeLaneValue("attempt") };
  };

  test("reads the tree and its blobs, and lands a push", async () => {
    const name = await createRepository();
    const cache = open(name);
    const attempt = await prepare(cache);
    const oids = (await cache.listTree(attempt.base)).map((entry) => entry.oid);
    expect((await cache.readBlobs(oids)).size).toBe(3);
    expect(await cache.push(attempt)).toEqual({ kind: "landed" });
    const refs = await host.repositories.refs(name);
    expect([refs.get(branchRef), refs.get(laneRef)]).toEqual([attempt.tip, attempt.laneNew]);
  });

  test("tells a moved branch from a refusing hook", async () => {
    const name = await createRepository();
    const cache = open(name);
    const attempt = await prepare(cache);
    await host.repositories.setHook(name, "pre-receive", 'echo "Frozen." >&2; exit 1');
    expect(await cache.push(attempt)).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("Frozen.") as string,
    });
    await host.repositories.setHook(name, "pre-receive", undefined);
    await host.repositories.commit(name, { x: "1" }, { branch: "main", message: "Other" });
    expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
  });

  test("a connection that breaks after the act is unknown, though git exits with 128", async () => {
    const name = await createRepository();
    const cache = open(name);
    const attempt = await prepare(cache);
    // The hook's parents: git's shell wrapper, receive-pack, and what sshd started.
    await host.repositories.setHook(name, "post-receive", "kill -9 $PPID");
    expect(await cache.push(attempt)).toMatchObject({ kind: "unknown" });
    expect((await host.repositories.refs(name)).get(branchRef)).toBe(attempt.tip);
  });

  test.each(["unknown", "changed"])(
    "a host key that is %s is refused before anything is sent",
    async (kind) => {
      const name = await createRepository();
      const knownHostsFile = path.join(path.dirname(host.keyFile), `${kind}_hosts`);
      const [address = ""] = (await readFile(host.knownHostsFile, "utf8")).split(" ");
      const clientKey = await readFile(`${host.keyFile}.pub`, "utf8");
      await writeFile(knownHostsFile, kind === "unknown" ? "" : `${address} ${clientKey}`);
      const tip = open(name, { knownHostsFile }).fetchTip();
      await expect(tip).rejects.toMatchObject({ code: "GIT_HOST_KEY_REFUSED" });
    },
  );

  test("a key that the host does not know is an authentication failure", async () => {
    const name = await createRepository();
    const keyFile = path.join(path.dirname(host.keyFile), "host_key");
    await expect(open(name, { keyFile }).fetchTip()).rejects.toMatchObject({ code: "GIT_AUTH_FAILED" });
  });

  test("a repository that is not there is told apart", async () => {
    await expect(open("absent").fetchTip()).rejects.toMatchObject({ code: "GIT_REPOSITORY_MISSING" });
  });

  test("the settings' key and host keys reach ssh, and a key that others can read is refused", async () => {
    const name = await createRepository();
    const keyFile = path.join(path.dirname(host.keyFile), "own_key");
    await copyFile(host.keyFile, keyFile);
    const git = { url: host.repositoryUrl(name), sshKeyFile: keyFile, knownHostsFile: host.knownHostsFile };
    const environment = environmentSettings.parse({ name: "shop", cluster: { inCluster: true }, git });
    const gitCaches = createGitCaches({
      folder: path.join(path.dirname(keyFile), "git-caches"),
      env: {},
      log: silentLog,
      redactor: createRedactor(),
    });
    await gitCaches.start?.();
    await chmod(keyFile, 0o644);
    expect(() => gitCaches.of(environment)).toThrow("git.sshKeyFile");
    await chmod(keyFile, 0o600);
    const tip = await gitCaches.of(environment).fetchTip();
    expect(tip).toBe((await host.repositories.refs(name)).get(branchRef));
    await gitCaches.stop?.();
  });
});
