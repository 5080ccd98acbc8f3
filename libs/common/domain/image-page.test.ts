import { expect, test } from "vitest";

import { cutImages } from "./image-page.ts";
import { compareNewestFirst } from "./tag-filter.ts";
import type { KnownImage } from "./tag-filter.ts";

const image = (tag: string, day?: number): KnownImage => ({
  tag,
  ...(day !== undefined && { createdAt: new Date(Date.UTC(2026, 0, day)) }),
});
const known = [image("3", 3), image("2b", 2), image("2a", 2), image("1", -400_000), image("x"), image("y")];
const sorted = known.toSorted(compareNewestFirst);

function pages(limit: number): string[][] {
  const all: string[][] = [];
  let after: string | undefined;
  for (let count = 0; count < 20; count += 1) {
    const { images, next } = cutImages(sorted, { limit, after });
    all.push(images.map(({ tag }) => tag));
    if (next === null) return all;
    after = next;
  }
  throw new Error("the pages do not end");
}

test("pages together are the list, whatever their size", () => {
  expect(pages(4)).toEqual([
    ["3", "2a", "2b", "1"],
    ["x", "y"],
  ]);
  for (const limit of [1, 2, 3, 6, 7]) expect(pages(limit).flat()).toEqual(sorted.map(({ tag }) => tag));
});

test("what was pushed between two pages moves neither", () => {
  const { next } = cutImages(sorted, { limit: 2, after: undefined });
  const later = [image("4", 4), ...sorted];
  const { images } = cutImages(later, { limit: 2, after: next ?? "" });
  expect(images.map(({ tag }) => tag)).toEqual(["2b", "1"]);
});

test.each([
  "",
  "x",
  "MQ",
  Buffer.from("1 ../x").toString("base64url"),
  Buffer.from("01 a").toString("base64url"),
])("%j is no cursor", (after) => {
  expect(() => cutImages(sorted, { limit: 2, after })).toThrow(
    expect.objectContaining({ code: "CURSOR_INVALID" }),
  );
});
