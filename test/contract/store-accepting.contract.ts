import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { acceptJob, findKey } from "#common/store/job-accept.ts";
import { getJob } from "#common/store/jobs.ts";
import { moveTip } from "#common/store/lanes.ts";
import { listSteps } from "#common/store/steps.ts";
import { ageKeys } from "#support/store-ages.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function acceptingContract(given: () => StoreWorld): void {
  const key = (bodyHash = "a", name: string = randomUUID()) => ({
    principal: "tester",
    operation: "release",
    key: name,
    bodyHash,
  });

  test("an accepted job is queued with its first step and its audit entry", async () => {
    const { store, jobRow } = given();
    const job = await jobRow();
    const audit = { principal: "tester", operation: "release", outcome: "accepted", jobId: job.id };
    const accepted = await acceptJob(store.db, { job, idempotency: key(), audit });
    expect(accepted).toEqual({ kind: "accepted", job: await getJob(store.db, job.id) });
    expect(await getJob(store.db, job.id)).toMatchObject({ phase: "queued", last_step: 1, last_seq: 1n });
    const { steps } = await listSteps(store.db, job.id, { after: 0n, limit: 10 });
    expect(steps).toMatchObject([{ number: 1, seq: 1n, text: "Submitted job.", outcome: "ok" }]);
    expect(steps[0]?.ended_at).toBeInstanceOf(Date);
    const entries = await store.db.selectFrom("audit").selectAll().where("job_id", "=", job.id).execute();
    expect(entries).toMatchObject([{ principal: "tester", outcome: "accepted" }]);
  });

  test("a hundred equal requests at once make one job, and all are told its id", async () => {
    const { store, jobRow, aLane } = given();
    const [idempotency, lane] = [key(), await aLane()];
    const jobs = await Promise.all(Array.from({ length: 100 }, () => jobRow({ lane_id: lane })));
    const answers = await Promise.all(jobs.map((job) => acceptJob(store.db, { job, idempotency })));
    const accepted = jobs.filter((_, index) => answers[index]?.kind === "accepted");
    expect(accepted).toHaveLength(1);
    const replayed = answers.filter((answer) => answer.kind === "replayed");
    expect(new Set(replayed.map((answer) => answer.jobId))).toEqual(new Set([accepted[0]?.id]));
    const stored = await store.db.selectFrom("jobs").select("id").where("lane_id", "=", lane).execute();
    expect(stored).toEqual([{ id: accepted[0]?.id }]);
  });

  test("the same key with another body is a conflict with the first job", async () => {
    const { store, jobRow } = given();
    const [first, second] = [await jobRow(), await jobRow()];
    await acceptJob(store.db, { job: first, idempotency: key("a", "reused") });
    const answer = await acceptJob(store.db, { job: second, idempotency: key("b", "reused") });
    expect(answer).toEqual({ kind: "conflict", jobId: first.id });
    expect(await getJob(store.db, second.id)).toBeUndefined();
  });

  test("a key is kept for a day, and is then free for another request", async () => {
    const { store, jobRow } = given();
    const [first, second, third] = [await jobRow(), await jobRow(), await jobRow()];
    const [a, b] = [key("a", "of yesterday"), key("b", "of yesterday")];
    await acceptJob(store.db, { job: first, idempotency: a });
    await ageKeys(store.db, "of yesterday", 23);
    expect(await acceptJob(store.db, { job: second, idempotency: b })).toMatchObject({ kind: "conflict" });
    await ageKeys(store.db, "of yesterday", 2);
    expect(await findKey(store.db, a)).toBeUndefined();
    expect(await acceptJob(store.db, { job: second, idempotency: b })).toMatchObject({ kind: "accepted" });
    expect(await acceptJob(store.db, { job: third, idempotency: b })).toEqual({
      kind: "replayed",
      jobId: second.id,
    });
  });

  test("what a job cannot refer to takes nothing in, and the key stays free", async () => {
    const { store, jobRow } = given();
    const idempotency = key();
    const job = await jobRow({ lane_id: "no such lane" });
    await expect(acceptJob(store.db, { job, idempotency })).rejects.toThrow(/foreign key/);
    const sound = await jobRow();
    expect(await acceptJob(store.db, { job: sound, idempotency })).toMatchObject({ kind: "accepted" });
  });

  test("accepting waits for nobody who has locked the lane", async () => {
    const world = given();
    const job = await world.jobRow();
    await world.store.transaction(async (tx) => {
      await moveTip(tx, { laneId: job.lane_id, tip: "moving" });
      expect(await acceptJob(world.store.db, { job })).toMatchObject({ kind: "accepted" });
    });
  });
}
