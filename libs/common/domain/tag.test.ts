import { describe, expect, test } from "vitest";
import { compareNewestFirst, filterFault, tagPasses, type KnownImage } from "./tag-filter.ts";
import { compareVersionsFirst } from "./tag-version.ts";
import { chooseLatest, isMovingTag } from "./tag.ts";

const at = (tag: string, time?: string): KnownImage =>
  time === undefined ? { tag } : { tag, createdAt: new Date(`2016-11-${time}:00Z`) };

const frontEnd = [
  at("0.2.0", "09T10:26"),
  at("latest", "18T16:00"),
  at("snapshot", "18T16:00"),
  at("7f511af2d21fd601b86b3bed7baa6adfa9c8c669", "18T16:00"),
  at("16007dddd86b2ebb41d8880c53b77580cab13f02", "18T11:23"),
];

const best = (images: readonly KnownImage[], filter?: string): string | undefined =>
  chooseLatest(images, filter === undefined ? {} : { filter }).chosen?.tag;

const tags = (...names: string[]): KnownImage[] => names.map((tag) => ({ tag }));

describe("the newest first", () => {
  test("is by time, then by tag, and without a time last", () => {
    const images = [at("c"), at("b", "01T10:00"), at("a", "01T10:00"), at("z", "02T10:00")];
    expect(images.sort(compareNewestFirst).map((image) => image.tag)).toEqual(["z", "a", "b", "c"]);
  });
  test("orders tags without any time by name", () => {
    expect(
      tags("b", "a")
        .sort(compareNewestFirst)
        .map((image) => image.tag),
    ).toEqual(["a", "b"]);
  });
});

describe("choosing the latest", () => {
  test("takes the newest image, never the tag named latest", () => {
    expect(best(frontEnd)).toBe("7f511af2d21fd601b86b3bed7baa6adfa9c8c669");
  });
  test("takes the tag latest when the filter is exactly that", () => {
    expect(best(frontEnd, "latest")).toBe("latest");
    expect(best(frontEnd, "glob:latest")).toBe("latest");
    expect(best(frontEnd, "late*")).toBeUndefined();
  });
  test("gives every image a reason, the eligible first", () => {
    const { candidates } = chooseLatest([...frontEnd, at("9.9.9")], { filter: "*.*" });
    expect(candidates.map(({ image, reason }) => [image.tag.slice(0, 8), reason])).toEqual([
      ["0.2.0", "chosen"],
      ["9.9.9", "no-created-time"],
      ["7f511af2", "filtered-out"],
      ["latest", "latest-excluded"],
      ["snapshot", "filtered-out"],
      ["16007ddd", "filtered-out"],
    ]);
  });
  test("does not guess among several images without a time", () => {
    expect(best(tags("a", "b"))).toBeUndefined();
  });
  test("needs no time where there is no choice", () => {
    expect(best(tags("stable", "b"), "stable")).toBe("stable");
  });
  test("chooses nothing from nothing", () => {
    expect(chooseLatest([], {})).toEqual({ candidates: [] });
  });
  test("leaves the images given in their order", () => {
    const given = [...frontEnd];
    chooseLatest(given, {});
    expect(given).toEqual(frontEnd);
  });
});

describe("globs", () => {
  test.each([
    ["*", "anything", true],
    ["1.*", "1.27.3", true],
    ["1.*", "11.2", false],
    ["*-alpine", "1.27-alpine", true],
    ["*-alpine", "1.27-alpine3", false],
    ["glob:v?", "v1", true],
    ["v?", "v12", false],
    ["[0-9]*", "1x", true],
    ["[0-9]*", "x1", false],
    ["[!a-c]x", "dx", true],
    ["[!a-c]x", "bx", false],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "aXcYb", false],
    ["**", "x", true],
    ["main-*", "main-", true],
    ["A", "a", false],
  ])("%s against %s is %s", (filter, tag, passes) => {
    expect(tagPasses(tag, filter)).toBe(passes);
  });
  test("many stars stay quick", () => {
    expect(tagPasses("a".repeat(128), `${"*a".repeat(60)}*b`)).toBe(false);
  });
});

