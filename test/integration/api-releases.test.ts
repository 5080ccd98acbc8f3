import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { mustGetJob } from "#common/store/jobs.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

const exact = ["weaveworksdemos/front-end:0.3.0"];
const ask = { environment: "default", workloads: ["sock-shop/front-end"], images: exact };

describe.runIf(hasPostgres())("releasing by the API", () => {
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
  beforeEach(() => {
    box.peers.running = [runningDeployment("front-end", "weaveworksdemos/front-end:0.2.0")];
    box.peers.view = freshView;
    box.peers.watcherAway = false;
    box.rung.length = 0;
    box.peers.planned.length = 0;
  });

  const release = (body: object, key?: string) =>
    box.call("POST", "/v1/releases", {
      token: tokens.releaser,
      body,
      headers: key === undefined ? {} : { "idempotency-key": key },
    });

  test("takes a release in as a queued job, and rings", async () => {
    const answer = await release({ ...ask, message: "why" });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      kind: "release",
      environment: "default",
      phase: "queued",
      outcome: null,
      headline: "Release weaveworksdemos/front-end:0.3.0 to sock-shop/front-end",
      requestedBy: "releaser robot",
      message: "why",
    });
    const id = String(answer.body["id"]);
    expect(id[14]).toBe("7");
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${id}`);
    expect(box.rung).toEqual([`slipway-worker lane:${box.laneId}`]);
    const steps = await box.call("GET", `/v1/jobs/${id}/steps`);
    expect(steps.body).toMatchObject({
      steps: [{ number: 1, text: "Submitted job.", outcome: "ok" }],
      next: 1,
    });
  });

  test("stores what was asked in full, and an audit row beside it", async () => {
    const { body } = await release({ ...ask, workloads: ["front-end"], exclude: ["sock-shop/cart"] });
    const id = String(body["id"]);
    const row = await box.store.db
      .selectFrom("jobs")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row.spec).toEqual({
      kind: "release",
      workloads: ["sock-shop:deployment/front-end"],
      all: false,
      exclude: ["sock-shop/cart"],
      images: { exact },
      override: [],
    });
    expect(row).toMatchObject({ priority: 1, origin: "manual", lane_id: box.laneId });
    const audit = await box.store.db.selectFrom("audit").selectAll().where("job_id", "=", id).execute();
    expect(audit).toMatchObject([
      {
        principal: "releaser robot",
        operation: "createRelease",
        outcome: "accepted",
        environment: "default",
      },
    ]);
  });

  test("asks which environment is meant when several exist", async () => {
    const answer = await release({ workloads: ["sock-shop/front-end"], images: "latest" });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: "ENVIRONMENT_AMBIGUOUS",
      facts: { environments: ["default", "watched"] },
    });
    const unknown = await release({ ...ask, environment: "moon" });
    expect(unknown.body).toMatchObject({ code: "ENVIRONMENT_NOT_FOUND", status: 404 });
  });

  test("writes nothing where only looking is allowed, but plans there", async () => {
    const watched = { environment: "watched", all: true, images: "latest" };
    expect((await release(watched)).body).toMatchObject({ code: "ENVIRONMENT_OBSERVED", status: 403 });
    expect((await release({ ...watched, dryRun: true })).status).toBe(200);
  });

  test("plans on a second worker when the first is away, and stores nothing", async () => {
    const before = await countJobs();
    const answer = await release({ ...ask, dryRun: true, override: ["lock"] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      dryRun: true,
      environment: "default",
      base: "9c1e2f4",
      results: [{ result: "change", to: "weaveworksdemos/front-end:0.3.0", reason: null }],
      diffs: [{ path: "deploy/front-end.yaml", added: 1, removed: 1 }],
    });
    expect(box.peers.planned).toMatchObject([
      {
        environment: "default",
        spec: {
          workloads: ["sock-shop:deployment/front-end"],
          images: { $case: "exact", value: { refs: exact } },
          override: ["lock"],
        },
      },
    ]);
    expect(await countJobs()).toBe(before);
  });

  test.each([
    [{ ...ask, workloads: ["a/b/c/d"] }, "WORKLOAD_ID_INVALID", 400],
    [{ ...ask, images: ["Not An Image"] }, "IMAGE_REF_INVALID", 400],
    [{ ...ask, images: ["weaveworksdemos/front-end"] }, "IMAGE_REF_INVALID", 400],
    [{ ...ask, workloads: ["sock-shop/absent"] }, "WORKLOAD_NOT_FOUND", 404],
    [{ ...ask, workloads: undefined }, "INVALID_REQUEST", 400],
    [{ ...ask, all: true }, "INVALID_REQUEST", 400],
    [{ ...ask, images: "latest", waitForImageSeconds: 60 }, "INVALID_REQUEST", 400],
    [{ ...ask, images: ["web:1"], waitForImageSeconds: 3_601 }, "INVALID_REQUEST", 400],
  ])("refuses %j with %s", async (body, code, status) => {
    expect((await release(body)).body).toMatchObject({ code, status });
  });

  test("keeps with the job how long it waits for an image that is named", async () => {
    const images = ["weaveworksdemos/front-end:0.9.0"];
    const { status, body } = await release({ ...ask, images, waitForImageSeconds: 600 });
    expect(status).toBe(202);
    const { spec } = await mustGetJob(box.store.db, String(body["id"]));
    expect(spec).toMatchObject({ images: { exact: images }, waitForImageSeconds: 600 });
  });

  test("tells near names of a workload that is nowhere", async () => {
    const answer = await release({ ...ask, workloads: ["sock-shop/frontend"] });
    expect(answer.body).toMatchObject({
      code: "WORKLOAD_NOT_FOUND",
      hint: "did you mean sock-shop/front-end?",
      facts: { candidates: ["sock-shop/front-end"] },
    });
  });

  test("tells that a workload runs but is in no manifest", async () => {
    box.peers.running = [runningDeployment("orders", "weaveworksdemos/orders:1")];
    const answer = await release({ ...ask, workloads: ["sock-shop/orders"] });
    expect(answer.body).toMatchObject({ code: "WORKLOAD_NOT_DECLARED", status: 404 });
  });

  test("leaves to the planner what cannot be told while the watcher is away", async () => {
    box.peers.watcherAway = true;
    expect((await release({ ...ask, workloads: ["sock-shop/absent"] })).status).toBe(202);
    box.peers.watcherAway = false;
    box.peers.view = { ...freshView, ageMs: 11_000n };
    expect((await release({ ...ask, workloads: ["sock-shop/absent"] })).status).toBe(202);
    box.peers.view = { ...freshView, complete: false };
    expect((await release({ ...ask, workloads: ["sock-shop/absent"] })).status).toBe(202);
  });

  test("answers the same request under one key with the same job", async () => {
    const first = await release({ ...ask, images: "latest" }, "deploy-1");
    const again = await release(
      { ...ask, images: { select: "latest" }, override: [], exclude: [] },
      "deploy-1",
    );
    expect(again.status).toBe(202);
    expect(again.body["id"]).toBe(first.body["id"]);
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
  });

  test("replays a key even when the request would be refused by now", async () => {
    const first = await release(ask, "deploy-2");
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.2.0" });
    expect((await release(ask, "deploy-2")).body["id"]).toBe(first.body["id"]);
  });

  test("refuses another request under a used key, and a key that is none", async () => {
    await release(ask, "deploy-3");
    const other = await release({ ...ask, message: "another" }, "deploy-3");
    expect(other.body).toMatchObject({ code: "IDEMPOTENCY_CONFLICT", status: 409 });
    const odd = await release(ask, "x".repeat(201));
    expect(odd.body).toMatchObject({ code: "IDEMPOTENCY_KEY_INVALID", status: 400 });
  });

  test("keeps the keys of different principals apart", async () => {
    const mine = await release(ask, "shared");
    const theirs = await box.call("POST", "/v1/releases", {
      body: ask,
      headers: { "idempotency-key": "shared" },
    });
    expect(theirs.status).toBe(202);
    expect(theirs.body["id"]).not.toBe(mine.body["id"]);
  });

  test("makes one job of a hundred equal requests at once", async () => {
    const before = await countJobs();
    const answers = await Promise.all(Array.from({ length: 100 }, () => release(ask, "hundred")));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.body["id"])).size).toBe(1);
    expect(await countJobs()).toBe(before + 1);
  });

  async function countJobs(): Promise<number> {
    const rows = await box.store.db.selectFrom("jobs").select("id").execute();
    return rows.length;
  }
});
