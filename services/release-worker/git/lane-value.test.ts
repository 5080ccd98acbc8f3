import { expect, test } from "vitest";

import { laneValueObject } from "./lane-value.ts";

const value = { message: "intent 1: attempt 1", nonce: "abc", at: new Date("2026-11-25T10:00:00Z") };

test("a lane value is a parentless commit of the empty tree with its nonce", () => {
  expect(laneValueObject(value).toString()).toBe(`tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Slipway <slipway@localhost> 1795600800 +0000
committer Slipway <slipway@localhost> 1795600800 +0000

intent 1: attempt 1

Nonce: abc
`);
});

test("on a branch a lane value is a child of the last one", () => {
  const parent = "a".repeat(40);
  expect(laneValueObject({ ...value, parent }).toString()).toContain(`fbee4904\nparent ${parent}\nauthor `);
  expect(() => laneValueObject({ ...value, parent: "main" })).toThrow("not an object id");
});
