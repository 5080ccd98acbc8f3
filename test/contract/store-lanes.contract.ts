import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import type { NewIntent } from "#common/store/intents.ts";
import { addAttempt, answerAttempt, getIntent, openIntent } from "#common/store/intents.ts";
import { recordedCommitsOf, recordIntent, resolveIntent } from "#common/store/intents.ts";
import {
  confirmTip,
  deferLane,
  dueEnvironments,
  dueLanes,
  ensureLane,
  getLane,
} from "#common/store/lanes.ts";
import { moveTip, setLaneProblem, setLaneValue, wakeLane } from "#common/store/lanes.ts";
import { takeLease } from "#common/store/leases.ts";
import { commitsThatMayLandLate, lockEnded, requestEnd } from "#common/store/ended-jobs.ts";
import {
  countAutomaticRollbacks,
  hasDueJobs,
  moveJob,
  patchJob,
  queuedRestarts,
  takeQueuedJobs,
} from "#common/store/jobs.ts";
import { ageOpenPushes } from "#support/store-tricks.ts";
import type { StoreWorld } from "#support/store-world.ts";

const person = { name: "Slipway", email: "slipway@example.com", at: "2026-01-01T00:00:00.000Z" };
const draft = { message: "m", author: person, committer: person, files: [] };
const plan = { results: [], changes: [], targets: [] };

const error = { code: "JOB_OUTCOME_UNKNOWN", title: "t", detail: null, hint: null };

