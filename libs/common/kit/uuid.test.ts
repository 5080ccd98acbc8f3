import { expect, test } from "vitest";

import { newUuidV7 } from "./uuid.ts";

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("an id has the form of a UUID of version 7", () => {
  for (let count = 0; count < 1_000; count += 1) expect(newUuidV7()).toMatch(form);
});

test("its first 48 bits are the time in milliseconds", () => {
  const at = (nowMs: number): number =>
    Number.parseInt(newUuidV7(nowMs).replaceAll("-", "").slice(0, 12), 16);
  const seed = Date.UTC(2016, 10, 18, 16);
  for (const nowMs of [0, 1, seed, 2 ** 48 - 1]) expect(at(nowMs)).toBe(nowMs);
});

test("ids sort by when they were made", () => {
  const ids = [1, 2, 255, 256, 65_536, 2 ** 40].map((nowMs) => newUuidV7(nowMs));
  expect(ids.toSorted()).toEqual(ids);
});

test("ids of one millisecond differ, also in their last eight digits", () => {
  const ids = Array.from({ length: 1_000 }, () => newUuidV7(1));
  expect(new Set(ids).size).toBe(1_000);
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(990);
});
