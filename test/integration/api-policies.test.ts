import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { setHold } from "#common/store/holds.ts";
import { recordListing, saveManifest, setTagDigest, wantRepositories } from "#common/store/images.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

const [first, second] = twoEnvironments;
const rules = [
  { set: { min_age: "10m" } },
  { match: { namespace: "sock-*", name: "front-*" }, set: { "tag.*": "semver:^0", automated: "true" } },
];
const environments = [{ ...first, policies: rules, automation: "on" }, second];
const image = "weaveworksdemos/front-end:0.2.0";
const frontEnd = "/v1/environments/default/workloads/sock-shop/deployment/front-end";

describe.runIf(hasPostgres())("policies by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments });
    await declare(box, {
      "front-end": image,
      cart: "weaveworksdemos/cart:0.3.0",
      user: "weaveworksdemos/user:0.3.0",
    });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(() => {
    box.peers.running = [runningDeployment("front-end", image)];
    box.peers.view = freshView;
    box.rung.length = 0;
    box.peers.planned.length = 0;
  });

  const send = (
    method: "PUT" | "POST",
    path: string,
    asked: { body: object; key?: string; token?: string },
  ) =>
    box.call(method, path, {
      token: asked.token ?? tokens.releaser,
      body: asked.body,
      headers: asked.key === undefined ? {} : { "idempotency-key": asked.key },
    });
  const change = (body: object, key?: string) =>
    send("POST", "/v1/policies", {
      body: { environment: "default", ...body },
      ...(key !== undefined && { key }),
    });

  test("takes a change of several workloads in as one job of the lane, once for each key", async () => {
    const changes = [
      { workload: "front-end", set: { locked: "true" } },
      { workload: "sock-shop/user", set: { "tag.user": "newest", hold: null } },
    ];
    const answer = await change({ changes, message: "audit" }, "policy-1");
    expect(answer).toMatchObject({
      status: 202,
      body: {
        kind: "policy",
        phase: "queued",
        headline: "Update policies of sock-shop/front-end, sock-shop/user",
        message: "audit",
        requestedBy: "releaser robot",
      },
    });
    expect(box.rung).toEqual([`slipway-worker lane:${box.laneId}`]);
    expect((await mustGetJob(box.store.db, String(answer.body["id"]))).spec).toEqual({
      kind: "policy",
      orders: [
        {
          workload: "sock-shop:deployment/front-end",
          set: { locked: "true", locked_user: "releaser robot", locked_msg: "audit" },
        },
        { workload: "sock-shop:deployment/user", set: { "tag.user": "newest", hold: null } },
      ],
      prefix: null,
      unfiltered: false,
      override: [],
    });
    expect((await change({ changes, message: "audit" }, "policy-1")).body["id"]).toBe(answer.body["id"]);
    const other = await change({ changes: changes.slice(0, 1), message: "audit" }, "policy-1");
    expect(other.body).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test("changes one workload at its own place, and plans it without storing anything", async () => {
    const put = (body: object) => send("PUT", `${frontEnd}/policy`, { body });
    const answer = await put({ set: { locked: null } });
    expect(answer).toMatchObject({ status: 202, body: { headline: "Unlock sock-shop/front-end" } });
    const plan = await put({ set: { locked: "true" }, message: "why", dryRun: true, prefix: "fluxcd.io" });
    expect(plan).toMatchObject({ status: 200, body: { dryRun: true } });
    expect(box.peers.planned).toMatchObject([
      {
        environment: "default",
        policies: {
          orders: [
            {
              workload: "sock-shop:deployment/front-end",
              set: { locked: "true", locked_user: "releaser robot", locked_msg: "why" },
              remove: [],
            },
          ],
          prefix: "fluxcd.io",
        },
      },
    ]);
  });

  test.each<[string, object, number, string, string]>([
    [
      "an unknown key",
      { changes: [{ workload: "cart", set: { lokced: "true" } }] },
      400,
      "POLICY_INVALID",
      "did you mean locked?",
    ],
    [
      "a bad filter",
      { changes: [{ workload: "cart", set: { "tag.cart": "semver:x!" } }] },
      400,
      "POLICY_INVALID",
      "not a version range",
    ],
    [
      "automation without a filter",
      { changes: [{ workload: "cart", set: { automated: "true" } }] },
      400,
      "POLICY_INVALID",
      "tag_all",
    ],
    [
      "a container that is not there",
      { changes: [{ workload: "cart", set: { "tag.web": "newest" } }] },
      400,
      "POLICY_INVALID",
      "there is cart",
    ],
    [
      "one workload twice",
      { changes: ["cart", "sock-shop/cart"].map((workload) => ({ workload, set: { hold: "x" } })) },
      400,
      "POLICY_INVALID",
      "named twice",
    ],
    [
      "an unknown workload",
      { changes: [{ workload: "sock-shop/carts", set: { hold: "x" } }] },
      404,
      "WORKLOAD_NOT_FOUND",
      "neither declared",
    ],
    [
      "nothing at all",
      { changes: [{ workload: "cart", set: {} }] },
      400,
      "INVALID_REQUEST",
      "names no policy",
    ],
    [
      "a watched environment",
      { environment: "watched", changes: [{ workload: "a/b", set: { hold: "x" } }] },
      403,
      "ENVIRONMENT_OBSERVED",
      "watched",
    ],
  ])("refuses %s", async (...[, body, status, code, detail]) => {
    const answer = await change(body);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(JSON.stringify(answer.body)).toContain(detail);
  });

  test("is not for viewers", async () => {
    const body = { set: { locked: "true" } };
    expect(await send("PUT", `${frontEnd}/policy`, { body, token: tokens.viewer })).toMatchObject({
      status: 403,
    });
  });

  test("accepts automation that an environment's rule has a filter for", async () => {
    const answer = await change({ changes: [{ workload: "front-end", set: { automated: "true" } }] });
    expect(answer).toMatchObject({ status: 202, body: { headline: "Automate sock-shop/front-end" } });
  });

  test("tells what counts for a workload, and where each part stands", async () => {
    const answer = await box.call("GET", `${frontEnd}/policy`, { token: tokens.viewer });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      workload: "sock-shop:deployment/front-end",
      file: "deploy/front-end.yaml",
      automation: "on",
      automated: true,
      filters: [{ container: "front-end", filter: "semver:^0" }],
      minAgeMs: 600_000,
      parts: [
        { key: "automated", value: "true", counts: true, note: null },
        { key: "min_age", value: "10m", source: { kind: "rule", name: "policies[0]" } },
        {
          key: "tag.front-end",
          value: "semver:^0",
          source: { kind: "rule", name: "policies[1] (namespace sock-*, name front-*)" },
        },
      ],
      faults: [],
    });
    const lists = await box.call("GET", "/v1/workloads?environment=default&filter=front-end");
    expect(lists.body["workloads"]).toMatchObject([{ policies: ["automated"] }]);
  });

  test("explains what automation would do with each tag, and why it does not", async () => {
    // No worker carries out what other tests asked for, and automation keeps away from what a job is at.
    const over = { phase: "cancelled", outcome: "cancelled", finished_at: new Date(), due_at: null } as const;
    await box.store.db.updateTable("jobs").set(over).where("due_at", "is not", null).execute();
    const { db } = box.store;
    const key = "docker.io/weaveworksdemos/front-end";
    await wantRepositories(db, [key]);
    const images = {
      "0.2.0": "2016-11-09T10:26:00Z",
      "0.3.0": "2016-11-18T16:00:00Z",
      "1.0.0": "2016-11-19T16:00:00Z",
    };
    const tags = Object.keys(images).map((tag) => ({ tag }));
    await recordListing(db, { key, tags, complete: true, etag: null });
    for (const [tag, created] of Object.entries(images)) {
      const digest = `sha256:${tag.replaceAll(".", "").padEnd(64, "0")}`;
      await saveManifest(db, {
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json",
        kind: "image",
        created_at: new Date(created),
        created_from: "config",
      } as Parameters<typeof saveManifest>[1]);
      await setTagDigest(db, { key, tag, digest });
    }
    const explain = async () => (await box.call("GET", `${frontEnd}/explain`, { token: tokens.viewer })).body;
    const body = await explain();
    expect(body).toMatchObject({
      moves: true,
      stops: [],
      containers: [
        {
          container: "front-end",
          image,
          filter: "semver:^0",
          reason: "newer-image",
          to: "weaveworksdemos/front-end:0.3.0",
          total: 3,
          candidates: [
            { tag: "0.3.0", order: 1, reason: "chosen", current: false },
            { tag: "0.2.0", order: 2, reason: "lower-version", current: true },
            { tag: "1.0.0", order: 3, reason: "filtered-out" },
          ],
        },
      ],
      age: { clusterMs: expect.any(Number) },
    });
    const job_id = String((await change({ changes: [{ workload: "user", set: { hold: "x" } }] })).body["id"]);
    const workload = "sock-shop:deployment/front-end";
    await setHold(db, {
      environment: "default",
      workload,
      container: "front-end",
      image: "x:0.3.0",
      job_id,
      reason: "it crashed",
    });
    expect(await explain()).toMatchObject({
      moves: false,
      containers: [
        {
          reason: "held",
          detail: "it crashed (not to x:0.3.0)",
          to: "weaveworksdemos/front-end:0.3.0",
        },
      ],
    });
    box.peers.running = [];
    expect(await explain()).toMatchObject({ moves: false, stops: [{ reason: "not-in-cluster" }] });
  });
});
