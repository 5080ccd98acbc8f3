import { expect, test } from "vitest";

import { createMetrics } from "#common/kit/metrics.ts";
import { countEndings } from "#common/kit/job-metrics.ts";
import { listenToEndings } from "#common/store/job-endings.ts";
import type { EndedStep } from "#common/store/job-endings.ts";
import { moveJob } from "#common/store/jobs.ts";
import { setLaneProblem } from "#common/store/lanes.ts";
import { exposePool, exposeWork } from "#common/store/store-metrics.ts";
import { appendSteps, endOpenSteps, endStep } from "#common/store/steps.ts";
import { workFigures } from "#common/store/work-figures.ts";
import { ageJob } from "#support/store-ages.ts";
import type { StoreWorld } from "#support/store-world.ts";

/** What metrics are read from. */
export function figuresContract(given: () => StoreWorld): void {
  const countOf = (open: Awaited<ReturnType<typeof workFigures>>["open"], phase: string): number =>
    open.filter((one) => one.phase === phase).reduce((sum, { count }) => sum + count, 0);

  test("tells how many jobs are open, how long one has been due, and who could take it", async () => {
    const { store, aJob, aLane, aWorker, silence } = given();
    const before = await workFigures(store.db);
    const laneId = await aLane();
    await setLaneProblem(store.db, {
      laneId,
      problem: { code: "GIT_UNAVAILABLE", title: "", detail: null, hint: null },
    });
    const { id } = await aJob();
    await ageJob(store.db, id, 1);
    await aWorker();
    await silence(await aWorker());
    const after = await workFigures(store.db);
    expect(countOf(after.open, "queued")).toBe(countOf(before.open, "queued") + 1);
    expect(after.dueSeconds).toBeGreaterThanOrEqual(86_000);
    expect(after.workers).toBe(before.workers + 1);
    expect(after.lanesWithProblem).toBe(before.lanesWithProblem + 1);
    await moveJob(store.db, { id, event: "nothing-to-do" });
    expect((await workFigures(store.db)).dueSeconds).toBeLessThan(86_000);
  });

  test("tells of steps that end how long they took, once, after the commit", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const told: EndedStep[] = [];
    listenToEndings(store.db, { jobEnded: () => undefined, stepEnded: (step) => told.push(step) });
    const open = ["Clone the config repo.", "Rollout of shop/web.", "Waiting for bob."];
    const [number = 0] = await appendSteps(
      store.db,
      id,
      open.map((text) => ({ text, open: true })),
    );
    await store.transaction(async (tx) => {
      await endStep(tx, { jobId: id, number, outcome: "ok" });
      await endStep(tx, { jobId: id, number, outcome: "ok" });
      expect(told).toEqual([]);
    });
    expect(told).toEqual([{ text: open[0], outcome: "ok", seconds: expect.any(Number) }]);
    await store.transaction((tx) => endOpenSteps(tx, id, { outcome: "skipped" }));
    expect(new Set(told.map(({ text }) => text))).toEqual(new Set(open));
    expect(told).toHaveLength(open.length);
  });

  test("the pages show the pool, the work and what ended", async () => {
    const { store, aJobAfter } = given();
    const metrics = createMetrics({ service: "api", process: false });
    exposePool(metrics, store);
    exposeWork(metrics, store);
    listenToEndings(store.db, countEndings(metrics));
    const { id } = await aJobAfter(["taken-by-lane"]);
    await store.transaction((tx) => moveJob(tx, { id, event: "nothing-to-do" }));
    const page = (await metrics.text()).replaceAll(/service="api",|,?service="api"/g, "");
    expect(page).toContain('slipway_jobs_finished_total{outcome="nothing-to-do"} 1');
    expect(page).toContain('slipway_job_duration_seconds_count{kind="release"} 1');
    expect(page).toContain("slipway_pool_size{} 20");
    expect(page).toMatch(/slipway_pool_connections\{state="idle"\} [1-9]/);
    expect(page).toMatch(/slipway_jobs_open\{phase="queued",gate=""\} \d/);
    expect(page).not.toContain("slipway_scrape_failures_total{");
  });
}
