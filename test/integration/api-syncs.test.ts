import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { moveJob } from "#common/store/jobs.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

const [, watched] = twoEnvironments;
const environments = [...twoEnvironments, { ...watched, name: "flux", mode: "hand-off" }];
const image = "weaveworksdemos/front-end:0.2.0";
const inDefault = { environment: "default" };

describe.runIf(hasPostgres())("syncing and restarting by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments });
    await declare(box, { "front-end": image });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(() => {
    box.peers.running = [
      runningDeployment("front-end", image),
      { ...runningDeployment("nightly", "weaveworksdemos/nightly:1"), kind: "cronjob" },
    ];
    box.peers.view = freshView;
    box.rung.length = 0;
  });

  const post = (what: "syncs" | "restarts", body: object, key?: string) =>
    box.call("POST", `/v1/${what}`, {
      token: tokens.releaser,
      body,
      headers: key === undefined ? {} : { "idempotency-key": key },
    });
  const specOf = async (id: unknown): Promise<unknown> =>
    (
      await box.store.db
        .selectFrom("jobs")
        .select("spec")
        .where("id", "=", String(id))
        .executeTakeFirstOrThrow()
    ).spec;

  test("takes a sync in as a job of its lane, once for each key", async () => {
    const body = { ...inDefault, workloads: ["front-end"], message: "drift" };
    const answer = await post("syncs", body, "sync-1");
    expect(answer).toMatchObject({
      status: 202,
      body: { kind: "sync", phase: "queued", headline: "Sync sock-shop/front-end", message: "drift" },
    });
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${String(answer.body["id"])}`);
    expect(box.rung).toEqual([`slipway-worker lane:${box.laneId}`]);
    const spec = { kind: "sync", workloads: ["sock-shop:deployment/front-end"], all: false, namespace: null };
    expect(await specOf(answer.body["id"])).toEqual({ ...spec, override: [] });
    expect((await post("syncs", body, "sync-1")).body["id"]).toBe(answer.body["id"]);
    const other = await post("syncs", { ...inDefault, all: true }, "sync-1");
    expect(other.body).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test("syncs a namespace, everything, and what was pushed too lately to be known", async () => {
    const ask = async (body: object) => (await post("syncs", { ...inDefault, ...body })).body["headline"];
    expect(await ask({ namespace: "sock-shop" })).toBe("Sync namespace sock-shop");
    expect(await ask({ all: true })).toBe("Sync everything that git declares");
    expect(await ask({ workloads: ["sock-shop/new"] })).toBe("Sync sock-shop/new");
  });

  test("takes a restart in for the environment, without its lane", async () => {
    const answer = await post("restarts", { ...inDefault, workloads: ["front-end"] });
    expect(answer).toMatchObject({
      status: 202,
      body: { kind: "restart", headline: "Restart sock-shop/front-end", commit: null },
    });
    expect(box.rung).toEqual(["slipway-worker environment:default"]);
    expect(await specOf(answer.body["id"])).toMatchObject({ workloads: ["sock-shop:deployment/front-end"] });
    const handedOff = await post("restarts", { environment: "flux", workloads: ["front-end"] });
    expect(handedOff.status).toBe(202);
  });

  test("a restart named in full is taken while the cluster cannot be seen, a short name is not", async () => {
    box.peers.view = { ...freshView, ageMs: 60_000n };
    box.peers.running = [];
    const full = await post("restarts", { ...inDefault, workloads: ["sock-shop:deployment/front-end"] });
    expect(full.status).toBe(202);
    const short = await post("restarts", { ...inDefault, workloads: ["sock-shop/front-end"] });
    expect(short).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  });

  test.each<[["syncs" | "restarts", object], [string, number]]>([
    [
      ["syncs", { all: true, namespace: "sock-shop" }],
      ["INVALID_REQUEST", 400],
    ],
    [
      ["syncs", {}],
      ["INVALID_REQUEST", 400],
    ],
    [
      ["syncs", { all: true, dryRun: true }],
      ["INVALID_REQUEST", 400],
    ],
    [
      ["syncs", { workloads: ["absent"] }],
      ["WORKLOAD_NOT_FOUND", 404],
    ],
    [
      ["syncs", { environment: "watched", all: true }],
      ["ENVIRONMENT_OBSERVED", 403],
    ],
    [
      ["syncs", { environment: "flux", all: true }],
      ["ENVIRONMENT_HANDED_OFF", 409],
    ],
    [
      ["restarts", { environment: "watched", workloads: ["front-end"] }],
      ["ENVIRONMENT_OBSERVED", 403],
    ],
    [
      ["restarts", { workloads: ["sock-shop/frontend"] }],
      ["WORKLOAD_NOT_FOUND", 404],
    ],
    [
      ["restarts", { workloads: ["nightly"] }],
      ["WORKLOAD_NOT_RESTARTABLE", 400],
    ],
  ])("%j is refused with %j", async ([what, body], [code, status]) => {
    expect((await post(what, { ...inDefault, ...body })).body).toMatchObject({ code, status });
  });

  test("a viewer may do neither", async () => {
    for (const path of ["/v1/syncs", "/v1/restarts"]) {
      const body = { ...inDefault, workloads: ["front-end"] };
      expect((await box.call("POST", path, { token: tokens.viewer, body })).status).toBe(403);
    }
  });

  test("both are cancelled before they begin, not after, and are never rolled back", async () => {
    for (const what of ["syncs", "restarts"] as const) {
      const ask = async () =>
        String((await post(what, { ...inDefault, workloads: ["front-end"] })).body["id"]);
      const early = await box.call("POST", `/v1/jobs/${await ask()}/cancel`);
      expect(early.body).toMatchObject({ phase: "cancelled" });
      const id = await ask();
      if (what === "syncs") await moveJob(box.store.db, { id, event: "taken-by-lane" });
      await moveJob(box.store.db, { id, event: what === "syncs" ? "tip-chosen" : "restart-begun" });
      const late = await box.call("POST", `/v1/jobs/${id}/cancel`);
      expect(late.body).toMatchObject({ code: "JOB_TOO_LATE", detail: expect.stringContaining("goes on") });
      expect(late.body["hint"]).toBeUndefined();
      const back = await box.call("POST", `/v1/jobs/${id}/rollback`);
      expect(back.body).toMatchObject({
        code: "JOB_NOT_ROLLBACKABLE",
        detail: expect.stringContaining("writes nothing to git"),
      });
    }
  });
});
