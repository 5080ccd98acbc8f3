import { assert, double, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aroundMs,
  backoffMs,
  claimMsOf,
  intervalOf,
  moveRhythm,
  reasonToLookForMoves,
  reasonToScan,
  retryMs,
} from "./schedule.ts";

const minuteMs = 60_000;
const rhythm = { shortestMs: 30_000, longestMs: 15 * minuteMs };
const now = new Date("2016-11-18T16:00:00Z");
const minutesAgo = (minutes: number): Date => new Date(now.getTime() - minutes * minuteMs);

describe("the interval of a repository", () => {
  const quiet = { now, changedAt: minutesAgo(10_000), askedAt: null, automated: false };

  test.each([
    ["what is released by itself", { minutes: 0.5, reason: "automated" }, { ...quiet, automated: true }],
    ["what changed just now", { minutes: 0.5, reason: "changed" }, { ...quiet, changedAt: minutesAgo(3) }],
    [
      "what somebody asked for just now",
      { minutes: 0.5, reason: "asked" },
      { ...quiet, askedAt: minutesAgo(9) },
    ],
    [
      "what was quiet for two hours",
      { minutes: 6, reason: "quiet" },
      { ...quiet, changedAt: minutesAgo(120) },
    ],
    [
      "what was asked for two hours ago",
      { minutes: 6, reason: "quiet" },
      { ...quiet, askedAt: minutesAgo(120) },
    ],
    ["what was quiet for a week", { minutes: 15, reason: "quiet" }, quiet],
  ])("of %s is %j", (_, expected, interest) => {
    const { minutes, reason } = expected;
    expect(intervalOf(interest, rhythm)).toEqual({ ms: minutes * minuteMs, reason });
  });

  test("never leaves its limits, nor grows shorter while nothing happens", () => {
    assert(
      property(integer({ min: 0, max: 100_000 }), integer({ min: 0, max: 100_000 }), (a, b) => {
        const of = (minutes: number): number =>
          intervalOf({ ...quiet, changedAt: minutesAgo(minutes) }, rhythm).ms;
        expect(of(Math.min(a, b))).toBeLessThanOrEqual(of(Math.max(a, b)));
        expect(of(a)).toBeGreaterThanOrEqual(rhythm.shortestMs);
        expect(of(a)).toBeLessThanOrEqual(rhythm.longestMs);
      }),
    );
  });

  test("is the shortest one where that is longer than the longest", () => {
    expect(intervalOf(quiet, { shortestMs: 60 * minuteMs, longestMs: minuteMs }).ms).toBe(60 * minuteMs);
  });

  test("is longer than what a scanner that dies holds a repository for", () => {
    for (const shortestMs of [1_000, 30_000, 3_600_000]) {
      const { longestMs } = rhythm;
      expect(aroundMs(shortestMs, 1) + claimMsOf({ shortestMs, longestMs })).toBeLessThan(2 * shortestMs);
    }
  });
});

describe("the next scan", () => {
  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [1, 66_000],
  ])("comes after the interval, give or take a tenth (%d)", (random, expected) => {
    expect(aroundMs(minuteMs, random)).toBe(expected);
  });

  test.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [5, 15],
    [1_000, 15],
  ])("is put off further by each failure, up to the longest interval (%d)", (failures, minutes) => {
    expect(backoffMs(failures, rhythm)).toBe(minutes * minuteMs);
  });

  test("never comes before the registry allows it", () => {
    assert(
      property(
        integer({ min: 0, max: 86_400_000 }),
        integer({ min: 1, max: 50 }),
        double({ min: 0, max: 1, noNaN: true }),
        (retryAfterMs, failures, random) => {
          const nextMs = retryMs(backoffMs(failures, rhythm), { retryAfterMs, random });
          expect(nextMs).toBeGreaterThanOrEqual(retryAfterMs);
        },
      ),
    );
  });
});

describe("the reason to scan", () => {
  const scannedAt = new Date("2016-11-18T16:00:00Z");

  test.each([
    [{ listed: true, rung: true }, "listed"],
    [{ rung: true, scannedAt: null }, "rung"],
    [{ scannedAt: null }, "never-scanned"],
    [{ failures: 3 }, "retry"],
    [{}, "interval-passed"],
  ])("%j is %s", (facts, reason) => {
    const usual = { listed: false, rung: false, scannedAt, failures: 0 };
    expect(reasonToScan({ ...usual, ...facts })).toBe(reason);
  });
});

describe("the look for moved tags", () => {
  const calm = { reason: "interval-passed", listChanged: false, scans: 1, sinceMs: 0 } as const;

  test("is left out by an ordinary scan", () => {
    expect(reasonToLookForMoves(calm, moveRhythm)).toBeUndefined();
  });

  test.each([
    [{ ...calm, scans: 20 }, "scans-passed"],
    [{ ...calm, sinceMs: 1_800_000 }, "time-passed"],
    [{ ...calm, reason: "rung" as const }, "nothing-new-after-ring"],
    [{ ...calm, reason: "rung" as const, listChanged: true }, undefined],
  ])("%j: %s", (facts, reason) => {
    expect(reasonToLookForMoves(facts, moveRhythm)).toBe(reason);
  });
});