describe("versions", () => {
  test("are ordered as the predecessor did, what is no version last", () => {
    const given = ["aaa", "1.2.30", "1.10", "v1", "bbb", "1.10.0", "3"];
    expect(given.sort(compareVersionsFirst)).toEqual(["3", "1.10.0", "1.10", "1.2.30", "v1", "aaa", "bbb"]);
  });
  test.each([
    ["semver:*", ["1.9.9", "2.0.0", "2.1.0-rc.1", "main", "latest"], "2.0.0"],
    ["semver:~1.4", ["1.4.2", "1.4.10", "1.5.0"], "1.4.10"],
    ["semver:^1.4.0", ["1.4.2", "1.10.0", "2.0.0"], "1.10.0"],
    ["semver:>=1.0, <2.0", ["0.9", "1.5", "2.0.0"], "1.5"],
    ["semver:1.x || 3.x", ["1.2.3", "2.0.0"], "1.2.3"],
    ["semver:>=1.0-0", ["1.0.0", "1.1.0-beta.1"], "1.1.0-beta.1"],
    ["semver:>=1-0", ["1.0.0", "1.1.0-beta.1"], "1.1.0-beta.1"],
    ["semver:~1", ["v1.2.3", "1.1"], "v1.2.3"],
    ["semver:*", ["2024.01.15", "2024.02.01"], "2024.02.01"],
    ["semver:>=5", ["1.0.0"], undefined],
  ])("%s of %j is %s", (filter, given, expected) => {
    expect(best(tags(...given), filter)).toBe(expected);
  });
  test("a commit hash is no version, not even one of digits alone", () => {
    expect(tagPasses("7015587783798127398127398127398127398123", "semver:*")).toBe(false);
    expect(tagPasses("1.2.3-01", "semver:>=1.0.0-0")).toBe(false);
    expect(tagPasses("1.2.3.4", "semver:*")).toBe(false);
  });
  test("a lower version says so", () => {
    const { candidates } = chooseLatest(tags("1.0.0", "x", "2.0.0", "latest"), { filter: "semver:*" });
    expect(candidates.map((one) => one.reason)).toEqual([
      "chosen",
      "lower-version",
      "latest-excluded",
      "not-a-version",
    ]);
  });
});

test.each([
  ["", "nothing"],
  ["semver:", "nothing"],
  ["semver:not a range", "not a version range"],
  ["semver:!=1.2.3", "not a version range"],
  ["regexp:[a", "missing closing ]"],
  ["regex:(?=a)", "Perl syntax"],
  ["regexp:(a)\\1", "escape"],
  ["regexp:((a{100}){100}){100}", "repeat count"],
  ["numerical:^[0-9]+$", "one named capture"],
  ["numerical:^(?<a>1)(?<b>2)$", "one named capture"],
  ["alphabetical:(?<a>1)(?<b>2)", "more than one named capture"],
  [Array.from({ length: 9 }, () => "*").join(" && "), "joined"],
  ["{a,b}", "cannot stand in a tag"],
  ["a b", "cannot stand in a tag"],
  ["[]", "cannot stand in a tag"],
  ["x".repeat(300), "longer than"],
])("the filter %j is refused with words", (filter, why) => {
  expect(filterFault(filter)).toContain(why);
  expect(() => chooseLatest([], { filter })).toThrow(expect.objectContaining({ code: "FILTER_INVALID" }));
});

test("a good filter has no fault", () => {
  expect(filterFault("semver:~1.4")).toBeUndefined();
});

test.each([
  [undefined, true],
  ["latest", true],
  ["3", true],
  ["v3", true],
  ["3.1", false],
  ["20240115", false],
  ["stable-3", false],
])("%s moves: %s", (tag, moves) => {
  expect(isMovingTag(tag)).toBe(moves);
});
