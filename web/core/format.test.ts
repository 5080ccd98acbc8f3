import { describe, expect, test } from "vitest";

import {
  agoText,
  changeText,
  countText,
  durationText,
  exactText,
  shortJob,
  shortTag,
  shortWorkload,
  spanText,
  splitImage,
} from "./format.ts";

const commit = "7f511af2d21fd601b86b3bed7baa6adfa9c8c669";

describe("times", () => {
  test.each([
    [0, "now"],
    [-5_000, "now"],
    [40_000, "40 s"],
    [5 * 60_000, "5 min"],
    [5 * 3_600_000, "5 h"],
    [9 * 86_400_000, "9 d"],
    [120 * 86_400_000, "4 mo"],
    [3_653 * 86_400_000, "10 y"],
  ])("a span of %i ms is %s", (ms, text) => expect(spanText(ms)).toBe(text));

  test("say which side of now they are on", () => {
    const now = Date.parse("2026-11-23T16:00:00Z");
    expect(agoText("2026-11-23T15:57:00Z", now)).toBe("3 min ago");
    expect(agoText("2026-11-23T21:00:00Z", now)).toBe("in 5 h");
    expect(agoText("2026-11-23T16:00:01Z", now)).toBe("just now");
    expect(agoText("soon", now)).toBe("?");
  });

  test("are exact for who wants to know", () => {
    expect(exactText("2026-11-23T17:40:02.400+01:00")).toBe("2026-11-23 16:40:02 UTC");
    expect(exactText("never")).toBe("never");
  });

  test.each([
    [-1, "0.0 s"],
    [420, "0.4 s"],
    [9_949, "9.9 s"],
    [31_400, "31 s"],
    [125_000, "2 min 05 s"],
    [12_000_000, "3 h 20 min"],
  ])("what took %i ms took %s", (ms, text) => expect(durationText(ms)).toBe(text));
});

describe("images", () => {
  test.each([
    ["weaveworksdemos/front-end:0.2.0", "weaveworksdemos/front-end", "0.2.0"],
    ["localhost:5000/web", "localhost:5000/web", ""],
    ["mongo", "mongo", ""],
    [`web@sha256:${"a".repeat(64)}`, "web", `sha256:${"a".repeat(64)}`],
    ["not an image", "not an image", ""],
  ])("%s is split", (image, repository, version) => {
    expect(splitImage(image)).toEqual({ repository, version });
  });

  test("commit ids as tags are cut, what a person would choose is not", () => {
    expect(shortTag(commit)).toBe("7f511af2");
    expect(shortTag("1.27.0-alpine")).toBe("1.27.0-alpine");
    expect(shortTag("v".repeat(64))).toBe("v".repeat(64));
  });

  test("changes within a repository are told by their tags, others in full", () => {
    expect(changeText("web:0.2.0", `web:${commit}`)).toBe("0.2.0 → 7f511af2");
    expect(changeText("a/web:1", "b/web:1")).toBe("a/web:1 → b/web:1");
    expect(changeText("web:1", null)).toBe("1");
    expect(changeText("web:1", "web:1")).toBe("1");
  });
});

test("names are as short as people say them", () => {
  expect(shortJob("0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11")).toBe("0c1d8e11");
  expect(shortWorkload("sock-shop:deployment/front-end")).toBe("sock-shop/front-end");
  expect(shortWorkload("odd")).toBe("odd");
  expect(countText(1, "job")).toBe("1 job");
  expect(countText(1_200, "repository", "repositories")).toBe("1,200 repositories");
});
