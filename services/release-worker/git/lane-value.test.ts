import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inflateSync } from "node:zlib";

import { expect, test } from "vitest";

import { laneValueObject, storeCommitObject } from "./lane-value.ts";

const value = { message: "intent 1: attempt 1", nonce: "abc", at: new Date("2026-11-25T10:00:00Z") };

test("a lane value is a parentless commit of the empty tree with its nonce", () => {
  expect(laneValueObject(value).toString()).toBe(`tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Slipway <slipway@localhost> 1795600800 +0000
committer Slipway <slipway@localhost> 1795600800 +0000

intent 1: attempt 1

Nonce: abc
`);
});

test("a commit is stored where and how git looks for a loose object", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "slipway-lane-value-"));
  const raw = laneValueObject(value);
  const oid = await storeCommitObject(folder, raw);
  const stored = await readFile(path.join(folder, "objects", oid.slice(0, 2), oid.slice(2)));
  expect(inflateSync(stored).toString()).toBe(`commit ${raw.length}\0${raw.toString()}`);
  await rm(folder, { recursive: true });
});
