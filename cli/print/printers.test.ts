import { expect, test } from "vitest";

import type { WorkloadImages } from "#common/contracts/http.ts";

import {
  aJob,
  aPlan,
  aResult,
  aSkip,
  aStep,
  aSucceededJob,
  anEnvironment,
  frontEndImages,
  frontEndTag,
  jobId,
  rollbackId,
  seedSteps,
} from "../testing/seed.ts";

import { changeText, shortVersion } from "./change.ts";
import { dataText, loadYaml } from "./data.ts";
import { environmentLines } from "./environments.ts";
import { imageLines, problemNotes } from "./images.ts";
import { jobDetailLines, jobLines } from "./jobs.ts";
import { listNames, shortJob } from "./names.ts";
import {
  exitCodeOf,
  outcomeLines,
  plainOutcomeLines,
  storyOutcomeLine,
  storyRollbackLines,
} from "./outcome.ts";
import { createPaint } from "./paint.ts";
import { diffLines, planLines, skipNotes } from "./results.ts";
import { safe, safeJson } from "./safe.ts";
import { plainStepLine, stepLine, storyStepLine } from "./steps.ts";
import { cutTo, tableLines } from "./table.ts";
import { durationText, shortDate } from "./time.ts";

const paint = createPaint(false);
const now = new Date("2026-11-23T16:40:16.000Z");
const stepStyle = { now, columns: 120, frame: 2, paint };

test("two kinds of one name are told apart, everything else stays short", () => {
  const names = listNames(["a:deployment/web", "a:cronjob/web", "a:deployment/db", "b:deployment/web"]);
  expect([...names.values()]).toEqual(["a:deployment/web", "a:cronjob/web", "a/db", "b/web"]);
});

test("images are a ladder down to the running one, which is shown beyond the limit", () => {
  const lines = imageLines([frontEndImages()], { heading: "SERVICE", headers: true, wide: false, limit: 3 });
  expect(lines.join("\n")).toBe(
    `
SERVICE              CONTAINER  IMAGE                                         CREATED
sock-shop/front-end  front-end  weaveworksdemos/front-end
                                |   7f511af2d21fd601b86b3bed7baa6adfa9c8c669  18 Nov 16 16:00 UTC
                                |   latest                                    18 Nov 16 16:00 UTC
                                |   snapshot                                  18 Nov 16 16:00 UTC
                                :   (7 image(s) omitted)
                                '-> 0.2.0                                     09 Nov 16 10:26 UTC`.trimStart(),
  );
});

test("no limit shows every image, and older ones than the running stand free", () => {
  const lines = imageLines([frontEndImages("latest")], {
    heading: "SERVICE",
    headers: false,
    wide: false,
    limit: 0,
  });
  expect(lines).toHaveLength(12);
  expect(lines.slice(0, 4).map((line) => line.trim())).toEqual([
    "sock-shop/front-end  front-end  weaveworksdemos/front-end",
    `|   ${frontEndTag}  18 Nov 16 16:00 UTC`,
    "'-> latest                                    18 Nov 16 16:00 UTC",
    "snapshot                                  18 Nov 16 16:00 UTC",
  ]);
});

test("images left out after the running one, or never sent, are counted too", () => {
  const [container] = frontEndImages(frontEndTag).containers;
  const images = { ...frontEndImages(), containers: [{ ...container!, total: 20 }] };
  const lines = imageLines([images], { heading: "SERVICE", headers: false, wide: false, limit: 2 });
  expect(lines.at(-1)?.trim()).toBe(":   (18 image(s) omitted)");
});

