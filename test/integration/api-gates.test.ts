import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { newUuidV7 } from "#common/kit/uuid.ts";
import { moveJob } from "#common/store/jobs.ts";
import { addToken } from "#common/store/tokens.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { moveDeadline } from "#support/store-tricks.ts";

import { hashToken } from "../../services/api/access/token-secret.ts";
import { declare, oneEnvironment, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

const [, watched] = twoEnvironments;
const approvals = [
  { role: "approver", deadline: "24h" },
  { tokens: ["carol"], deadline: "1h" },
];
const never = { deny: "0 0 * * *", timeZone: "UTC", duration: "24h", reason: "closed for good" };
const environments = [
  { ...oneEnvironment[0], approvals },
  { ...watched, name: "shut", windows: [never, { ...never, namespaces: ["team-*"] }] },
];
const image = "weaveworksdemos/front-end:0.2.0";
const hourMs = 3_600_000;
const people = [
  ["bob", "approver"],
  ["carol", "viewer"],
  ["dave", "approver"],
] as const;

describe.runIf(hasPostgres())("stopping and letting go by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments });
    await declare(box, { "front-end": image });
    for (const [name, role] of people) {
      await addToken(box.store.db, { id: newUuidV7(), hash: hashToken(`${name}-token`), name, role });
    }
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(() => {
    box.peers.running = [runningDeployment("front-end", image)];
    box.peers.view = freshView;
    box.rung.length = 0;
  });

  const as = (name: string) => (name in tokens ? tokens[name as keyof typeof tokens] : `${name}-token`);
  const auditOf = async (operation: string) =>
    box.store.db
      .selectFrom("audit")
      .select(["principal", "outcome", "environment", "reason", "after", "detail"])
      .where("operation", "=", operation)
      .orderBy("id")
      .execute();

  /** Lists and the bell follow a moment later. */
  const seen = (look: () => unknown) => expect.poll(look, { timeout: 20_000 });
  const isRung = () => seen(() => box.rung).toContain("slipway-worker environment:default");
  const listed = async (path: string, key: string) =>
    (await box.call("GET", path, { token: tokens.viewer })).body[key];

  describe("a freeze", () => {
    const put = (name: string, body: object, environment = "default") =>
      box.call("PUT", `/v1/environments/${environment}/freeze`, { token: as(name), body });
    const lift = (name: string, query = "") =>
      box.call("DELETE", `/v1/environments/default/freeze${query}`, { token: as(name) });

    test("is set, shown wherever somebody looks, replaced and lifted, each told in the audit", async () => {
      const until = new Date(Date.now() + hourMs).toISOString();
      const set = await put("bob", { reason: "incident 42", until });
      expect(set).toMatchObject({
        status: 200,
        body: {
          freeze: { environment: "default", namespace: null, reason: "incident 42", by: "bob", until },
          underWay: [],
        },
      });
      await isRung();
      await seen(() => listed("/v1/environments", "environments")).toMatchObject([
        { name: "default", freezes: [{ reason: "incident 42" }], windows: [] },
        { name: "shut", freezes: [] },
      ]);
      const shown = { reason: "incident 42", by: "bob", until, namespace: null };
      const list = () => listed("/v1/workloads?environment=default", "workloads");
      await seen(list).toMatchObject([{ freeze: shown }]);
      const one = "/v1/environments/default/workloads/sock-shop/deployment/front-end";
      await seen(() => listed(one, "freeze")).toMatchObject(shown);

      await put("dave", { reason: "still going on" });
      const freezes = await box.call("GET", "/v1/freezes", { token: tokens.viewer });
      expect(freezes.body["freezes"]).toMatchObject([{ reason: "still going on", by: "dave", until: null }]);
      expect((await lift("bob")).body).toMatchObject({ reason: "still going on" });
      expect((await box.call("GET", "/v1/freezes")).body).toEqual({ freezes: [] });
      await seen(list).toMatchObject([{ freeze: null }]);
      expect(await auditOf("setFreeze")).toMatchObject([
        {
          principal: "bob",
          outcome: "frozen",
          environment: "default",
          reason: "incident 42",
          after: { reason: "incident 42", until },
        },
        { principal: "dave", outcome: "frozen", after: { reason: "still going on", until: null } },
      ]);
      expect(await auditOf("liftFreeze")).toMatchObject([{ principal: "bob", outcome: "lifted" }]);
    });

    test("of a namespace is one of its own", async () => {
      await put("bob", { reason: "stocktaking", namespace: "payment" });
      await seen(() => listed("/v1/workloads?environment=default", "workloads")).toMatchObject([
        { id: "sock-shop:deployment/front-end", freeze: null },
      ]);
      const whole = await lift("bob");
      expect(whole).toMatchObject({
        status: 404,
        body: { code: "FREEZE_NOT_FOUND", hint: "frozen are: the namespace payment of default" },
      });
      expect((await lift("bob", "?namespace=payment")).status).toBe(200);
    });

    test.each<[string, object, string]>([
      ["releaser", { reason: "x" }, "FORBIDDEN"],
      ["viewer", { reason: "x" }, "FORBIDDEN"],
      ["bob", {}, "INVALID_REQUEST"],
      ["bob", { reason: "   " }, "INVALID_REQUEST"],
      ["bob", { reason: "x", namespace: "Not A Namespace" }, "INVALID_REQUEST"],
      ["bob", { reason: "x", until: "2020-01-01T00:00:00Z" }, "FREEZE_INVALID"],
      ["bob", { reason: "x", until: "tomorrow" }, "INVALID_REQUEST"],
    ])("by %s with %j is refused as %s", async (name, body, code) => {
      const status = code === "FORBIDDEN" ? 403 : 400;
      expect(await put(name, body)).toMatchObject({ status, body: { code } });
    });

    test("of an environment that does not exist is refused", async () => {
      expect((await put("bob", { reason: "x" }, "nowhere")).body).toMatchObject({
        code: "ENVIRONMENT_NOT_FOUND",
      });
    });
  });

  test("closed windows are shown with their reason, also those of some namespaces", async () => {
    const { body } = await box.call("GET", "/v1/environments");
    expect((body["environments"] as { windows: unknown }[])[1]?.windows).toEqual([
      { open: false, until: null, reason: "closed for good", namespaces: null },
      { open: false, until: null, reason: "closed for good", namespaces: ["team-*"] },
    ]);
  });

  describe("an approval", () => {
    const release = async (): Promise<string> => {
      const body = { environment: "default", workloads: ["sock-shop/front-end"], images: "latest" };
      return String((await box.call("POST", "/v1/releases", { token: tokens.releaser, body })).body["id"]);
    };
    /** As a worker leaves a job that it planned. */
    const asked = async (hash = "plan-1"): Promise<string> => {
      const id = await release();
      const results = [
        { workload: "sock-shop:deployment/front-end", container: "front-end", from: image, to: "x:1" },
      ].map((one) => ({ ...one, result: "change" as const, reason: null, detail: null, file: null }));
      const patch = { gate: "approval", gate_until: new Date(Date.now() + hourMs), plan_hash: hash, results };
      await moveJob(box.store.db, { id, event: "gate-closed", patch: { ...patch, waiting_for: "approval" } });
      return id;
    };
    const say = (word: "approve" | "reject", id: string, o: { by: string; body?: object }) =>
      box.call("POST", `/v1/jobs/${id}/${word}`, { token: as(o.by), body: o.body ?? {} });

    test("of one plan is kept with its comment, in the job, its steps and the audit", async () => {
      const id = await asked();
      const first = await say("approve", id, {
        by: "bob",
        body: { comment: "tested on staging", plan: "plan-1" },
      });
      expect(first).toMatchObject({
        status: 200,
        body: {
          phase: "waiting",
          gate: "approval",
          planHash: "plan-1",
          approvals: [{ by: "bob", verdict: "approved", comment: "tested on staging", ofThisPlan: true }],
        },
      });
      await isRung();
      expect(await say("approve", id, { by: "carol" })).toMatchObject({ status: 200 });
      const { body } = await box.call("GET", `/v1/jobs/${id}/steps`);
      expect(body["steps"]).toMatchObject([
        {},
        { text: "Approved by bob.", detail: "tested on staging", outcome: "ok" },
        { text: "Approved by carol.", detail: null },
      ]);
      expect((await auditOf("approveJob")).slice(0, 2)).toMatchObject([
        { principal: "bob", outcome: "approved", reason: "tested on staging", detail: { plan: "plan-1" } },
        { principal: "carol", outcome: "approved" },
      ]);
    });

    test("is refused for each reason with a code of its own, and the refusal is told in the audit", async () => {
      const id = await asked();
      const refused = async (by: string, body: object = {}) => {
        const answer = await say("approve", id, { by, body });
        return [answer.status, answer.body["code"]];
      };
      expect(await refused("viewer")).toEqual([403, "APPROVAL_FORBIDDEN"]);
      expect(await refused("releaser")).toEqual([403, "APPROVAL_OWN"]);
      expect(await refused("bob", { plan: "plan-0" })).toEqual([409, "APPROVAL_PLAN_CHANGED"]);
      expect((await say("approve", id, { by: "bob" })).status).toBe(200);
      expect(await refused("bob")).toEqual([409, "APPROVAL_GIVEN"]);
      // Somebody else of the same rule: it is not missing any more.
      expect(await refused("dave")).toEqual([403, "APPROVAL_FORBIDDEN"]);
      await moveDeadline(box.store.db, id, -1);
      expect(await refused("carol")).toEqual([409, "APPROVAL_EXPIRED"]);
      const codes = (await auditOf("approveJob")).map((row) => row.outcome);
      for (const code of ["OWN", "FORBIDDEN", "PLAN_CHANGED", "GIVEN", "EXPIRED"]) {
        expect(codes).toContain(`APPROVAL_${code}`);
      }
    });

    test("is not asked of a job that is not planned, waits for something else, or has ended", async () => {
      const queued = await release();
      expect((await say("approve", queued, { by: "bob" })).body).toMatchObject({
        code: "APPROVAL_NOT_ASKED",
      });
      const waits = { patch: { gate: "window", waiting_for: "the window", plan_hash: "p" } };
      await moveJob(box.store.db, { id: queued, event: "gate-closed", ...waits });
      expect((await say("approve", queued, { by: "bob" })).body).toMatchObject({
        code: "APPROVAL_NOT_ASKED",
        detail: "it waits for the window",
      });
      await box.call("POST", `/v1/jobs/${queued}/cancel`, {});
      expect((await say("approve", queued, { by: "bob" })).body).toMatchObject({
        code: "APPROVAL_NOT_ASKED",
        detail: "it has ended: cancelled",
      });
      expect((await say("approve", newUuidV7(), { by: "bob" })).status).toBe(404);
    });

    test("refused by somebody ends the job with the reason, also after others consented", async () => {
      const id = await asked();
      await say("approve", id, { by: "bob" });
      const own = await say("reject", id, { by: "releaser" });
      expect(own.body).toMatchObject({ code: "APPROVAL_OWN", hint: `slipway cancel ${id.slice(-8)}` });
      expect((await say("reject", id, { by: "viewer" })).body).toMatchObject({ code: "APPROVAL_FORBIDDEN" });
      const answer = await say("reject", id, { by: "dave", body: { comment: "not during the sale" } });
      expect(answer).toMatchObject({
        status: 200,
        body: {
          phase: "failed",
          outcome: "rejected",
          error: { code: "APPROVAL_REJECTED", detail: "by dave: not during the sale" },
          approvals: [{ verdict: "approved" }, { verdict: "rejected", by: "dave" }],
        },
      });
      expect((await say("approve", id, { by: "carol" })).body).toMatchObject({ code: "APPROVAL_NOT_ASKED" });
      expect((await say("reject", id, { by: "dave" })).body).toMatchObject({ code: "APPROVAL_NOT_ASKED" });
    });

    test("given by two at once counts once for each", async () => {
      const id = await asked();
      const answers = await Promise.all(
        ["bob", "bob", "bob", "carol"].map(async (by) => (await say("approve", id, { by })).status),
      );
      expect(answers.toSorted((a, b) => a - b)).toEqual([200, 200, 409, 409]);
      const { body } = await box.call("GET", `/v1/jobs/${id}`);
      expect((body["approvals"] as { by: string }[]).map(({ by }) => by).toSorted()).toEqual([
        "bob",
        "carol",
      ]);
    });
  });

  describe("a request", () => {
    const body = { environment: "default", workloads: ["sock-shop/front-end"], images: "latest" };
    const post = (name: string, more: object, key?: string) =>
      box.call("POST", "/v1/releases", {
        token: as(name),
        body: { ...body, ...more },
        ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
      });

    test("names the rights it passes guards by; the job tells them", async () => {
      expect(await post("admin", { override: ["freeze", "lock"] })).toMatchObject({
        status: 202,
        body: { overrides: ["freeze", "lock"] },
      });
      expect(await post("releaser", { override: ["lock"] })).toMatchObject({ status: 202 });
      expect(await post("releaser", { override: ["freeze"] })).toMatchObject({
        status: 403,
        body: { code: "OVERRIDE_FORBIDDEN" },
      });
      const all = { workloads: undefined, all: true, override: ["lock"] };
      expect(await post("admin", all)).toMatchObject({ status: 400, body: { code: "OVERRIDE_MEANINGLESS" } });
      expect(await post("admin", { override: ["approval"] })).toMatchObject({ status: 400 });
    });

    test("may be for later, in any time zone, not for years later", async () => {
      const later = new Date(Date.now() + 24 * hourMs).toISOString();
      const answer = await post("releaser", { notBefore: later }, "at-1");
      expect(answer.status).toBe(202);
      expect((await post("releaser", { notBefore: later }, "at-1")).body["id"]).toBe(answer.body["id"]);
      expect((await post("releaser", {}, "at-1")).body).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
      const { spec } = await box.store.db
        .selectFrom("jobs")
        .select("spec")
        .where("id", "=", String(answer.body["id"]))
        .executeTakeFirstOrThrow();
      expect(spec).toMatchObject({ notBefore: later });
      for (const [notBefore, code] of [
        ["2099-01-01T00:00:00Z", "SCHEDULE_INVALID"],
        ["2026-12-01T06:00:00", "INVALID_REQUEST"],
        ["soon", "INVALID_REQUEST"],
      ]) {
        expect((await post("releaser", { notBefore })).body).toMatchObject({ code });
      }
    });
  });
});
