import { expect, test } from "vitest";

import { labels, sourceSha } from "./job-marks.ts";

test.each([
  { build: "https://ci.example.com/shop/412" },
  { "team.example.com/name": "shop" },
  { note: "release 1: the first" },
  { image: "web:1.2" },
])("%j are labels", (given) => {
  expect(labels.safeParse(given).success).toBe(true);
});

test.each([
  { build: "javascript:alert(1)" },
  { build: "JavaScript:alert(1)" },
  { build: "data:text/html,x" },
  { build: "ftp://host/x" },
  { build: "http:/x" },
  { build: "https://" },
  { build: "a\u001b[31mred" },
  { build: "two\nlines" },
  { build: "right\u202eto left" },
  { build: "half \ud800" },
  { build: "" },
  { build: " x" },
  { build: "x".repeat(501) },
  { Build: "x" },
  { "a=b": "x" },
  { "": "x" },
  Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, "x"])),
])("%j are no labels", (given) => {
  expect(labels.safeParse(given).success).toBe(false);
});

test("a source is a commit by its digits", () => {
  expect(sourceSha.safeParse("5f2a9c7").success).toBe(true);
  for (const text of ["5f2a9c", "main", "5F2A9C7", "0".repeat(65), "5f2a9c7\n"]) {
    expect(sourceSha.safeParse(text).success).toBe(false);
  }
});
