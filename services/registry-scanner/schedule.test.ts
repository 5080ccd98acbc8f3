import { assert, double, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { moveRhythm, nextScanMs, reasonToLookForMoves, reasonToScan } from "./schedule.ts";

const minuteMs = 60_000;
const listed = { kind: "listed" } as const;
const failed = { kind: "failed" } as const;

describe("the next scan", () => {
  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [1, 66_000],
  ])("comes after the interval, give or take a tenth (%d)", (random, expected) => {
    expect(nextScanMs({ outcome: listed, intervalMs: minuteMs, failures: 0, random })).toBe(expected);
  });

  test.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [4, 15],
    [1_000, 15],
  ])("is put off further by each failure, up to 15 minutes (%d)", (failures, minutes) => {
    const facts = { outcome: failed, intervalMs: minuteMs, failures, random: 0.5 };
    expect(nextScanMs(facts)).toBe(minutes * minuteMs);
  });

  test("keeps to an interval that is longer than the longest pause", () => {
    const facts = { outcome: failed, intervalMs: 60 * minuteMs, failures: 5, random: 0.5 };
    expect(nextScanMs(facts)).toBe(60 * minuteMs);
  });

  test("never comes before the registry allows it", () => {
    assert(
      property(
        integer({ min: 0, max: 86_400_000 }),
        integer({ min: 1, max: 50 }),
        double({ min: 0, max: 1, noNaN: true }),
        (retryAfterMs, failures, random) => {
          const outcome = { ...failed, retryAfterMs };
          const nextMs = nextScanMs({ outcome, intervalMs: minuteMs, failures, random });
          expect(nextMs).toBeGreaterThanOrEqual(retryAfterMs);
        },
      ),
    );
  });
});

describe("the reason to scan", () => {
  const scannedAt = new Date("2016-11-18T16:00:00Z");

  test.each([
    [{ rung: true, scannedAt: null, failures: 3 }, "rung"],
    [{ rung: false, scannedAt: null, failures: 3 }, "never-scanned"],
    [{ rung: false, scannedAt, failures: 3 }, "retry"],
    [{ rung: false, scannedAt, failures: 0 }, "interval-passed"],
  ])("%j is %s", (facts, reason) => {
    expect(reasonToScan(facts)).toBe(reason);
  });
});

describe("the look for moved tags", () => {
  const calm = { reason: "interval-passed", listChanged: false, scans: 1, sinceMs: 0 } as const;

  test("is left out by an ordinary scan", () => {
    expect(reasonToLookForMoves(calm, moveRhythm)).toBeUndefined();
  });

  test.each([
    [{ ...calm, scans: 10 }, "scans-passed"],
    [{ ...calm, sinceMs: 600_000 }, "time-passed"],
    [{ ...calm, reason: "rung" as const }, "nothing-new-after-ring"],
    [{ ...calm, reason: "rung" as const, listChanged: true }, undefined],
  ])("%j: %s", (facts, reason) => {
    expect(reasonToLookForMoves(facts, moveRhythm)).toBe(reason);
  });
});
