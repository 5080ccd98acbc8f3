import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inflateSync } from "node:zlib";

import { afterAll, beforeAll, expect, test } from "vitest";

import { checkPlace, rawCommit, storeCommitObject, withSignature } from "./commit-object.ts";

const place = { tree: "a".repeat(40), parent: "b".repeat(40) };
const at = new Date("2026-11-25T10:00:00Z");
const raw = rawCommit(
  {
    jobId: "job-1",
    message: "Release web\n\nRelease-Job: job-1\n\n",
    author: { name: "Ada <x>", email: "ada@example.com", at },
    committer: { name: "Slipway", email: "slipway@example.com", at },
    files: [],
  },
  place,
);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "slipway-object-"));
  await mkdir(path.join(folder, "objects"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a commit object holds its place, its people and its message", () => {
  expect(raw.toString()).toBe(`tree ${place.tree}
parent ${place.parent}
author Ada x <ada@example.com> 1795600800 +0000
committer Slipway <slipway@example.com> 1795600800 +0000

Release web

Release-Job: job-1
`);
});

test("a signature becomes a folded header after the people", () => {
  const lines = withSignature(raw, "-----BEGIN\nabc\n-----END\n").toString().split("\n");
  expect(lines.slice(3, 8)).toEqual([
    "committer Slipway <slipway@example.com> 1795600800 +0000",
    "gpgsig -----BEGIN",
    " abc",
    " -----END",
    "",
  ]);
});

test("a recorded commit that stands elsewhere is refused", () => {
  expect(() => checkPlace(raw, place)).not.toThrow();
  expect(() => checkPlace(raw, { ...place, tree: "c".repeat(40) })).toThrow("does not fit");
  expect(() => checkPlace(raw, { ...place, parent: "c".repeat(40) })).toThrow("does not fit");
});

test("an object is stored where and how git looks for it, as often as it is asked for", async () => {
  const oid = await storeCommitObject(folder, raw);
  expect(await storeCommitObject(folder, raw)).toBe(oid);
  const stored = await readFile(path.join(folder, "objects", oid.slice(0, 2), oid.slice(2)));
  expect(inflateSync(stored).toString()).toBe(`commit ${raw.length}\0${raw.toString()}`);
  expect(await readdir(path.join(folder, "objects", oid.slice(0, 2)))).toEqual([oid.slice(2)]);
});

test("a folder that cannot take it is a broken cache", async () => {
  await expect(storeCommitObject(path.join(folder, "gone"), raw)).rejects.toMatchObject({
    code: "GIT_CACHE_BROKEN",
  });
});
