import { describe, expect, test } from "vitest";

import type { Step } from "#common/contracts/http.ts";

import { aJob, aResult } from "../testing/seed.ts";
import { operationWords, subjectText } from "./audit-view.ts";
import { figuresOf, perDay, untilHealthy } from "./charts.ts";
import { canCancel, canUndo, jobSentence, truthsOf } from "./job-view.ts";

const nowMs = Date.parse("2026-11-23T16:00:14Z");
const rollout: Step = {
  number: 11,
  text: "Rollout of sock-shop/front-end.",
  startedAt: "2026-11-23T16:00:02Z",
  endedAt: null,
  outcome: null,
  detail: "2 of 3 updated, front-end-6c9: ContainerCreating",
};
const moving = aJob({ phase: "rolling-out", outcome: null, finishedAt: null });

describe("a job as one sentence", () => {
  test("tells what becomes what, where, and how it stands", () => {
    expect(jobSentence(moving, [rollout], nowMs)).toBe(
      "front-end 0.2.0 → 0.3.0 on default: rolling out, 2 of 3 updated, 14 s",
    );
    expect(jobSentence(aJob(), [], nowMs)).toBe("front-end 0.2.0 → 0.3.0 on default: succeeded in 31 s");
  });

  test("tells what it waits for", () => {
    const waits = aJob({
      phase: "waiting",
      outcome: null,
      finishedAt: null,
      gate: "approval",
      waitingFor: "approval by an approver",
      waitingUntil: "2026-11-24T16:00:14Z",
    });
    expect(jobSentence(waits, [], nowMs)).toMatch(/: waits for approval, until in 24 h$/);
  });

  test("names many workloads by the headline, and a policy by its key", () => {
    const results = ["a", "b"].map((name) => aResult({ workload: `shop:deployment/${name}` }));
    expect(jobSentence(aJob({ results, headline: "Release all" }), [], nowMs)).toMatch(
      /^Release all \(2 workloads\)/,
    );
    const policy = aResult({ container: "", policy: "slipway.dev/locked", from: "", to: "true" });
    expect(jobSentence(aJob({ kind: "policy", results: [policy] }), [], nowMs)).toMatch(
      /^front-end locked: none → true on default/,
    );
    expect(jobSentence(aJob({ results: [] }), [], nowMs)).toMatch(/^Release latest images/);
  });
});

describe("what can be done", () => {
  test("is undone once it is over and in git, and only once", () => {
    expect(canUndo(aJob())).toBe(true);
    expect(canUndo(aJob({ phase: "failed" }))).toBe(true);
    expect(canUndo(moving)).toBe(false);
    expect(canUndo(aJob({ commit: null }))).toBe(false);
    expect(canUndo(aJob({ kind: "restart" }))).toBe(false);
    expect(canUndo(aJob({ rollback: { of: null, by: "x", byCommit: null } }))).toBe(false);
  });

  test("is cancelled before its push", () => {
    expect(
      ["queued", "waiting", "writing"].map((phase) => canCancel(aJob({ phase: phase as "queued" }))),
    ).toEqual([true, true, true]);
    expect(canCancel(moving)).toBe(false);
  });
});

test("whether git and the cluster were written is told for every end", () => {
  expect(truthsOf(aJob())).toEqual({ git: "Git holds commit 3fa94c1.", cluster: "The cluster runs it." });
  expect(truthsOf(aJob({ phase: "cancelled", commit: null, results: [] }))).toEqual({
    git: "Git was not written.",
    cluster: "The cluster was not changed by it.",
  });
  expect(truthsOf(aJob({ phase: "failed", results: [aResult({ result: "failed" })] })).cluster).toBe(
    "1 container did not become healthy.",
  );
  expect(truthsOf(moving).cluster).toBe("The cluster is moving.");
});

test("an audit entry is told in words, many workloads as a number", () => {
  expect(operationWords("createRelease")).toBe("create release");
  const names = ["a", "b", "c", "d"].map((name) => `shop:deployment/${name}`);
  expect(subjectText({ environment: "default", workloads: names })).toBe("default: shop/a, shop/b, 2 more");
  expect(subjectText({ environment: null, workloads: null })).toBe("");
});

describe("figures", () => {
  const undone = aJob({ rollback: { of: null, by: "x", byCommit: null } });
  const failed = aJob({ phase: "failed", outcome: "failed", createdAt: "2026-11-21T10:00:00Z" });
  const old = aJob({ createdAt: "2026-01-01T10:00:00Z" });
  const jobs = [aJob(), undone, failed, old, aJob({ kind: "rollback" }), moving];

  test("count releases of each day by their end, days without any too", () => {
    const counts = perDay(jobs, nowMs, 3);
    expect(counts.days.map((at) => new Date(at * 1_000).toISOString().slice(0, 10))).toEqual([
      "2026-11-21",
      "2026-11-22",
      "2026-11-23",
    ]);
    expect(counts).toMatchObject({ good: [0, 0, 1], bad: [1, 0, 0], undone: [0, 0, 1] });
  });

  test("tell the median time until healthy", () => {
    const quick = aJob({ finishedAt: "2026-11-23T16:00:02Z" });
    expect(untilHealthy([aJob(), quick]).seconds).toEqual([2, 31]);
    expect(figuresOf([aJob(), quick, failed])).toEqual({
      releases: 3,
      failed: 1,
      undone: 0,
      medianSeconds: 2,
    });
    expect(figuresOf([]).medianSeconds).toBeUndefined();
  });
});
