import { expect, test } from "vitest";

import { SlipwayError } from "./errors.ts";
import { matchesSelector, parseSelector } from "./label-selector.ts";

const labels = { app: "web", "app.kubernetes.io/part-of": "shop", empty: "" };
const matches = (...texts: string[]) => matchesSelector(labels, parseSelector(texts));

test("a term asks for a key, its absence, a value or another value", () => {
  expect([matches("app"), matches("tier"), matches("!tier"), matches("!app")]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([matches("app=web"), matches("app == web"), matches("app=api"), matches("tier=web")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([matches("app!=web"), matches("app!=api"), matches("tier!=web")]).toEqual([false, true, true]);
  expect([matches("empty="), matches("app=")]).toEqual([true, false]);
});

test("all terms must hold, with commas or one by one", () => {
  expect(matches("app=web,app.kubernetes.io/part-of=shop")).toBe(true);
  expect(matches("app=web", "app.kubernetes.io/part-of=other")).toBe(false);
  expect(matches()).toBe(true);
});

test("what every object has is no label", () => {
  expect([matches("constructor"), matches("!toString")]).toEqual([false, true]);
});

test("what is no selector is refused by name", () => {
  const bad = [
    "",
    "a=b=c",
    "!a=b",
    "a in (b)",
    "a=b,",
    "/a",
    "a/b/c",
    "a=-",
    "a b",
    "=b",
    `a=${"x".repeat(64)}`,
  ];
  for (const text of bad) {
    expect(() => parseSelector([text]), text).toThrow(SlipwayError);
  }
  expect(() => parseSelector(["a".repeat(3_000)])).toThrow(/longer than/);
  expect(() => parseSelector([Array.from({ length: 51 }, () => "a").join(",")])).toThrow(/more than 50/);
});
