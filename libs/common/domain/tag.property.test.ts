import * as fc from "fast-check";
import { expect, test } from "vitest";

import { parseFilter, tagPasses, type KnownImage } from "./tag-filter.ts";
import { chooseLatest, eligibleReasons, type CandidateReason, type ChoiceRule } from "./tag.ts";

const runs = { numRuns: 500 };
const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));

const tag = fc.oneof(
  fc.constantFrom(
    "latest",
    "main",
    "v1",
    "1",
    "1.0",
    "1.0.0",
    "01.0",
    "1.0.0-rc.1",
    "1.0.0-rc.01",
    "build-7",
    "build-07",
  ),
  fc.tuple(fc.nat(3), fc.nat(12), fc.nat(3)).map((parts) => parts.join(".")),
  fc.nat(120).map((number) => `build-${number}`),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
);
const known: fc.Arbitrary<KnownImage> = fc.record(
  {
    tag,
    digest: fc.constantFrom("sha256:a", "sha256:b"),
    createdAt: fc.integer({ min: 1, max: 6 }).map(day),
    firstSeenAt: fc.integer({ min: 1, max: 6 }).map(day),
    platforms: fc.subarray(["linux/amd64", "linux/arm64", "windows/amd64"]),
  },
  { requiredKeys: ["tag"] },
);
const images = fc.uniqueArray(known, { maxLength: 14, selector: (image) => image.tag });
const filter = fc.constantFrom(
  "newest",
  "*",
  "glob:1.*",
  "latest",
  "semver:*",
  "semver:>=1.0-0",
  "semver:~1 || 2.x",
  "semver:>2 <1",
  "regexp:^[0-9]",
  "regexp:(a+)+$",
  "numerical:^build-(?<n>[0-9]+)$",
  "alphabetical:*",
  "alphabetical:^(?<head>.).*$",
  "glob:*.* && semver:*",
  "semver:* && glob:*1",
);
const rule: fc.Arbitrary<ChoiceRule> = fc.record(
  {
    filter,
    minAgeMs: fc.constantFrom(0, 86_400_000, 3 * 86_400_000),
    platforms: fc.subarray(["linux/amd64", "linux/arm64"]),
    needsDigest: fc.boolean(),
    notBelow: fc.constantFrom("1.2.0", "main", "2"),
    now: fc.constant(day(7)),
  },
  { requiredKeys: ["filter", "now"] },
);

test("each image gets one reason, and only one of all is chosen", () => {
  fc.assert(
    fc.property(images, rule, (all, by) => {
      const { candidates, chosen } = chooseLatest(all, by);
      expect(candidates.map(({ image }) => image.tag).toSorted()).toEqual(
        all.map((one) => one.tag).toSorted(),
      );
      const best = candidates.filter(({ reason }) => reason === "chosen");
      expect(best.map(({ image }) => image)).toEqual(chosen === undefined ? [] : [chosen]);
    }),
    runs,
  );
});

test("the order of the images given decides nothing", () => {
  const shuffled = images.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, rule, ([all, again], by) => {
      expect(chooseLatest(again, by)).toEqual(chooseLatest(all, by));
    }),
    runs,
  );
});

test("the order is total: no two tags are equal, and no three go round", () => {
  fc.assert(
    fc.property(
      filter,
      fc.uniqueArray(known, { minLength: 3, maxLength: 3, selector: (one) => one.tag }),
      (by, three) => {
        const parsed = parseFilter(by);
        const compare = (left: KnownImage, right: KnownImage) => parsed.compare(left, right);
        const [a, b, c] = three as [KnownImage, KnownImage, KnownImage];
        fc.pre(three.every((one) => parsed.refusal(one.tag) === undefined));
        expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)));
        expect(compare(a, b)).not.toBe(0);
        if (compare(a, b) < 0 && compare(b, c) < 0) expect(compare(a, c)).toBeLessThan(0);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("a tag outside the filter is never eligible, and one that is too young, elsewhere or lower neither", () => {
  fc.assert(
    fc.property(images, rule, (all, by) => {
      for (const { image, reason } of chooseLatest(all, by).candidates) {
        if (!eligibleReasons.has(reason)) continue;
        expect(tagPasses(image.tag, by.filter ?? "")).toBe(true);
        if ((by.minAgeMs ?? 0) > 0) {
          const since = (image.createdAt ?? image.firstSeenAt)?.getTime() ?? Number.NaN;
          expect(day(7).getTime() - since).toBeGreaterThanOrEqual(by.minAgeMs ?? 0);
        }
        for (const platform of by.platforms ?? []) expect(image.platforms).toContain(platform);
        if (by.needsDigest === true) expect(image.digest).toBeDefined();
      }
    }),
    runs,
  );
});

test("what is told of one image does not hang on the images that no filter lets pass", () => {
  const told = (all: readonly KnownImage[], by: ChoiceRule): Map<string, CandidateReason> =>
    new Map(chooseLatest(all, by).candidates.map(({ image, reason }) => [image.tag, reason]));
  fc.assert(
    fc.property(images, rule, (all, by) => {
      const whole = told(all, by);
      const passing = told(
        all.filter((image) => tagPasses(image.tag, by.filter ?? "")),
        by,
      );
      for (const [name, reason] of passing) expect(whole.get(name)).toBe(reason);
    }),
    runs,
  );
});
