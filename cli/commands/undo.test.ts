import { expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";

import { framesOf } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { aJob, aStep, aSucceededJob, jobId, rollbackId, seedSteps } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

/** Undoing, going back, and looking at what went wrong. */

const slipway = createTyped();

test("of a failed job only what went wrong is shown, with the last words of its container", async () => {
  const failed = aStep(11, "Rollout of sock-shop/front-end.", {
    outcome: "failed",
    detail: "CrashLoopBackOff",
  });
  const words = "Last log lines of sock-shop/front-end: front-end-6c9 (front-end).";
  const said = aStep(12, words, { outcome: "failed", detail: "starting\nfatal: no configuration" });
  const steps = [...seedSteps.slice(0, 10), failed, said];
  const listSteps: Routes["listSteps"] = ({ query }) => ({
    json: { steps: steps.slice(Number(query.get("after") ?? 0)), next: steps.length },
  });
  const shown = await slipway(["job", jobId, "--log-failed"], { listSteps });
  expect(shown.code).toBe(0);
  expect(shown.out).toContain("Rollout of sock-shop/front-end.");
  expect(shown.out).toContain("      | fatal: no configuration");
  expect(shown.out).not.toContain("Submitted job.");
  const well = await slipway(["job", jobId, "--log-failed"]);
  expect(well.out).toBe("No step of job 0c1d8e11 failed.");
});

test("a rollback of a workload undoes the last job that changed it, and only when it changed nothing else", async () => {
  const rolling = { rollbackJob: () => ({ status: 202, json: aJob({ id: rollbackId, kind: "rollback" }) }) };
  const routes: Routes = {
    ...rolling,
    followJob: () => ({ events: framesOf([], aSucceededJob({ id: rollbackId })) }),
  };
  const page = (...jobs: Job[]) => ({ listJobs: () => ({ json: { jobs, next: null } }) });
  const empty = aSucceededJob({ id: rollbackId, commit: null, outcome: "nothing-to-do" });
  const ran = await slipway(["rollback", "front-end"], { ...routes, ...page(empty, aSucceededJob()) });
  expect(ran.code).toBe(0);
  expect(ran.server.of("rollbackJob")).toMatchObject([{ parameters: { id: jobId } }]);
  expect(ran.server.of("listJobs")[0]?.query.get("workload")).toBe("sock-shop:deployment/front-end");
  const [own] = aSucceededJob().results;
  const both = aSucceededJob({ results: [own!, { ...own!, workload: "sock-shop:deployment/cart" }] });
  const wide = await slipway(["rollback", "front-end"], { ...routes, ...page(both) });
  expect(wide.code).toBe(2);
  expect(wide.err).toContain("changed 1 other workload too");
  expect(wide.err).toContain("slipway release front-end --to-previous");
  const never = await slipway(["rollback", "front-end"], { ...routes, ...page(empty) });
  expect(never.code).toBe(2);
  expect(never.server.of("rollbackJob")).toEqual([]);
});

test("a rollback passes a guard only by its name", async () => {
  const rollbackJob: Routes["rollbackJob"] = () => ({
    status: 202,
    json: aJob({ id: rollbackId, kind: "rollback" }),
  });
  const args = ["rollback", jobId, "--no-wait", "--override"];
  const forced = await slipway([...args, "changed-since"], { rollbackJob });
  expect(forced.server.of("rollbackJob")[0]?.body).toEqual({ override: ["changed-since"] });
  expect((await slipway([...args, "everything"], { rollbackJob })).code).toBe(2);
});

test("what ran before and what runs now are chosen by a word", async () => {
  const previous = await slipway(["release", "front-end", "--to-previous", "--no-wait"]);
  expect(previous.server.of("createRelease")[0]?.body).toMatchObject({ images: { select: "previous" } });
  const running = await slipway(["release", "front-end", "--to-running", "--no-wait"]);
  expect(running.server.of("createRelease")[0]?.body).toMatchObject({ images: { select: "running" } });
  expect((await slipway(["release", "front-end", "--to-running", "--latest"])).code).toBe(2);
});
