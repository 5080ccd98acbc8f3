import { rm } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import type { GitHost } from "#support/git-host.ts";

import { gitPushContract } from "./git-push.contract.ts";
import { branchRef, draftOf, fileOf, firstFiles, useGitRig, webFile } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

/** Everything that the release worker relies on of a git host, stated once for every host. */
export function gitHostContract(hostName: string, start: () => Promise<GitHost>): void {
  describe(`git host: ${hostName}`, () => {
    const rig = useGitRig(start);
    readingContract(rig);
    writingContract(rig);
    gitPushContract(rig);
    failingContract(rig);
  });
}

function readingContract(rig: GitRig): void {
  describe("reading", () => {
    test("the tip is the branch's commit and its tree lists every file", async () => {
      const cache = rig.open();
      const tip = await cache.fetchTip();
      expect(tip).toBe((await rig.refsNow()).branch);
      const entries = await cache.listTree(tip);
      expect(entries.map((entry) => [entry.mode, entry.path])).toEqual(
        Object.keys(firstFiles)
          .toSorted()
          .map((file) => ["100644", file]),
      );
      expect((await cache.listTree(tip, ["./deploy/"])).map((entry) => entry.path)).toEqual([
        "deploy/api.yaml",
        webFile,
      ]);
      expect(await cache.listTree(tip, ["."])).toEqual(entries);
      expect(await cache.listTree(tip, ["absent"])).toEqual([]);
    });

    test("many missing blobs come with one fetch and are then read without any", async () => {
      const many = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`many/${index}.yaml`, `number: ${index}\n`]),
      );
      await rig.host().commitDirectly(rig.name(), many, { branch: "main", message: "Many" });
      const cache = rig.open();
      const tip = await cache.fetchTip();
      const oids = (await cache.listTree(tip, ["many"])).map((entry) => entry.oid);
      const before = rig.host().requests().length;
      const blobs = await cache.readBlobs(oids);
      expect(rig.host().requests().length - before).toBe(2);
      expect([...blobs.values()].map(String).toSorted()).toEqual(Object.values(many).toSorted());
      const processes = cache.gitProcesses();
      await cache.readBlobs(oids);
      expect(rig.host().requests().length - before).toBe(2);
      expect(cache.gitProcesses() - processes).toBe(1);
    });

    test("a blob of more than 1 MiB is left out, an unknown one is not found", async () => {
      const large = Buffer.alloc(1024 * 1024 + 1, "a");
      await rig
        .host()
        .commitDirectly(rig.name(), { "large.yaml": large }, { branch: "main", message: "Large" });
      const cache = rig.open();
      const entries = await cache.listTree(await cache.fetchTip());
      const oidOf = (file: string) => entries.find((entry) => entry.path === file)?.oid ?? "";
      const blobs = await cache.readBlobs([oidOf("large.yaml"), oidOf(webFile)]);
      expect([...blobs.keys()]).toEqual([oidOf(webFile)]);
      await expect(cache.readBlobs(["1".repeat(40)])).rejects.toThrow(SlipwayError);
    });

    test("a branch that was rewound is followed, and what was removed is no ancestor", async () => {
      const cache = rig.open();
      const first = await cache.fetchTip();
      await rig
        .host()
        .commitDirectly(rig.name(), { [webFile]: "image: web:9\n" }, { branch: "main", message: "Later" });
      const later = await cache.fetchTip();
      await rig.host().moveRef(rig.name(), branchRef, first);
      expect(await cache.fetchTip()).toBe(first);
      expect(await cache.isAncestor(later, first)).toBe(false);
      expect(await cache.isAncestor(first, later)).toBe(true);
      expect(await cache.isAncestor(first, first)).toBe(true);
      await expect(cache.isAncestor("1".repeat(40), first)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("trailers of the commits between base and tip are found, also where people rebased them", async () => {
      const cache = rig.open();
      const base = await cache.fetchTip();
      await rig.host().commitDirectly(rig.name(), { a: "1" }, { branch: "main", message: "No trailer" });
      const message = "Release web\n\nRelease-Job: job-7\nRelease-Job: job-8\n";
      const wanted = await rig.host().commitDirectly(rig.name(), { a: "2" }, { branch: "main", message });
      const tip = await cache.fetchTip();
      expect(await cache.trailersBetween(base, tip)).toEqual([{ commit: wanted, jobs: ["job-7", "job-8"] }]);
      expect(await cache.trailersBetween(tip, tip)).toEqual([]);
    });

    test("a cache whose folder is gone is made anew by whoever needs it", async () => {
      const cache = rig.open();
      const tip = await cache.fetchTip();
      await rm(rig.cacheFolder("w1"), { recursive: true, force: true });
      expect(await cache.listTree(tip)).toHaveLength(3);
      expect(await cache.fetchTip()).toBe(tip);
    });
  });
}

