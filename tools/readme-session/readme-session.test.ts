import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { outcomeLines } from "../../cli/print/outcome.ts";
import { createPaint } from "../../cli/print/paint.ts";
import { stepLine } from "../../cli/print/steps.ts";
import { aJob, aStep } from "../../cli/testing/seed.ts";
import { sessionIn, withSession } from "./readme.ts";
import { screenOf } from "./screen.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
const session = sessionIn(readme);
const paint = createPaint(false);

/** The columns of the terminal that the session was recorded at. */
const columns = 112;
const start = "2026-11-23T16:40:00.000Z";
const after = (seconds: string) => new Date(Date.parse(start) + Number(seconds) * 1000).toISOString();

test("the session shows a release, one that fails, and the rollback of that one", () => {
  const typed = session.filter((line) => line.startsWith("$ slipway "));
  expect(typed).toHaveLength(3);
  const failed = /^Job ([0-9a-f]{8}) {2}https:\/\/slipway\.example\.com\/jobs\/\1$/.exec(
    session.filter((line) => line.startsWith("Job "))[1] ?? "",
  )?.[1];
  expect(typed[2]).toBe(`$ slipway rollback ${failed}`);
  expect(session.filter((line) => /^[✔✖↩] /.test(line)).map((line) => line.split(" ")[1])).toEqual([
    "succeeded",
    "failed",
    "succeeded",
  ]);
  expect(session.join("\n")).toContain("(ROLLOUT_FAILED)");
});

test("each step of the session is printed as the program prints it today", () => {
  const steps = session.filter((line) => /^ [✔✖] +\d+ /.test(line));
  expect(steps).toHaveLength(12 + 11 + 12);
  for (const line of steps) {
    const parts = /^ ([✔✖]) +(\d+) (.*?) +(\d+\.\d) s(?: {3}(.*))?$/.exec(line) ?? [];
    const [, mark, number = "", text = "", seconds = "", detail] = parts;
    const step = aStep(Number(number), text, {
      startedAt: start,
      endedAt: after(seconds),
      outcome: mark === "✔" ? "ok" : "failed",
      detail: detail ?? null,
    });
    expect(stepLine(step, { now: new Date(start), columns, frame: 0, paint })).toBe(line);
  }
});

test("each outcome of the session is printed as the program prints it today", () => {
  for (const line of session.filter((one) => /^[✔✖] /.test(one))) {
    const parts =
      /^[✔✖] (\w+) in (\d+\.\d) s {3}commit ([0-9a-f]{7}) {3}undo: slipway rollback ([0-9a-f]{8})$/.exec(
        line,
      );
    const [, word, seconds = "", commit = "", short = ""] = parts ?? [];
    const phase = word === "succeeded" ? "succeeded" : "failed";
    const job = aJob({
      id: `0193a5c2-7d1e-7b40-9c55-2f6f${short}`,
      phase,
      outcome: phase,
      createdAt: start,
      finishedAt: after(seconds),
      commit,
    });
    expect(outcomeLines(job, paint)[0]).toBe(line);
  }
});

test("a session is put where the last one stood, and nothing else changes", () => {
  expect(withSession(readme, session)).toBe(readme);
  expect(sessionIn(withSession(readme, ["$ slipway", "x"]))).toEqual(["$ slipway", "x"]);
});

test("what is rewritten in place shows once, as it stood in the end", () => {
  const written =
    " ⠋ 1 a\r\n ⠋ 2 b\r\n\u001b[2A\u001b[0J ✔ 1 a\r\n ✔ 2 b\r\n\u001b[1G\u001b[0JSure? \u001b[7Gy\r\n";
  expect(screenOf(written)).toEqual([" ✔ 1 a", " ✔ 2 b", "Sure? y", ""]);
});
