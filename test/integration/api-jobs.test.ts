import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JobEvent } from "#common/domain/job.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { recordIntent } from "#common/store/intents.ts";
import { moveJob } from "#common/store/jobs.ts";
import type { JobPatch } from "#common/store/jobs.ts";
import type { RecordedChange } from "#common/store/schema.ts";
import { appendSteps, endStep, updateStep } from "#common/store/steps.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { ageOpenPushes } from "#support/store-tricks.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { openEvents } from "./api-events.ts";

describe.runIf(hasPostgres())("jobs by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: twoEnvironments });
    await declare(box, {
      "front-end": "weaveworksdemos/front-end:0.2.0",
      cart: "weaveworksdemos/cart:0.3.0",
    });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  const newJob = async (workload = "sock-shop/front-end"): Promise<string> => {
    const body = { environment: "default", workloads: [workload], images: "latest" };
    const answer = await box.call("POST", "/v1/releases", { body });
    return String(answer.body["id"]);
  };
  const move = async (id: string, event: JobEvent, patch: JobPatch = {}): Promise<void> => {
    await moveJob(box.store.db, { id, event, patch });
    box.store.hint(id);
  };
  const change: RecordedChange = {
    workload: "sock-shop:deployment/front-end",
    container: "front-end",
    path: "deploy/front-end.yaml",
    document: 0,
    pointer: "/spec/template/spec/containers/0/image",
    field: "image",
    from: "weaveworksdemos/front-end:0.2.0",
    to: "weaveworksdemos/front-end:0.3.0",
  } as unknown as RecordedChange;
  const succeed = async (id: string): Promise<void> => {
    await move(id, "taken-by-lane");
    await move(id, "intent-recorded");
    await move(id, "adopted", { changes: [change], commit_sha: "3fa94c1" });
    await move(id, "all-good");
  };

  test("is found by its id and by its last eight characters", async () => {
    const id = await newJob();
    expect((await box.call("GET", `/v1/jobs/${id}`)).body).toMatchObject({ id, phase: "queued" });
    expect((await box.call("GET", `/v1/jobs/${id.slice(-8)}`)).body).toMatchObject({ id });
    expect((await box.call("GET", `/v1/jobs/${id.toUpperCase()}`)).body).toMatchObject({ id });
  });

  test.each(["00000000-0000-7000-8000-000000000000", "00000000", "nonsense", "..%2f"])(
    "is not found as %s",
    async (id) => {
      for (const path of ["", "/steps", "/events"]) {
        const answer = await box.call("GET", `/v1/jobs/${id}${path}`);
        expect(answer.body).toMatchObject({ code: "JOB_NOT_FOUND", status: 404 });
      }
      expect((await box.call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(404);
      expect((await box.call("POST", `/v1/jobs/${id}/rollback`)).status).toBe(404);
    },
  );

  test("lists newest first, page by page, by what was asked", async () => {
    const [first, second, third] = [
      await newJob("sock-shop/cart"),
      await newJob(),
      await newJob("sock-shop/cart"),
    ];
    const page = await box.call("GET", "/v1/jobs?workload=sock-shop:deployment/cart&limit=1&since=1h");
    expect(page.body).toMatchObject({ jobs: [{ id: third }], next: expect.any(String) });
    const link = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    expect((await box.call("GET", link)).body).toMatchObject({ jobs: [{ id: first }], next: null });
    const short = await box.call("GET", "/v1/jobs?workload=sock-shop/cart");
    expect(short.body).toMatchObject({ jobs: [{ id: third }, { id: first }] });
    const other = await box.call("GET", "/v1/jobs?kind=release&phase=queued&limit=2&environment=default");
    expect(other.body).toMatchObject({ jobs: [{ id: third }, { id: second }] });
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await box.call("GET", `/v1/jobs?since=${later}`)).body).toMatchObject({ jobs: [], next: null });
    expect((await box.call("GET", "/v1/jobs?environment=moon")).body).toMatchObject({ jobs: [] });
  });

  test.each(["limit=0", "limit=201", "cursor=zz!", "since=soon", "phase=odd"])(
    "refuses to list with %s",
    async (query) => {
      expect((await box.call("GET", `/v1/jobs?${query}`)).status).toBe(400);
    },
  );

  test("answers a waiting client as soon as the job ends", async () => {
    const id = await newJob();
    const waiting = box.call("GET", `/v1/jobs/${id}?wait=60s`);
    await move(id, "nothing-to-do");
    expect((await waiting).body).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
    expect((await box.call("GET", `/v1/jobs/${id}?wait=61s`)).status).toBe(400);
  });

  test("answers a waiting client when its time is up", async () => {
    const id = await newJob();
    expect((await box.call("GET", `/v1/jobs/${id}?wait=1s`)).body).toMatchObject({ phase: "queued" });
  });

  test("gives steps from where the client is, and changed ones again", async () => {
    const id = await newJob();
    const [number = 0] = await appendSteps(box.store.db, id, [{ text: "Rollout of X.", open: true }]);
    const first = await box.call("GET", `/v1/jobs/${id}/steps`);
    expect(first.body).toMatchObject({ steps: [{ number: 1 }, { number: 2, endedAt: null }], next: 2 });
    await updateStep(box.store.db, { jobId: id, number, detail: "2 of 3 updated" });
    const second = await box.call("GET", `/v1/jobs/${id}/steps?after=2`);
    expect(second.body).toMatchObject({ steps: [{ number: 2, detail: "2 of 3 updated" }], next: 3 });
    expect((await box.call("GET", `/v1/jobs/${id}/steps?after=3`)).body).toEqual({ steps: [], next: 3 });
  });

  test("streams steps and phases live, to the end", async () => {
    const id = await newJob();
    const stream = await openEvents(`${box.url}/v1/jobs/${id}/events`, { token: tokens.viewer });
    expect(await stream.next()).toMatchObject({ event: "step", id: "1", data: { text: "Submitted job." } });
    expect(await stream.next()).toMatchObject({ event: "job", data: { phase: "queued" } });
    await move(id, "taken-by-lane");
    expect(await stream.next()).toMatchObject({ event: "job", data: { phase: "writing" } });
    const [number = 0] = await appendSteps(box.store.db, id, [
      { text: "Clone the config repo.", open: true },
    ]);
    box.store.hint(id);
    expect(await stream.next()).toMatchObject({ event: "step", id: "2", data: { number, outcome: null } });
    await endStep(box.store.db, { jobId: id, number, outcome: "ok" });
    await move(id, "nothing-to-do");
    expect(await stream.next()).toMatchObject({ event: "step", id: "3", data: { number, outcome: "ok" } });
    expect(await stream.next()).toMatchObject({ event: "job", data: { phase: "succeeded" } });
    expect(await stream.next()).toMatchObject({ event: "end", data: { outcome: "nothing-to-do" } });
    expect(await stream.next()).toBeUndefined();
  });

  test("resumes a stream after the last event that was seen", async () => {
    const id = await newJob();
    await appendSteps(box.store.db, id, [{ text: "two" }, { text: "three" }]);
    await move(id, "nothing-to-do");
    const stream = await openEvents(`${box.url}/v1/jobs/${id}/events`, {
      token: tokens.viewer,
      lastEventId: "2",
    });
    expect(await stream.next()).toMatchObject({ event: "step", id: "3", data: { text: "three" } });
    expect(await stream.next()).toMatchObject({ event: "job" });
    expect(await stream.next()).toMatchObject({ event: "end" });
    const odd = await box.call("GET", `/v1/jobs/${id}/events`, { headers: { "last-event-id": "x" } });
    expect(odd.status).toBe(400);
  });

  test("keeps a hundred streams per token and no more, and forgets those that left", async () => {
    const id = await newJob();
    const url = `${box.url}/v1/jobs/${id}/events`;
    const streams = await Promise.all(
      Array.from({ length: 100 }, () => openEvents(url, { token: tokens.releaser })),
    );
    const asReleaser = { token: tokens.releaser };
    const refused = await box.call("GET", `/v1/jobs/${id}/events`, asReleaser);
    expect(refused.body).toMatchObject({ code: "RATE_LIMITED", status: 429 });
    await Promise.all(streams.map((stream) => stream.leave()));
    let again = await openOrStatus(url);
    for (let tries = 0; again === 429 && tries < 100; tries += 1) {
      await sleep(20); // the server hears of the closed sockets in its own time
      again = await openOrStatus(url);
    }
    expect(again).toBe(200);
  });

  async function openOrStatus(url: string): Promise<number> {
    const response = await fetch(url, { headers: { authorization: `Bearer ${tokens.releaser}` } });
    await response.body?.cancel();
    return response.status;
  }

  test("cancels a queued job once and for all", async () => {
    const id = await newJob();
    const answer = await box.call("POST", `/v1/jobs/${id}/cancel`, { token: tokens.releaser });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ phase: "cancelled", outcome: "cancelled" });
    expect((await box.call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(200);
    const { body } = await box.call("GET", `/v1/jobs/${id}/steps`);
    expect(body).toMatchObject({ steps: [{}, { text: "Cancelled by releaser robot." }] });
  });

  test("asks the worker of a job that is being written to cancel it", async () => {
    const id = await newJob();
    await move(id, "taken-by-lane");
    const answer = await box.call("POST", `/v1/jobs/${id}/cancel`);
    expect(answer.body).toMatchObject({ phase: "writing" });
  });

  test("tells that it is too late to cancel, and what to do instead", async () => {
    const id = await newJob();
    await move(id, "taken-by-lane");
    await move(id, "intent-recorded");
    const answer = await box.call("POST", `/v1/jobs/${id}/cancel`);
    expect(answer.body).toMatchObject({
      code: "JOB_TOO_LATE",
      status: 409,
      hint: `slipway rollback ${id.slice(-8)}`,
    });
  });

  describe("ending a job whose push is unknown", () => {
    const person = { name: "Slipway", email: "slipway@example.com", at: "2026-01-01T00:00:00.000Z" };
    const draft = { message: "m", author: person, committer: person, files: [] };
    const plan = { results: [], changes: [], targets: [] };
    /** A job whose push began so many minutes ago; the lane's earlier one is over. */
    const pushed = async (minutes: number): Promise<string> => {
      const id = await newJob();
      const { db } = box.store;
      await db.updateTable("push_intents").set({ state: "sealed" }).execute();
      const commits = [{ jobId: id, commit: "c", draft, plan }];
      const shas = { base: "b", tip: "c", proposal: null, laneOld: "o" };
      await recordIntent(db, { id: newUuidV7(), laneId: box.laneId, fence: 1n, ...shas, commits });
      await ageOpenPushes(db, minutes);
      await move(id, "taken-by-lane");
      await move(id, "intent-recorded");
      return id;
    };
    const end = (id: string, token = tokens.releaser, body: unknown = {}) =>
      box.call("POST", `/v1/jobs/${id}/end`, { token, body });

    test("is for releasers, after 30 minutes, once; it is told in its log and audited", async () => {
      const id = await pushed(30);
      expect((await end(id, tokens.viewer)).body).toMatchObject({ code: "FORBIDDEN", status: 403 });
      expect((await end(id, tokens.releaser, { force: true })).body).toMatchObject({
        code: "INVALID_REQUEST",
      });
      const late = await box.call("POST", `/v1/jobs/${id}/cancel`);
      expect(late.body).toMatchObject({ code: "JOB_TOO_LATE", hint: `slipway end ${id.slice(-8)}` });
      box.rung.length = 0;
      const answer = await end(id, tokens.releaser, { message: "gone for good" });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({
        phase: "failed",
        outcome: "outcome-unknown",
        error: { code: "JOB_OUTCOME_UNKNOWN", detail: "ended by releaser robot" },
      });
      expect(box.rung).toEqual([`slipway-worker lane:${box.laneId}`]);
      expect((await box.call("POST", `/v1/jobs/${id}/end`)).body).toMatchObject({ phase: "failed" });
      const { body } = await box.call("GET", `/v1/jobs/${id}/steps`);
      const text = "Ended by releaser robot: the outcome of its push is unknown.";
      expect(body).toMatchObject({ steps: [{}, { text, outcome: "failed", detail: "gone for good" }] });
      const rows = await box.store.db.selectFrom("audit").selectAll().where("job_id", "=", id).execute();
      expect(rows.filter((row) => row.operation === "endJob")).toMatchObject([
        { principal: "releaser robot", outcome: "ended", detail: { message: "gone for good" } },
        { outcome: "over" },
      ]);
      const undo = await box.call("POST", `/v1/jobs/${id}/rollback`);
      expect(undo.body).toMatchObject({
        code: "JOB_NOT_ROLLBACKABLE",
        detail: expect.stringContaining("not known"),
      });
    });

    test("is refused at 29 minutes, with the time from when on", async () => {
      const id = await pushed(29);
      const { body } = await end(id);
      expect(body).toMatchObject({
        code: "JOB_NOT_ENDABLE",
        status: 409,
        hint: expect.stringMatching(/\d\d:\d\d UTC/),
      });
      const { endableFrom } = body["facts"] as { endableFrom: string };
      const left = new Date(endableFrom).getTime() - (await box.store.now()).getTime();
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(60_000);
      const minute = new Date(Math.ceil(Date.parse(endableFrom) / 60_000) * 60_000);
      expect(body["hint"]).toBe(`wait until ${minute.toISOString().slice(11, 16)} UTC`);
    });

    test("is refused before the push and after it, with what to do instead", async () => {
      const queued = await newJob();
      const early = { code: "JOB_NOT_ENDABLE", status: 409, hint: `slipway cancel ${queued.slice(-8)}` };
      expect((await end(queued)).body).toMatchObject(early);
      await move(queued, "taken-by-lane");
      expect((await end(queued)).body).toMatchObject(early);
      await move(queued, "intent-recorded");
      await move(queued, "adopted", { changes: [change], commit_sha: "3fa94c1" });
      const late = { code: "JOB_NOT_ENDABLE", status: 409, hint: `slipway rollback ${queued.slice(-8)}` };
      expect((await end(queued)).body).toMatchObject(late);
      await move(queued, "all-good");
      expect((await end(queued)).body).toMatchObject({ ...late, detail: "it has ended: succeeded" });
    });
  });

  test("rolls a job back as a job of its own, linked both ways", async () => {
    const id = await newJob();
    await succeed(id);
    const headers = { "idempotency-key": "undo-1" };
    const answer = await box.call("POST", `/v1/jobs/${id}/rollback`, { headers, token: tokens.releaser });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      kind: "rollback",
      phase: "queued",
      headline: "Rollback: sock-shop/front-end to the previous image",
      rollback: { of: id, by: null },
    });
    const again = await box.call("POST", `/v1/jobs/${id}/rollback`, {
      headers,
      body: {},
      token: tokens.releaser,
    });
    expect(again.body["id"]).toBe(answer.body["id"]);
    const original = await box.call("GET", `/v1/jobs/${id}`);
    expect(original.body).toMatchObject({ rollback: { of: null, by: answer.body["id"], byCommit: null } });
    const row = await box.store.db
      .selectFrom("jobs")
      .selectAll()
      .where("id", "=", String(answer.body["id"]))
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ priority: 0, origin: "rollback", rollback_of: id, automatic: false });
    expect(row.spec).toEqual({ kind: "rollback", of: id, override: [] });
  });

  test("rolls nothing back that changed nothing or is in no git yet", async () => {
    const queued = await newJob();
    const early = await box.call("POST", `/v1/jobs/${queued}/rollback`);
    expect(early.body).toMatchObject({ code: "JOB_NOT_ROLLBACKABLE", status: 409 });
    await move(queued, "nothing-to-do");
    const empty = await box.call("POST", `/v1/jobs/${queued}/rollback`);
    expect(empty.body).toMatchObject({ code: "JOB_NOT_ROLLBACKABLE", detail: "it changed nothing in git" });
    const odd = await box.call("POST", `/v1/jobs/${queued}/rollback`, { body: { force: true } });
    expect(odd.body).toMatchObject({ code: "INVALID_REQUEST" });
  });
});
