import { expect, test } from "vitest";

import { ageOf } from "./age.ts";
import type { GitFacts } from "./age.ts";

const now = new Date("2026-01-01T00:00:10Z");
const git: GitFacts = {
  commit: "9c1e2f4",
  checkedAt: new Date("2026-01-01T00:00:08Z"),
  problem: null,
  faults: [],
};
const cluster = { view: { ageMs: 5n, complete: true, problem: "", nodes: undefined } };

test("tells how old both sides are", () => {
  expect(ageOf(cluster, git, now)).toEqual({
    clusterMs: 5,
    clusterComplete: true,
    clusterProblem: null,
    gitCommit: "9c1e2f4",
    gitMs: 2_000,
    gitProblem: null,
    imagesMs: null,
  });
});

test("tells why a side is not known", () => {
  const unread = { ...git, commit: null, checkedAt: null };
  expect(ageOf({ view: undefined, problem: "away" }, unread, now)).toMatchObject({
    clusterMs: null,
    clusterComplete: false,
    clusterProblem: "away",
    gitMs: null,
    gitProblem: "the config repository has not been read yet",
  });
});

test("tells of the branch's problem first, then of files that cannot be read", () => {
  const problem = {
    code: "GIT_UNAVAILABLE",
    title: "The git host cannot be reached",
    detail: null,
    hint: null,
  };
  const faults = [{ path: "a.yaml", message: "line 3: bad indentation" }];
  expect(ageOf(cluster, { ...git, problem, faults }, now).gitProblem).toBe("The git host cannot be reached");
  expect(ageOf(cluster, { ...git, faults }, now).gitProblem).toContain("a.yaml: line 3");
});