export function lanesContract(given: () => StoreWorld): void {
  const anIntent = async (laneId: string, commits: readonly string[]): Promise<NewIntent> => ({
    id: randomUUID(),
    laneId,
    fence: 7n,
    base: "base",
    proposal: null,
    tip: commits.at(-1) ?? "",
    laneOld: "old",
    commits: await Promise.all(
      commits.map(async (commit) => ({
        jobId: (await given().aJob({ lane_id: laneId })).id,
        commit,
        draft,
        plan,
      })),
    ),
  });

  test("an intent comes back whole, with its commits and attempts in order", async () => {
    const { store, aLane } = given();
    const laneId = await aLane();
    const intent = await anIntent(laneId, ["one", "two", "three"]);
    await store.transaction((tx) => recordIntent(tx, intent));
    expect(await addAttempt(store.db, { intentId: intent.id, laneNew: "new 1", fence: 7n })).toBe(1);
    expect(await addAttempt(store.db, { intentId: intent.id, laneNew: "new 2", fence: 8n })).toBe(2);
    await answerAttempt(store.db, { intentId: intent.id, number: 1, answer: "! rejected" });
    expect(await openIntent(store.db, laneId)).toEqual({
      ...intent,
      state: "open",
      createdAt: expect.any(Date),
      attempts: [
        { number: 1, laneNew: "new 1", fence: 7n, answer: "! rejected" },
        { number: 2, laneNew: "new 2", fence: 8n, answer: null },
      ],
    });
  });

  test("a lane has at most one open intent", async () => {
    const { store, aLane } = given();
    const laneId = await aLane();
    const [first, second] = [await anIntent(laneId, ["one"]), await anIntent(laneId, ["two"])];
    await recordIntent(store.db, first);
    await expect(recordIntent(store.db, second)).rejects.toThrow(/push_intents_one_open/);
    await resolveIntent(store.db, { id: first.id, state: "landed" });
    expect(await openIntent(store.db, laneId)).toBeUndefined();
    await store.transaction((tx) => recordIntent(tx, second));
    expect(await openIntent(store.db, laneId)).toMatchObject({ id: second.id });
  });

  test("an intent is resolved once, and nothing is tried for it afterwards", async () => {
    const { store, aLane } = given();
    const intent = await anIntent(await aLane(), ["one"]);
    await recordIntent(store.db, intent);
    await resolveIntent(store.db, { id: intent.id, state: "sealed" });
    expect(await getIntent(store.db, intent.id)).toMatchObject({ state: "sealed" });
    const again = resolveIntent(store.db, { id: intent.id, state: "landed" });
    await expect(again).rejects.toMatchObject({ code: "INTERNAL" });
    const attempt = addAttempt(store.db, { intentId: intent.id, laneNew: "late", fence: 7n });
    await expect(attempt).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("nothing is tried for an intent once a job of it has ended, and none ends while a try is recorded", async () => {
    const { store, aLane, untilSomebodyWaits } = given();
    const intent = await anIntent(await aLane(), ["one", "two"]);
    await recordIntent(store.db, intent);
    const ids = intent.commits.map((commit) => commit.jobId);
    const id = ids[0] ?? "";
    const attempt = { intentId: intent.id, laneNew: "new", fence: 7n };
    await moveJob(store.db, { id, event: "taken-by-lane" });
    await moveJob(store.db, { id, event: "intent-recorded" });
    await ageOpenPushes(store.db, 30);
    const ending = await store.transaction(async (tx) => {
      expect(await lockEnded(tx, ids)).toEqual(new Set());
      const asked = requestEnd(store.db, { id, by: "ann", message: null, error });
      await untilSomebodyWaits();
      await addAttempt(tx, attempt);
      return { asked };
    });
    expect(await ending.asked).toBe("ended");
    expect(await lockEnded(store.db, ids)).toEqual(new Set([id]));
    await expect(addAttempt(store.db, attempt)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("the commits of ended jobs are looked for, once their intent is over and as long as nothing is known", async () => {
    const { store, aLane, aJob } = given();
    const laneId = await aLane();
    const intent = await anIntent(laneId, ["one", "two"]);
    await recordIntent(store.db, intent);
    const [id = "", other = ""] = intent.commits.map((commit) => commit.jobId);
    for (const event of ["taken-by-lane", "intent-recorded"] as const) {
      await moveJob(store.db, { id, event });
      await moveJob(store.db, { id: other, event });
    }
    await ageOpenPushes(store.db, 30);
    await requestEnd(store.db, { id, by: "ann", message: null, error });
    // What ended during its rollout has landed, and is known.
    await moveJob(store.db, { id: other, event: "adopted", patch: { commit_sha: "two" } });
    await moveJob(store.db, { id: other, event: "outcome-unknown" });
    expect(await commitsThatMayLandLate(store.db, laneId)).toEqual([]);
    await resolveIntent(store.db, { id: intent.id, state: "sealed" });
    expect(await commitsThatMayLandLate(store.db, laneId)).toEqual([
      { jobId: id, base: "base", commit: "one", plan },
    ]);
    await moveJob(store.db, { id, event: "landed-late", patch: { commit_sha: "one" } });
    expect(await commitsThatMayLandLate(store.db, laneId)).toEqual([]);
    await expect(moveJob(store.db, { id, event: "landed-late" })).rejects.toMatchObject({ code: "INTERNAL" });

    const environment = `env-${randomUUID().slice(0, 8)}`;
    for (const undone of [id, other]) {
      const rollback = { kind: "rollback", origin: "rollback", automatic: true } as const;
      await aJob({ ...rollback, environment, rollback_of: undone });
    }
    // What landed late says nothing of the environment's health.
    expect(await countAutomaticRollbacks(store.db, { environment, withinMs: 60_000 })).toBe(1);
  });

  test("every commit that was ever recorded for a job is remembered", async () => {
    const { store, aLane } = given();
    const laneId = await aLane();
    const first = await anIntent(laneId, ["one"]);
    const jobId = first.commits[0]?.jobId ?? "";
    await recordIntent(store.db, first);
    await resolveIntent(store.db, { id: first.id, state: "refused" });
    const second = { ...first, id: randomUUID(), commits: [{ jobId, commit: "two", draft, plan }] };
    await recordIntent(store.db, second);
    expect(await recordedCommitsOf(store.db, jobId)).toEqual(["one", "two"]);
  });

  test("a lane keeps what is known of its branch and ref", async () => {
    const { store, aLane } = given();
    const laneId = await aLane();
    const problem = { code: "GIT_UNAVAILABLE", title: "t", detail: null, hint: null };
    await setLaneProblem(store.db, { laneId, problem, nextInMs: 5_000 });
    expect(await getLane(store.db, laneId)).toMatchObject({ problem, tip: null, lane_value: null });
    await setLaneValue(store.db, { laneId, value: "v1" });
    await moveTip(store.db, { laneId, tip: "abc" });
    await ensureLane(store.db, { id: laneId, url: "other", branch: "other", laneRef: "other" });
    const lane = await getLane(store.db, laneId);
    expect(lane).toMatchObject({ problem: null, tip: "abc", lane_value: "v1", branch: "main" });
    expect(lane?.tip_seen_at).toBeInstanceOf(Date);
  });

  test("a lane is due for its branch, for an open intent and for due jobs, and never while it is held", async () => {
    const { store, aLane, aJob, aWorker, silence } = given();
    const laneId = await aLane();
    const isDue = async () => (await dueLanes(store.db, 10_000)).includes(laneId);
    expect(await isDue()).toBe(true);
    await confirmTip(store.db, { laneId, nextInMs: 60_000, askedAt: await store.now() });
    expect(await isDue()).toBe(false);
    const askedAt = await store.now();
    await wakeLane(store.db, laneId);
    expect(await isDue()).toBe(true);
    // Somebody pushed while the host was being asked: that answer may be older than the push.
    await confirmTip(store.db, { laneId, nextInMs: 60_000, askedAt });
    expect(await isDue()).toBe(true);
    await deferLane(store.db, laneId, 60_000);

    const job = await aJob({ lane_id: laneId });
    expect(await isDue()).toBe(true);
    await patchJob(store.db, job.id, { dueInMs: 60_000 });
    expect(await isDue()).toBe(false);

    const intent = {
      ...(await anIntent(laneId, [])),
      commits: [{ jobId: job.id, commit: "one", draft, plan }],
    };
    await recordIntent(store.db, intent);
    expect(await isDue()).toBe(true);
    const owner = await aWorker();
    await takeLease(store.db, { id: `lane:${laneId}`, owner });
    expect(await isDue()).toBe(false);
    await silence(owner);
    expect(await isDue()).toBe(true);
  });

  test("an environment is due while something in it rolls out, and never while it is held", async () => {
    const { store, aJobAfter, aWorker } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const isDue = async () => (await dueEnvironments(store.db, 10_000)).includes(environment);
    const rollout = ["taken-by-lane", "intent-recorded", "adopted"] as const;
    const { id } = await aJobAfter(rollout, { environment });
    expect(await isDue()).toBe(true);
    await patchJob(store.db, id, { dueInMs: 60_000 });
    expect(await isDue()).toBe(false);
    await patchJob(store.db, id, { dueInMs: 0 });
    await takeLease(store.db, { id: `environment:${environment}`, owner: await aWorker() });
    expect(await isDue()).toBe(false);
  });

  test("a restart makes its environment due, and no lane takes it", async () => {
    const { store, aLane, aJob } = given();
    const laneId = await aLane();
    await deferLane(store.db, laneId, 60_000);
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const job = await aJob({ lane_id: laneId, environment, kind: "restart" });
    expect(await dueEnvironments(store.db, 10_000)).toContain(environment);
    expect((await queuedRestarts(store.db, environment)).map(({ id }) => id)).toEqual([job.id]);
    expect(await dueLanes(store.db, 10_000)).not.toContain(laneId);
    expect(await hasDueJobs(store.db, laneId)).toBe(false);
    expect(await takeQueuedJobs(store.db, { laneId, limit: 10 })).toEqual([]);
    await patchJob(store.db, job.id, { dueInMs: 60_000 });
    expect(await queuedRestarts(store.db, environment)).toEqual([]);
    expect(await dueEnvironments(store.db, 10_000)).not.toContain(environment);
  });
}