test("an image nobody has listed is told as such, and the running tag is still shown", () => {
  const images = (more: Partial<WorkloadImages["containers"][number]>): WorkloadImages => {
    const [container] = frontEndImages().containers;
    return { ...frontEndImages(), containers: [{ ...container!, available: [], total: 0, ...more }] };
  };
  const lines = (more: Parameters<typeof images>[0]) =>
    imageLines([images(more)], { heading: "SERVICE", headers: false, wide: false, limit: 3 });
  expect(lines({ scannedAt: null })).toEqual([
    "sock-shop/front-end  front-end  weaveworksdemos/front-end  image data not available",
    "                                '-> 0.2.0                  ?",
  ]);
  expect(lines({ image: "mongo" }).at(-1)?.trim()).toMatch(/^'-> \(untagged\) +\?$/);
  const problem = {
    code: "REGISTRY_AUTH_FAILED",
    title: "refused",
    detail: "401 from docker.io",
    hint: null,
  };
  expect(lines({ problem })[0]).toMatch(/ {2}refused$/);
});

test("what is wrong with a registry is told once per image repository, with what to do", () => {
  const [container] = frontEndImages().containers;
  const failing = (repository: string, hint: string | null): WorkloadImages => {
    const problem = { code: "REGISTRY_AUTH_FAILED", title: "refused", detail: "answered 401", hint };
    return { ...frontEndImages(), containers: [{ ...container!, repository, problem }] };
  };
  expect(
    problemNotes([failing("a/web", "Log in"), failing("a/web", "Log in"), failing("b/web", null)]),
  ).toEqual([
    "a/web: answered 401 (REGISTRY_AUTH_FAILED)",
    "  Log in",
    "b/web: answered 401 (REGISTRY_AUTH_FAILED)",
  ]);
  const many = Array.from({ length: 12 }, (_, at) => failing(`many/${at}`, null));
  expect(problemNotes(many).slice(-2)).toEqual([
    "many/9: answered 401 (REGISTRY_AUTH_FAILED)",
    "2 more image repositories cannot be read",
  ]);
  expect(problemNotes([frontEndImages()])).toEqual([]);
});

test("a change names tags within one repository, references across two", () => {
  const from = "web:1.0";
  expect(changeText({ from, to: "web:2.0" }, "short")).toBe("1.0 -> 2.0");
  expect(changeText({ from, to: `web:${frontEndTag}` }, "short")).toBe("1.0 -> 7f511af2…");
  expect(changeText({ from, to: `web:${frontEndTag}` }, "full")).toBe(`1.0 -> ${frontEndTag}`);
  expect(changeText({ from, to: "other/web:1.0" }, "short")).toBe("web:1.0 -> other/web:1.0");
  expect(changeText({ from: "web", to: "web:1" }, "short")).toBe("(untagged) -> 1");
  expect(changeText({ from, to: null }, "short")).toBe("1.0");
  expect(shortVersion("release-2026-11-23-build-123456789012")).toBe("release-2026-11-23-build-123456789012");
});

test("a plan shows what changes and why, then what is left alone", () => {
  expect(planLines(aPlan, { wide: false })).toEqual([
    "sock-shop/front-end  front-end  0.2.0 -> 7f511af2…  newest of 9 eligible, built 18 Nov 16 16:00 UTC, deploy/front-end.yaml +2 -2",
    "sock-shop/cart  cart  0.3.0  left alone: locked (until Monday)",
  ]);
  expect(planLines({ ...aPlan, results: [] }, { wide: false })).toEqual(["Nothing to do."]);
});

test("many containers left alone are counted by reason", () => {
  const skips = Array.from({ length: 7 }, (_, at) => aSkip(`s${at}`, at < 5 ? "up-to-date" : "locked"));
  expect(skipNotes(skips, { wide: false })).toEqual([
    "7 containers left alone: 5 up-to-date, 2 locked (-o wide lists them)",
  ]);
  expect(skipNotes(skips, { wide: true })).toHaveLength(7);
});

test("a diff without file names gets them", () => {
  const bare = { path: "a.yaml", unified: "@@ -1 +1 @@\n-x\n+y\n", added: 1, removed: 1 };
  const headed = { ...bare, unified: `\n=====\n--- a/a.yaml\n+++ b/a.yaml\n${bare.unified}` };
  expect(diffLines([headed], paint)).toEqual(diffLines([bare], paint));
  expect(diffLines([bare], paint)).toEqual(["--- a/a.yaml", "+++ b/a.yaml", "@@ -1 +1 @@", "-x", "+y"]);
});

test("a step on a terminal has mark, number, text, time and detail, and never wraps", () => {
  const pushed = aStep(9, "Pushed commit: Release latest images to sock-shop/front-end", {
    endedAt: "2026-11-23T16:40:02.200Z",
    detail: "3fa94c1",
  });
  expect(stepLine(pushed, stepStyle)).toBe(
    " ✔  9 Pushed commit: Release latest images to sock-shop/front-end         0.2 s   3fa94c1",
  );
  const rollout = aStep(11, "Rollout of sock-shop/front-end.", {
    endedAt: null,
    outcome: null,
    detail: "2 of 3 updated, front-end-6c9: ContainerCreating",
  });
  expect(stepLine(rollout, stepStyle)).toMatch(
    /^ ⠹ 11 Rollout of sock-shop\/front-end\. +14\.0 s {3}2 of 3 /,
  );
  for (const columns of [40, 60, 80]) {
    expect(Array.from(stepLine(rollout, { ...stepStyle, columns })).length).toBeLessThanOrEqual(columns);
  }
});

test("a step in a pipe is one plain line", () => {
  const job = aJob();
  expect(plainStepLine(job, aStep(9, "Pushed commit: x"), now)).toBe(
    "2026-11-23T16:40:02Z 0c1d8e11 9 ok Pushed commit: x",
  );
  const running = aStep(11, "Rollout of a/b.", { endedAt: null, outcome: null, detail: "2 of 3 updated" });
  expect(plainStepLine(job, running, now)).toBe(
    "2026-11-23T16:40:16Z 0c1d8e11 11 .. Rollout of a/b. 2 of 3 updated",
  );
  expect(storyStepLine(aStep(1, "Submitted job."))).toBe(" 1. Submitted job.");
  expect(storyStepLine(aStep(11, "Rollout of a/b.", { outcome: "failed", detail: "ImagePullBackOff" }))).toBe(
    "11. Rollout of a/b. FAILED: ImagePullBackOff",
  );
});

test("a terminal's last line names commit and undo", () => {
  expect(outcomeLines(aSucceededJob(), paint)).toEqual([
    "✔ succeeded in 2.3 s   commit 3fa94c1   undo: slipway rollback 0c1d8e11",
  ]);
  const undone = { of: null, by: rollbackId, byCommit: "b07d5e2" };
  expect(
    outcomeLines(aSucceededJob({ phase: "rolled-back", outcome: "rolled-back", rollback: undone }), paint),
  ).toEqual(["↩ rolled-back in 2.3 s   commit 3fa94c1   undone by b07d5e2"]);
  const error = {
    code: "ROLLOUT_FAILED",
    title: "The rollout failed",
    detail: "ImagePullBackOff",
    hint: "undo it",
  };
  expect(
    outcomeLines(aSucceededJob({ phase: "failed", outcome: "failed", commit: null, error }), paint),
  ).toEqual(["✖ failed in 2.3 s", "  The rollout failed: ImagePullBackOff (ROLLOUT_FAILED)", "  undo it"]);
});

test("a pipe's result is one line per container, in full", () => {
  expect(plainOutcomeLines(aSucceededJob())).toEqual([
    `succeeded sock-shop/front-end front-end 0.2.0 -> ${frontEndTag} commit=3fa94c1 job=${jobId} took=2.3s`,
  ]);
  const idle = aSucceededJob({
    outcome: "nothing-to-do",
    commit: null,
    results: [aSkip("front-end", "up-to-date")],
  });
  expect(plainOutcomeLines(idle)).toEqual([
    `nothing-to-do sock-shop/front-end front-end 0.3.0 up-to-date job=${jobId} took=2.3s`,
  ]);
  expect(plainOutcomeLines({ ...idle, results: [] })).toEqual([`nothing-to-do job=${jobId} took=2.3s`]);
});

test("the story ends as in the demo", () => {
  expect(storyOutcomeLine(aSucceededJob(), seedSteps)).toBe(
    "Succeeded in 2.3 s: commit 3fa94c1, 2 lines of deploy/front-end.yaml (image, version label).",
  );
  const two = aStep(7, "Update pod controller OK.", {
    detail: "deploy/a.yaml +3 -3, deploy/front-end.yaml +1 -1",
  });
  expect(storyOutcomeLine(aSucceededJob(), [two])).toBe(
    "Succeeded in 2.3 s: commit 3fa94c1, 1 line of deploy/front-end.yaml.",
  );
  expect(storyOutcomeLine(aSucceededJob(), [])).toBe(
    "Succeeded in 2.3 s: commit 3fa94c1, deploy/front-end.yaml.",
  );
  expect(storyOutcomeLine(aSucceededJob({ outcome: "nothing-to-do", commit: null, results: [] }), [])).toBe(
    "Nothing to do in 2.3 s.",
  );
  const back = aSucceededJob({
    kind: "rollback",
    commit: "b07d5e2fff",
    finishedAt: "2026-11-23T16:40:01.900Z",
    results: [
      aResult({
        from: `weaveworksdemos/front-end:${frontEndTag}`,
        to: "weaveworksdemos/front-end:0.2.0",
      }),
    ],
  });
  expect(storyRollbackLines(back, [])).toEqual([
    "sock-shop/front-end  7f511af2… -> 0.2.0, healthy in 1.9 s, commit b07d5e2",
  ]);
});

test("every phase has its exit code", () => {
  const codes = (
    ["succeeded", "failed", "rolled-back", "cancelled", "superseded", "rolling-out"] as const
  ).map((phase) => exitCodeOf(aJob({ phase })));
  expect(codes).toEqual([0, 1, 3, 5, 5, 4]);
});

test("jobs are listed with their short id, wide with everything", () => {
  expect(jobLines([aSucceededJob({ outcome: "committed" })], { headers: true, wide: false })).toEqual([
    "JOB       CREATED              PHASE                  BY    WHAT",
    "0c1d8e11  23 Nov 26 16:40 UTC  succeeded (committed)  anna  Release latest images to sock-shop/front-end",
  ]);
  expect(jobLines([aSucceededJob()], { headers: false, wide: true })[0]).toMatch(
    new RegExp(`default {2}3fa94c1 {2}2\\.3 s {2}${jobId}$`),
  );
  expect(shortJob(jobId)).toBe("0c1d8e11");
});

test("one job shows facts, results and steps", () => {
  const job = aSucceededJob({
    rollback: { of: null, by: rollbackId, byCommit: "b07d5e2aaa" },
    message: "why",
  });
  const lines = jobDetailLines(job, seedSteps.slice(0, 1), { now, columns: 120, paint });
  expect(lines).toEqual([
    "Job 0c1d8e11  Release latest images to sock-shop/front-end",
    `  id            ${jobId}`,
    "  environment   default",
    "  phase         succeeded",
    "  requested by  anna",
    "  message       why",
    "  created       23 Nov 26 16:40 UTC",
    "  took          2.3 s",
    "  commit        3fa94c1000000000000000000000000000000000",
    "  undone by     b07d5e22, commit b07d5e2",
    "",
    "  sock-shop/front-end  front-end  0.2.0 -> 7f511af2…  changed",
    "",
    expect.stringMatching(/^ ✔ {2}1 Submitted job\. +0\.1 s$/),
  ]);
});

test("environments are listed with their mode, wide with their freshness", () => {
  expect(environmentLines([anEnvironment], { headers: true, wide: false })).toEqual([
    "ENVIRONMENT  MODE   REPOSITORY                               BRANCH  PATHS",
    "default      apply  https://git.example.com/shop/config.git  main    deploy",
  ]);
  expect(environmentLines([anEnvironment], { headers: false, wide: true })[0]).toMatch(
    /deploy {2}9c1e2f4 {2}1\.2 s ago {2}0\.0 s ago$/,
  );
});

test("nothing that steers a terminal is printed raw", async () => {
  const toYaml = await loadYaml();
  expect(safe("a\u001b[31mb\u0007\n\u202ec\u009b")).toBe("a\\u{1b}[31mb\\u{7}\\u{a}\\u{202e}c\\u{9b}");
  expect(JSON.parse(safeJson({ a: "\u009b\u202e\u001b\n" }))).toEqual({ a: "\u009b\u202e\u001b\n" });
  expect(safeJson({ a: "\u009b" })).toContain("\\u009b");
  expect(dataText({ a: "x\u009by" }, toYaml)).not.toContain("\u009b");
  expect(dataText({ a: "x", b: [1] }, toYaml)).toBe("a: x\nb:\n  - 1");
});

test("tables count characters, and cutting marks what is missing", () => {
  expect(
    tableLines([
      ["ä…", "b"],
      ["ccc", "d"],
    ]),
  ).toEqual(["ä…   b", "ccc  d"]);
  expect(cutTo("abcdef", 4)).toBe("abc…");
});

test("times read as people say them", () => {
  expect(shortDate("2016-11-09T10:26:59Z")).toBe("09 Nov 16 10:26 UTC");
  expect([90, 31_400, 59_960, 125_000, 12_000_000].map(durationText)).toEqual([
    "0.1 s",
    "31.4 s",
    "1 min 00 s",
    "2 min 05 s",
    "3 h 20 min",
  ]);
});
