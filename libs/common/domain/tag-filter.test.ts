import { describe, expect, test } from "vitest";

import { filterWarnings, type KnownImage } from "./tag-filter.ts";
import { chooseLatest, isDowngrade, type ChoiceRule } from "./tag.ts";

const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));
const now = day(20);

/** `tag@day`, oldest first where no day is written. */
const dated = (...tags: string[]): KnownImage[] =>
  tags.map((tag, at) => ({ tag, createdAt: day(at + 1), digest: `sha256:${tag}` }));

const reasons = (images: readonly KnownImage[], rule: ChoiceRule): string[] =>
  chooseLatest(images, rule).candidates.map(({ image, reason }) => `${image.tag} ${reason}`);

describe("a filter", () => {
  test.each([
    ["newest", ["b-1", "a-2", "latest"], "a-2"],
    ["glob:newest", ["newest", "other"], "newest"],
    ["regexp:^v[0-9]+$", ["v2", "v1", "xv3"], "v1"],
    ["regex:^v[0-9]+$", ["v2", "v1", "xv3"], "v1"],
    ["regexp:1", ["v1.2", "2"], "v1.2"],
    ["numerical:^build-(?<n>[0-9]+)$", ["build-9", "build-10", "build-x", "10"], "build-10"],
    [
      "numerical:^build-(?P<n>[0-9]+)",
      ["build-100000000000000000001", "build-100000000000000000000"],
      "build-100000000000000000001",
    ],
    ["numerical:^(?<n>[0-9.]+)$", ["1.5", "1.25", "1.500"], "1.5"],
    ["alphabetical:*", ["2026-01-02", "2026-01-10", "2025-12-31", "latest"], "2026-01-10"],
    [
      "alphabetical:^main-(?<at>[0-9T]+)-[0-9a-f]+$",
      ["main-20260102T1-ff", "main-20260103T1-00", "dev-9"],
      "main-20260103T1-00",
    ],
    ["glob:*-alpine && regexp:^1", ["1.1-alpine", "2-alpine", "1.2-slim"], "1.1-alpine"],
    ["semver:>=1 && semver:<2", ["0.9.0", "1.4.0", "2.0.0"], "1.4.0"],
  ])("%s of %j chooses %s", (filter, tags, chosen) => {
    expect(chooseLatest(dated(...tags), { filter }).chosen?.tag).toBe(chosen);
  });

  test("that matches nothing chooses nothing, and says of each tag why", () => {
    expect(reasons(dated("1.0.0", "main", "latest"), { filter: "semver:>2 <1" })).toEqual([
      "latest latest-excluded",
      "main not-a-version",
      "1.0.0 filtered-out",
    ]);
  });

  test("by number or text names what stands behind the chosen one, and what is no number", () => {
    expect(reasons(dated("b-2", "b-10", "b-x", "c"), { filter: "numerical:^b-(?<n>.+)$" })).toEqual([
      "b-10 chosen",
      "b-2 lower-number",
      "c filtered-out",
      "b-x not-a-number",
    ]);
    expect(reasons(dated("a", "b"), { filter: "alphabetical:*" })).toEqual(["b chosen", "a earlier-text"]);
  });

  test("that several filters make is ordered by the last of them, and passes what passes all", () => {
    const images = dated("1.9.0", "1.10.0", "2.0.0", "1.2.0");
    expect(reasons(images, { filter: "glob:1.* && semver:*" })).toEqual([
      "1.10.0 chosen",
      "1.9.0 lower-version",
      "1.2.0 lower-version",
      "2.0.0 filtered-out",
    ]);
    expect(chooseLatest(images, { filter: "semver:* && glob:1.*" }).chosen?.tag).toBe("1.2.0");
  });

  test.each(["(a+)+$", "(x+x+)+y", "(?:(?:a*)*)*b", "^(a|a?)+$"])(
    "with the pattern %s is harmless",
    (pattern) => {
      const long = "a".repeat(127);
      const images = [`${long}!`, long, "x".repeat(128)].map((tag) => ({ tag, createdAt: now }));
      expect(chooseLatest(images, { filter: `regexp:${pattern}` }).candidates).toHaveLength(3);
    },
  );

  test.each([
    ["regexp:1", true],
    ["regexp:^1", true],
    ["regexp:^a|b$", true],
    ["regexp:^(a|b)$", false],
    ["regexp:^[|]$", false],
    ["regexp:^cost\\$", true],
    ["numerical:^build-(?<n>[0-9]+)", true],
    ["alphabetical:*", false],
    ["glob:*", false],
    ["semver:nonsense", false],
  ])("%s warns of open ends: %s", (filter, warns) => {
    expect(filterWarnings(filter).length > 0).toBe(warns);
  });
});

describe("besides its filter an image", () => {
  test("must be old enough, by its own date and else by when it was first seen", () => {
    const images = [
      { tag: "young", createdAt: day(20) },
      { tag: "old", createdAt: day(18) },
      { tag: "seen", firstSeenAt: day(10) },
      { tag: "unknown" },
    ];
    expect(reasons(images, { minAgeMs: 86_400_000, now, filter: "alphabetical:*" })).toEqual([
      "seen chosen",
      "old earlier-text",
      "young too-young",
      "unknown age-unknown",
    ]);
    expect(reasons(images, { filter: "alphabetical:*" })[0]).toBe("young chosen");
  });

  test("must run on every platform that is asked for", () => {
    const images = [
      { tag: "both", createdAt: day(1), platforms: ["linux/amd64", "linux/arm64/v8"] },
      { tag: "amd", createdAt: day(2), platforms: ["linux/amd64"] },
      { tag: "dark", createdAt: day(3), platforms: [] },
    ];
    expect(reasons(images, { platforms: ["linux/amd64", "linux/arm64"] })).toEqual([
      "both chosen",
      "dark platform-unknown",
      "amd other-platform",
    ]);
  });

  test("must have a digest that is known where one is to be written", () => {
    const images = [
      { tag: "a", createdAt: day(1), digest: "sha256:a" },
      { tag: "b", createdAt: day(2) },
    ];
    expect(reasons(images, { needsDigest: true })).toEqual(["a chosen", "b digest-unknown"]);
  });

  test("must not be a lower version than what is there, where that is asked for", () => {
    const images = dated("2.0.0", "1.9.9", "1.10.0-rc.1", "snapshot");
    expect(reasons(images, { notBelow: "2.0.0", filter: "glob:*.*" })).toEqual([
      "2.0.0 chosen",
      "snapshot filtered-out",
      "1.10.0-rc.1 downgrade",
      "1.9.9 downgrade",
    ]);
    expect(isDowngrade("main", "2.0.0")).toBe(false);
  });
});
