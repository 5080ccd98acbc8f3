import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { acceptJob } from "#common/store/job-accept.ts";
import { placeNow, readEvents, writeEvent } from "#common/store/events.ts";
import { setHold } from "#common/store/holds.ts";
import { getJob } from "#common/store/jobs.ts";
import { listSteps } from "#common/store/steps.ts";
import { tidyHistory } from "#common/store/tidy.ts";
import { ageEvents, ageJob, ageKeys } from "#support/store-ages.ts";
import type { StoreWorld } from "#support/store-world.ts";

const dayMs = 86_400_000;
const sweep = { keepJobsMs: 100 * dayMs, most: 1_000 };

export function tidyContract(given: () => StoreWorld): void {
  test("jobs that ended long ago go with their steps, young and open ones stay", async () => {
    const { store, aJob, aJobAfter } = given();
    const [old, young] = [await aJobAfter(["nothing-to-do"]), await aJobAfter(["nothing-to-do"])];
    const open = await aJob();
    await ageJob(store.db, old.id, 101);
    await ageJob(store.db, young.id, 99);
    await ageJob(store.db, open.id, 1_000);
    await tidyHistory(store.db, sweep);
    expect(await getJob(store.db, old.id)).toBeUndefined();
    expect((await listSteps(store.db, old.id, { after: 0n, limit: 10 })).steps).toEqual([]);
    expect(await getJob(store.db, young.id)).toBeDefined();
    expect(await getJob(store.db, open.id)).toBeDefined();
  });

  test("a job that a hold names, or whose undoing is kept, stays", async () => {
    const { store, aJobAfter, aJob } = given();
    const [held, undone] = [await aJobAfter(["nothing-to-do"]), await aJobAfter(["nothing-to-do"])];
    await aJob({ kind: "rollback", origin: "rollback", rollback_of: undone.id });
    const environment = `env-${randomUUID().slice(0, 8)}`;
    await setHold(store.db, {
      environment,
      workload: "shop:deployment/web",
      container: "web",
      image: "web:2",
      job_id: held.id,
      reason: "failed",
    });
    await ageJob(store.db, held.id, 500);
    await ageJob(store.db, undone.id, 500);
    await tidyHistory(store.db, sweep);
    expect(await getJob(store.db, held.id)).toBeDefined();
    expect(await getJob(store.db, undone.id)).toBeDefined();
  });

  test("a go deletes no more than it may, and the next goes on", async () => {
    const { store, aJobAfter } = given();
    const jobs = [await aJobAfter(["nothing-to-do"]), await aJobAfter(["nothing-to-do"])];
    await ageJob(store.db, jobs[0]?.id ?? "", 900);
    await ageJob(store.db, jobs[1]?.id ?? "", 800);
    expect(await tidyHistory(store.db, { ...sweep, most: 1 })).toMatchObject({ jobs: 1 });
    expect(await getJob(store.db, jobs[0]?.id ?? "")).toBeUndefined();
    expect(await getJob(store.db, jobs[1]?.id ?? "")).toBeDefined();
    expect(await tidyHistory(store.db, { ...sweep, most: 1 })).toMatchObject({ jobs: 1 });
    expect(await getJob(store.db, jobs[1]?.id ?? "")).toBeUndefined();
  });

  test("keys go after a day; events a week after they were told, and never before", async () => {
    const { store, jobRow } = given();
    const key = { principal: "tester", operation: "release", key: randomUUID(), bodyHash: "a" };
    await acceptJob(store.db, { job: await jobRow(), idempotency: key });
    await ageKeys(store.db, key.key, 25);
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const after = await placeNow(store.db);
    await writeEvent(store.db, { environment, kind: "told", data: {} });
    await writeEvent(store.db, { environment, kind: "untold", data: {} });
    await store.db.updateTable("events").set({ told: true }).where("kind", "=", "told").execute();
    await ageEvents(store.db, environment, 8);
    expect((await tidyHistory(store.db, sweep))?.keys).toBeGreaterThan(0);
    const { events } = await readEvents(store.db, { environment, after, limit: 10 });
    expect(events.map((event) => event.kind)).toEqual(["untold"]);
  });

  test("of two processes at once one tidies", async () => {
    const { store } = given();
    await store.transaction(async (tx) => {
      expect(await tidyHistory(tx, sweep)).toBeDefined();
      expect(await tidyHistory(store.db, sweep)).toBeUndefined();
    });
  });
}
