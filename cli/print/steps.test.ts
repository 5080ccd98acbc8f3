import { expect, test } from "vitest";

import { aJob, aStep } from "../testing/seed.ts";

import { jobDetailLines } from "./jobs.ts";
import { createPaint } from "./paint.ts";
import { blockLines, plainStepLine, stepLine, storyStepLine } from "./steps.ts";

const words = aStep(12, "Last log lines of a/b: b-6c9 (app).", {
  outcome: "failed",
  detail: "starting\nfatal: \u001b[31mgiving up",
});
const now = new Date("2026-11-23T16:40:16Z");
const style = { now, columns: 80, frame: 0, paint: createPaint(false) };

test("what a container wrote stands below its step, line by line, and steers no terminal", () => {
  expect(blockLines(words, 80)).toEqual(["      | starting", "      | fatal: \\u{1b}[31mgiving up"]);
  expect(blockLines(words, 20).at(-1)).toHaveLength(20);
  expect(blockLines(aStep(11, "Rollout of a/b.", { detail: "one line" }), 80)).toEqual([]);
  expect(blockLines(aStep(11, "Rollout of a/b."), 80)).toEqual([]);
});

test("a step with such lines stays one line itself", () => {
  expect(stepLine(words, style)).toMatch(/^ ✖ 12 Last log lines of a\/b: b-6c9 \(app\)\. +\d+\.\d s$/);
  expect(plainStepLine(aJob(), words, now)).toMatch(/ 12 failed Last log lines of a\/b: b-6c9 \(app\)\.$/);
  expect(storyStepLine(words)).toBe("12. Last log lines of a/b: b-6c9 (app).");
});

test("one job shows them in their place", () => {
  const lines = jobDetailLines(aJob(), [words, aStep(13, "Rollback: a/b to the previous image")], style);
  const at = lines.findIndex((line) => line.includes("Last log lines"));
  expect(lines.slice(at + 1, at + 4)).toEqual([
    "      | starting",
    "      | fatal: \\u{1b}[31mgiving up",
    expect.stringContaining("13 Rollback: a/b"),
  ]);
});
