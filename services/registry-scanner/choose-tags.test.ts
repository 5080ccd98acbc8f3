import { describe, expect, test } from "vitest";
import { chooseToRead, isLikelyToMove, highest } from "./choose-tags.ts";

const none: ReadonlySet<string> = new Set();
const versions = Array.from({ length: 200 }, (_, index) => `1.0.${index}`);
const hashes = Array.from({ length: 200 }, (_, index) => `c${(index * 7_919).toString(16)}e`);

interface Given {
  readonly filter?: string;
  readonly declared?: string;
  readonly running?: string;
  readonly late?: string;
}

/** What is chosen of a repository of which nothing was read yet. */
function chosen(tags: readonly string[], { filter, declared, running, late }: Given = {}): readonly string[] {
  const unread = tags.map((tag) => ({ tag, late: tag === late }));
  const uses = filter === undefined && declared === undefined ? [] : [{ tag: declared, filter }];
  const runs = running === undefined ? none : new Set([running]);
  return chooseToRead(unread, { tags, declared: uses, running: runs }).map(({ tag }) => tag);
}

describe("what is read of a repository", () => {
  test("are the highest versions where tags are versions", () => {
    expect(chosen(versions)).toEqual(versions.slice(-highest));
  });

  test("is everything where only the date can tell what is newest", () => {
    expect(chosen(hashes)).toEqual(hashes);
  });

  test("is what a filter lets pass, of versions the highest", () => {
    expect(chosen([...versions, ...hashes], { filter: "semver:<1.0.10" })).toEqual(versions.slice(0, 10));
    const branches = ["main-a1", "main-b2", "other-c3"];
    expect(chosen([...branches, ...versions], { filter: "glob:main-*" })).toEqual(["main-a1", "main-b2"]);
  });

  test("is the highest of what a filter goes by, whatever that is", () => {
    const builds = Array.from({ length: 200 }, (_, index) => `build-${index}`);
    expect(chosen(builds, { filter: "numerical:^build-(?<n>[0-9]+)$" })).toEqual(builds.slice(-highest));
  });

  test("stays the same when the highest have been read: the rest waits until somebody asks", () => {
    const unread = versions.slice(0, 100).map((tag) => ({ tag, late: false }));
    expect(chooseToRead(unread, { tags: versions, declared: [], running: none })).toEqual([]);
  });

  test.each([
    ["runs", { running: "1.0.3" }],
    ["is declared", { declared: "1.0.3" }],
    ["came after the first list", { late: "1.0.3" }],
  ])("is also what %s", (_, given) => {
    expect(chosen(versions, given)).toContain("1.0.3");
  });

  test("is also a name that is pushed again and again", () => {
    expect(chosen([...versions, "latest", "1", "1.0"])).toEqual(
      expect.arrayContaining(["latest", "1", "1.0"]),
    );
  });

  test("is nothing of a filter that cannot be read", () => {
    expect(chosen(versions, { filter: "semver:what", declared: "1.0.3" })).toEqual(["1.0.3"]);
  });
});

test.each([
  ["latest", true],
  ["main", true],
  ["v2", true],
  ["1.2", true],
  ["1.2.3", false],
  ["c0ffee1", false],
])("whether %s is likely to move: %s", (tag, likely) => {
  expect(isLikelyToMove(tag, none)).toBe(likely);
  expect(isLikelyToMove(tag, new Set([tag]))).toBe(true);
});
