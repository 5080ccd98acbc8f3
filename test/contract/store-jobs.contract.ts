import { everything } from "#common/domain/access.ts";
import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import type { JobEvent } from "#common/domain/job.ts";
import { recordChoices } from "#common/store/job-choices.ts";
import { listenToEndings } from "#common/store/job-endings.ts";
import { findJobByShortId, listJobs, rollbacksOf } from "#common/store/job-list.ts";
import { countCrash, getJob, jobsOfLane, lockJobs, moveJob, patchJob } from "#common/store/jobs.ts";
import { requestCancel, rollingOutJobs, takeQueuedJobs } from "#common/store/jobs.ts";
import type { Store } from "#common/store/store.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function jobsContract(given: () => StoreWorld): void {
  movingContract(given);
  takingContract(given);
  describe("cancelling", () => cancellingContract(given));
  listingContract(given);
}

function movingContract(given: () => StoreWorld): void {
  test("a job lives from queued to succeeded, with its times", async () => {
    const { store, aJobAfter } = given();
    const writing = await aJobAfter(["taken-by-lane"]);
    expect(writing).toMatchObject({ phase: "writing", intent: false, finished_at: null });
    expect(writing.started_at).toBeInstanceOf(Date);
    const { id } = writing;
    const pushed = await moveJob(store.db, { id, event: "intent-recorded", patch: { plan_hash: "abc" } });
    expect(pushed).toMatchObject({ phase: "writing", intent: true, plan_hash: "abc" });
    const rolling = await moveJob(store.db, { id, event: "adopted", patch: { commit_sha: "c0ffee" } });
    expect(rolling).toMatchObject({ phase: "rolling-out", intent: false, commit_sha: "c0ffee" });
    const over = await moveJob(store.db, { id, event: "all-good" });
    expect(over).toMatchObject({ phase: "succeeded", outcome: "succeeded", due_at: null });
    expect(over.started_at).toEqual(writing.started_at);
    expect(over.finished_at).toBeInstanceOf(Date);
  });

  test("a move that the table does not have is refused and changes nothing", async () => {
    const { store, aJob, aJobAfter } = given();
    const { id } = await aJob();
    const illegal: JobEvent[] = ["adopted", "all-good", "rolled-back", "intent-recorded"];
    for (const event of illegal) {
      await expect(moveJob(store.db, { id, event })).rejects.toMatchObject({ code: "INTERNAL" });
    }
    expect(await getJob(store.db, id)).toMatchObject({ phase: "queued" });
    const over = await aJobAfter(["nothing-to-do"]);
    const again = moveJob(store.db, { id: over.id, event: "taken-by-lane" });
    await expect(again).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("an ending is told once, after its commit, and not when it is rolled back", async () => {
    const { store, aJob } = given();
    const told: string[] = [];
    listenToEndings(store.db, {
      jobEnded: ({ outcome }) => told.push(outcome),
      stepEnded: () => undefined,
    });
    const { id } = await aJob();
    const undone = store.transaction(async (tx) => {
      await moveJob(tx, { id, event: "nothing-to-do" });
      throw new Error("rolled back");
    });
    await expect(undone).rejects.toThrow("rolled back");
    expect(told).toEqual([]);
    await store.transaction(async (tx) => {
      await moveJob(tx, { id, event: "nothing-to-do" });
      expect(told).toEqual([]);
    });
    expect(await requestCancel(store.db, { id: (await aJob()).id, by: "somebody" })).toBe("cancelled");
    expect(told).toEqual(["nothing-to-do", "cancelled"]);
  });

  test("of two equal moves at once one is refused", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const moves = await Promise.allSettled(
      [1, 2].map(() => moveJob(store.db, { id, event: "taken-by-lane" })),
    );
    expect(moves.map((move) => move.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("a gate belongs to the wait it was given for", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const gate = { gate: "freeze", waiting_for: "the freeze of production" };
    expect(await moveJob(store.db, { id, event: "gate-closed", patch: gate })).toMatchObject(gate);
    const opened = await moveJob(store.db, { id, event: "gates-opened" });
    expect(opened).toMatchObject({ phase: "queued", gate: null, waiting_for: null });
  });

  test("results, targets and errors come back as they were stored", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const error = { code: "GIT_UNAVAILABLE", title: "t", detail: null, hint: null };
    const patched = await patchJob(store.db, id, { error, dueInMs: 60_000 });
    expect(patched).toMatchObject({ error, resolved: null, results: [], targets: [] });
    expect(patched.due_at?.getTime()).toBeGreaterThan((await store.now()).getTime() + 50_000);
    expect(await patchJob(store.db, id, { error: null })).toMatchObject({ error: null });
    expect(await countCrash(store.db, id)).toBe(1);
    expect(await countCrash(store.db, id)).toBe(2);
  });

  test("what jobs chose at their first planning is recorded once, each its own", async () => {
    const { store, aJob } = given();
    const [one, two] = [await aJob(), await aJob()];
    const of = { workload: "shop:deployment/web", container: "web" };
    const first = [{ ...of, image: "web:1" }];
    const none = [{ ...of, reason: "no-policy", detail: "its tag is not a version" }] as const;
    const recorded = await recordChoices(store.db, [
      { jobId: one.id, resolved: first },
      { jobId: two.id, resolved: [] },
    ]);
    const byId = new Map(recorded.map((job) => [job.id, job]));
    expect(byId.get(one.id)).toMatchObject({ phase: "queued", resolved: first });
    expect(byId.get(two.id)).toMatchObject({ phase: "queued", resolved: [] });
    expect(byId.get(one.id)).toEqual(await getJob(store.db, one.id));
    for (const { id } of [one, two]) await recordChoices(store.db, [{ jobId: id, resolved: none }]);
    expect(await getJob(store.db, one.id)).toMatchObject({ resolved: first });
    expect(await getJob(store.db, two.id)).toMatchObject({ resolved: [] });
  });

  test("a job has at most one automatic rollback", async () => {
    const { aJob, aJobAfter } = given();
    const undone = await aJobAfter(["nothing-to-do"]);
    const rollback = {
      kind: "rollback",
      origin: "rollback",
      rollback_of: undone.id,
      automatic: true,
    } as const;
    await aJob(rollback);
    await expect(aJob(rollback)).rejects.toThrow(/jobs_one_automatic_rollback/);
    await aJob({ ...rollback, automatic: false });
  });
}

function takingContract(given: () => StoreWorld): void {
  test("a lane gives rollbacks, then manual jobs, then automation, each in the order accepted", async () => {
    const { store, aLane, aJob } = given();
    const lane_id = await aLane();
    const ids: string[] = [];
    for (const priority of [2, 1, 0, 2, 1, 0]) ids.push((await aJob({ lane_id, priority })).id);
    const taken = await store.transaction((tx) => takeQueuedJobs(tx, { laneId: lane_id, limit: 5 }));
    expect(taken.map((job) => ids.indexOf(job.id))).toEqual([2, 5, 1, 4, 0]);
  });

  test("a job that is not due, or in somebody's hands, is passed over", async () => {
    const { store, aLane, aJob } = given();
    const lane_id = await aLane();
    const [held, later, free] = [await aJob({ lane_id }), await aJob({ lane_id }), await aJob({ lane_id })];
    await patchJob(store.db, later.id, { dueInMs: 60_000 });
    await store.transaction(async (tx) => {
      await lockJobs(tx, [held.id]);
      const taken = await store.transaction((other) => takeQueuedJobs(other, { laneId: lane_id, limit: 64 }));
      expect(taken.map((job) => job.id)).toEqual([free.id]);
    });
  });

  test("jobs are found by where they stand", async () => {
    const { store, aLane, aJobAfter } = given();
    const place = { lane_id: await aLane(), environment: `env-${randomUUID().slice(0, 8)}` };
    const planned = await aJobAfter(["taken-by-lane"], place);
    const pushing = await aJobAfter(["taken-by-lane", "intent-recorded"], place);
    const rolling = await aJobAfter(["taken-by-lane", "intent-recorded", "adopted"], place);
    await aJobAfter(["nothing-to-do"], place);
    const writing = await jobsOfLane(store.db, { laneId: place.lane_id, phase: "writing" });
    expect(writing.map((job) => job.id)).toEqual([planned.id, pushing.id]);
    const lost = await jobsOfLane(store.db, { laneId: place.lane_id, phase: "writing", intent: false });
    expect(lost.map((job) => job.id)).toEqual([planned.id]);
    const rollouts = await rollingOutJobs(store.db, place.environment);
    expect(rollouts.map((job) => job.id)).toEqual([rolling.id]);
  });
}

function cancellingContract(given: () => StoreWorld): void {
  const pushing: JobEvent[] = ["taken-by-lane", "intent-recorded"];
  const cases: { name: string; events: JobEvent[]; answer: string; phase: string }[] = [
    { name: "queued", events: [], answer: "cancelled", phase: "cancelled" },
    { name: "waiting", events: ["gate-closed"], answer: "cancelled", phase: "cancelled" },
    { name: "writing", events: ["taken-by-lane"], answer: "requested", phase: "writing" },
    { name: "pushing", events: pushing, answer: "too-late", phase: "writing" },
    { name: "rolling out", events: [...pushing, "adopted"], answer: "too-late", phase: "rolling-out" },
    { name: "over", events: ["nothing-to-do"], answer: "over", phase: "succeeded" },
  ];
  test.each(cases)("a job that is $name", async ({ events, answer, phase }) => {
    const { store, aJob } = given();
    const { id } = await aJob();
    for (const event of events) await moveJob(store.db, { id, event });
    expect(await requestCancel(store.db, { id, by: "somebody" })).toBe(answer);
    expect(await getJob(store.db, id)).toMatchObject({ phase });
  });

  test("a cancel that races with the intent either comes first and wins, or is told that it is too late", async () => {
    const { store, aJobAfter } = given();
    const jobs = await Promise.all(Array.from({ length: 16 }, () => aJobAfter(["taken-by-lane"])));
    const answers = await Promise.all(
      jobs.map(async ({ id }) => {
        const [answer] = await Promise.all([
          requestCancel(store.db, { id, by: "somebody" }),
          pushOrCancel(store, id),
        ]);
        return answer;
      }),
    );
    for (const [index, { id }] of jobs.entries()) {
      const job = await getJob(store.db, id);
      if (answers[index] === "requested") expect(job).toMatchObject({ phase: "cancelled", intent: false });
      else expect([answers[index], job?.phase, job?.intent]).toEqual(["too-late", "writing", true]);
    }
  });

  test("a job that does not exist cannot be cancelled", async () => {
    const absent = requestCancel(given().store.db, { id: randomUUID(), by: "somebody" });
    await expect(absent).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
  });
}

// What the worker does in the transaction that records its intent.
async function pushOrCancel(store: Store, id: string): Promise<void> {
  await store.transaction(async (tx) => {
    const [job] = await lockJobs(tx, [id]);
    const cancelled = job?.cancel_requested_at !== null;
    await moveJob(tx, { id, event: cancelled ? "cancelled" : "intent-recorded" });
  });
}

function listingContract(given: () => StoreWorld): void {
  test("pages go from the newest to the oldest without losing one, whatever comes in meanwhile", async () => {
    const { store, aJob } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) ids.push((await aJob({ environment })).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < 5; page += 1) {
      const list = await listJobs(store.db, {
        within: everything,
        environment,
        limit: 3,
        ...(cursor === null ? {} : { cursor }),
      });
      seen.push(...list.jobs.map((job) => job.id));
      await aJob({ environment });
      cursor = list.next;
      if (cursor === null) break;
    }
    expect(seen).toEqual(ids.toReversed());
  });

  test.each(["", "x", "MQ==", "LTE", "bm90IGEgbnVtYmVy", "MQ MQ"])("%j is no cursor", async (cursor) => {
    const listing = listJobs(given().store.db, { within: everything, cursor, limit: 1 });
    await expect(listing).rejects.toMatchObject({ code: "CURSOR_INVALID" });
  });

  test("jobs are found by workload, image, phase, kind and time", async () => {
    const { store, aJob, aJobAfter } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const { id } = await aJobAfter(["taken-by-lane"], { environment });
    const other = await aJob({ environment, kind: "sync" });
    const result = {
      from: "repo.example/web_1:1.0",
      to: "repo.example/web_1:2.0",
      result: "change" as const,
    };
    const rest = { container: "web", reason: null, detail: null, file: null };
    await patchJob(store.db, id, { results: [{ ...result, ...rest, workload: "shop:deployment/web" }] });
    const found = async (filter: object) =>
      (await listJobs(store.db, { environment, within: everything, limit: 10, ...filter })).jobs.map(
        (job) => job.id,
      );
    expect(await found({ workload: "shop:deployment/web" })).toEqual([id]);
    expect(await found({ workload: "shop/web" })).toEqual([id]);
    expect(await found({ workload: "shop/we" })).toEqual([]);
    expect(await found({ image: "repo.example/web_1" })).toEqual([id]);
    expect(await found({ image: "repo.example/web_1:2.0" })).toEqual([id]);
    expect(await found({ image: "repo.example/webx1" })).toEqual([]);
    expect(await found({ phase: "queued" })).toEqual([other.id]);
    expect(await found({ kind: "sync" })).toEqual([other.id]);
    expect(await found({ since: new Date(0) })).toEqual([other.id, id]);
    expect(await found({ since: new Date("2100-01-01") })).toEqual([]);
  });

  test("a job asked for by workload and exact image is found before it is planned", async () => {
    const { store, aJob } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const spec = { workloads: ["shop:deployment/web"], images: { exact: ["repo.example/web:3"] } };
    const { id } = await aJob({ environment, spec: JSON.stringify(spec) });
    for (const filter of [{ workload: "shop:deployment/web" }, { image: "repo.example/web" }]) {
      const { jobs } = await listJobs(store.db, { environment, within: everything, limit: 10, ...filter });
      expect(jobs.map((job) => job.id)).toEqual([id]);
    }
  });

  test("a job is found by the last eight characters of its id, unless two share them", async () => {
    const { store, aJob } = given();
    const last8 = randomUUID().slice(-8);
    const withTail = () => `${randomUUID().slice(0, -8)}${last8}`;
    const { id } = await aJob({ id: withTail() });
    expect(await findJobByShortId(store.db, last8.toUpperCase(), everything)).toMatchObject({ id });
    expect(await findJobByShortId(store.db, "short", everything)).toBeUndefined();
    await aJob({ id: withTail() });
    await expect(findJobByShortId(store.db, last8, everything)).rejects.toMatchObject({
      code: "JOB_AMBIGUOUS",
    });
  });

  test("a job's newest undoing is told", async () => {
    const { store, aJob, aJobAfter } = given();
    const undone = await aJobAfter(["nothing-to-do"]);
    const rollback = { kind: "rollback", origin: "rollback", rollback_of: undone.id } as const;
    await aJob(rollback);
    const newest = await aJob(rollback);
    const links = await rollbacksOf(store.db, [undone.id, newest.id]);
    expect([...links]).toMatchObject([[undone.id, { id: newest.id, commit_sha: null, phase: "queued" }]]);
  });
}