function writingContract(rig: GitRig): void {
  describe("writing", () => {
    test("the same drafts make the same commits on another worker", async () => {
      const [one, two] = [rig.open(), rig.open({ worker: "w2" })];
      const base = await one.fetchTip();
      await two.fetchTip();
      const drafts = [draftOf("job-1", "image: web:2\n"), draftOf("job-2", "image: web:3\n")];
      const commits = await one.writeCommits(base, drafts);
      expect(new Set(commits).size).toBe(2);
      expect(await two.verifySame(base, drafts, commits)).toBe(true);
      expect(await two.verifySame(base, [draftOf("job-1", "x")], commits)).toBe(false);
      expect(await one.commitTimes(commits[1] ?? "")).toEqual(await two.commitTimes(commits[1] ?? ""));
    });

    test("a release is three processes and two requests", async () => {
      const cache = rig.open();
      const first = await rig.prepare(cache);
      expect(await cache.push(first)).toEqual({ kind: "landed" });
      const entries = await cache.listTree(first.tip, [webFile]);
      const [processes, requests] = [cache.gitProcesses(), rig.host().requests().length];
      await cache.readBlobs(entries.map((entry) => entry.oid));
      const tip = (await cache.writeCommits(first.tip, [draftOf("job-2", "image: web:3\n")]))[0] ?? "";
      const laneNew = await cache.writeLaneValue("attempt 2");
      const next = { ...first, base: first.tip, tip, laneOld: first.laneNew, laneNew };
      await cache.commitTimes(tip);
      expect(await cache.push(next)).toEqual({ kind: "landed" });
      expect(cache.gitProcesses() - processes).toBe(3);
      expect(rig.host().requests().length - requests).toBe(2);
    });

    test.each([
      ["../outside"],
      ["/etc/passwd"],
      ["a/.GIT/config"],
      ["a//b"],
      ["a\nb"],
      ["deploy"],
      [`${webFile}/below`],
      ["GIT~1/config"],
    ])("the path %j is refused", async (file) => {
      const cache = rig.open();
      const base = await cache.fetchTip();
      const bad = {
        ...draftOf("job-1", "x"),
        files: [{ path: file, mode: "100644", bytes: Buffer.from("x") }],
      };
      await expect(cache.writeCommits(base, [bad])).rejects.toMatchObject({ code: "GIT_PATH_REFUSED" });
    });

    test("odd names of files survive", async () => {
      const odd = 'deploy/wëb "x".yaml';
      await rig
        .host()
        .commitDirectly(rig.name(), { [odd]: "image: web:1\n" }, { branch: "main", message: "Odd" });
      const cache = rig.open();
      const { tip: unused, ...attempt } = await rig.prepare(cache);
      const change = { ...draftOf("job-1", "image: web:2\n"), files: [fileOf(odd, "image: web:2\n")] };
      const [tip = unused] = await cache.writeCommits(attempt.base, [change]);
      expect(await cache.push({ ...attempt, tip })).toEqual({ kind: "landed" });
      expect(String(await rig.host().readFile(rig.name(), "main", odd))).toBe("image: web:2\n");
    });
  });
}

function failingContract(rig: GitRig): void {
  describe("failing", () => {
    test("a wrong token is an authentication failure that does not show the token", async () => {
      const cache = rig.open({ token: "wr0ng-t0ken" });
      const error = await cache.fetchTip().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "GIT_AUTH_FAILED" });
      expect(JSON.stringify([error, String(error)])).not.toContain("wr0ng-t0ken");
    });

    test("a missing branch, repository and host are told apart", async () => {
      await expect(rig.open({ branch: "absent" }).fetchTip()).rejects.toMatchObject({
        code: "GIT_BRANCH_MISSING",
      });
      const url = rig.host().repositoryUrl("absent");
      await expect(rig.open({ url }).fetchTip()).rejects.toMatchObject({ code: "GIT_REPOSITORY_MISSING" });
      const closed = "http://127.0.0.1:1/a.git";
      await expect(rig.open({ url: closed }).fetchTip()).rejects.toMatchObject({ code: "GIT_UNAVAILABLE" });
    });

    test.each([
      ["503", "rpc"],
      ["503", "advertisement"],
      ["close", "advertisement"],
    ] as const)("a fetch that meets %s at the %s can be tried again", async (kind, at) => {
      const cache = rig.open();
      rig.host().failNext({ when: "before", kind, service: "git-upload-pack", at });
      await expect(cache.fetchTip()).rejects.toMatchObject({ code: "GIT_UNAVAILABLE" });
      expect(await cache.fetchTip()).toBe((await rig.refsNow()).branch);
    });

    test("plain http needs permission", () => {
      expect(() => rig.open({ allowHttp: false })).toThrow("plain http");
    });
  });
}
