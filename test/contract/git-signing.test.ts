import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { runGit } from "#sandbox/git/git-command.ts";
import { createRepositories } from "#sandbox/git/repositories.ts";
import type { Repositories } from "#sandbox/git/repositories.ts";
import { needs } from "#support/skips.ts";

import { rawCommit } from "../../services/release-worker/git/commit-object.ts";
import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import type { CommitDraft, GitCache } from "../../services/release-worker/git/git-cache.ts";
import { fromStoredDraft, toStoredDraft } from "../../services/release-worker/lane/stored-draft.ts";
import { draftOf, firstFiles, laneRef } from "./git-rig.ts";

const available = needs(
  "ssh-keygen",
  existsSync("/usr/bin/ssh-keygen"),
  "Install OpenSSH's client, for example `apt-get install openssh-client`.",
);
const run = promisify(execFile);

describe.runIf(available)("signed commits", () => {
  let root = "";
  let repositories: Repositories;
  const caches: GitCache[] = [];

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "slipway-git-signing-"));
    repositories = createRepositories(root);
    await repositories.create("config", { "uploadpack.allowFilter": "true", "receive.fsckObjects": "true" });
    await repositories.commit("config", firstFiles, { branch: "main", message: "First" });
    await run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path.join(root, "key")]);
    await run("/usr/bin/ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "secret",
      "-f",
      path.join(root, "locked"),
    ]);
    const publicKey = await readFile(path.join(root, "key.pub"), "utf8");
    await writeFile(path.join(root, "signers"), `slipway@example.com ${publicKey}`);
  });
  afterAll(async () => {
    await Promise.all(caches.map((cache) => cache.dispose()));
    await rm(root, { recursive: true, force: true });
  });
  const open = (worker: string): GitCache => {
    const url = repositories.folderOf("config");
    const target = { url, branch: "main", allowFile: true };
    const cache = createGitCache({ target, folder: path.join(root, worker) });
    caches.push(cache);
    return cache;
  };
  const signed = (jobId: string, text: string): CommitDraft => ({
    ...draftOf(jobId, text),
    signingKeyFile: path.join(root, "key"),
  });
  const verify = async (commit: string) => {
    const signers = `gpg.ssh.allowedSignersFile=${path.join(root, "signers")}`;
    await runGit(["-c", "gpg.format=ssh", "-c", signers, "verify-commit", commit], {
      cwd: repositories.folderOf("config"),
    });
  };

  test("a signed chain lands, and git verifies every commit of it", async () => {
    const cache = open("w1");
    const base = await cache.fetchTip();
    const laneOld = await cache.writeLaneValue("created");
    await cache.createLaneRef(laneRef, laneOld);
    const made = await cache.makeCommits(base, [
      signed("job-1", "image: web:2\n"),
      signed("job-2", "image: web:3\n"),
    ]);
    const tip = made.at(-1)?.commit ?? "";
    const laneNew = await cache.writeLaneValue("attempt 1");
    expect(await cache.push({ branch: "main", base, tip, laneRef, laneOld, laneNew })).toEqual({
      kind: "landed",
    });
    const log = await repositories.log("config", "main");
    expect(log.map((entry) => entry.sha)).toEqual([made[1]?.commit, made[0]?.commit, base]);
    for (const { commit } of made) await verify(commit);
    await expect(verify(base)).rejects.toThrow("ended with 1");
    expect(await cache.trailersBetween(base, tip)).toHaveLength(2);
  });

  test("the recorded draft gives the same commits on a worker without the key", async () => {
    const [one, two] = [open("w2"), open("w3")];
    const base = await one.fetchTip();
    await two.fetchTip();
    const drafts = [signed("job-3", "image: web:4\n"), signed("job-4", "image: web:5\n")];
    const made = await one.makeCommits(base, drafts);
    const stored = drafts.map((draft, index) => JSON.stringify(toStoredDraft({ ...draft, ...made[index] })));
    expect(stored.join()).not.toContain(path.join(root, "key"));
    const again = stored.map((text, index) => fromStoredDraft(drafts[index]?.jobId ?? "", JSON.parse(text)));
    expect(
      await two.verifySame(
        base,
        again,
        made.map(({ commit }) => commit),
      ),
    ).toBe(true);
    expect((await two.makeCommits(base, again)).map(({ raw }) => raw)).toEqual(made.map(({ raw }) => raw));
  });

  test("a recorded commit whose files were changed since is refused", async () => {
    const cache = open("w4");
    const base = await cache.fetchTip();
    const [made] = await cache.makeCommits(base, [signed("job-5", "image: web:6\n")]);
    const other = { ...draftOf("job-5", "image: web:7\n"), raw: made?.raw ?? Buffer.alloc(0) };
    await expect(cache.makeCommits(base, [other])).rejects.toThrow("does not fit");
  });

  test("without a signature the object made by hand is the one that fast-import makes", async () => {
    const cache = open("w5");
    const base = await cache.fetchTip();
    const draft = draftOf("job-6", "image: web:8\n");
    const [commit = ""] = await cache.writeCommits(base, [draft]);
    const [folder = ""] = await run("find", [path.join(root, "w5"), "-maxdepth", "1", "-name", "*.git"]).then(
      ({ stdout }) => stdout.split("\n"),
    );
    const tree = (await runGit(["rev-parse", `${commit}^{tree}`], { cwd: folder })).toString().trim();
    const raw = rawCommit(draft, { tree, parent: base });
    expect(await open("w5").makeCommits(base, [{ ...draft, raw }])).toMatchObject([{ commit }]);
  });

  test("a key that cannot be used ends the release with its reason, and asks nobody", async () => {
    const cache = open("w6");
    const base = await cache.fetchTip();
    const draft = draftOf("job-7", "image: web:9\n");
    for (const name of ["absent", "locked"]) {
      const made = cache.makeCommits(base, [{ ...draft, signingKeyFile: path.join(root, name) }]);
      await expect(made).rejects.toMatchObject({ code: "GIT_SIGNING_FAILED" });
    }
  });
});
