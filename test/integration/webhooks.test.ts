import { createHmac } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { laneKey } from "#common/domain/git-url.ts";
import { createLog } from "#common/kit/log.ts";
import { dueLanes, deferLane } from "#common/store/lanes.ts";
import { environmentTip } from "#common/store/manifests.ts";
import { manifest, startLaneWorld } from "#support/lane-world.ts";
import type { LaneWorld } from "#support/lane-world.ts";
import { hasPostgres } from "#support/postgres.ts";

import { startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

const secret = "unguessable-0123456789/+";
const hookPath = "/v1/webhooks/git/default";
const farMs = 3_600_000;

const push = (branch: string) => JSON.stringify({ ref: `refs/heads/${branch}`, after: "1" });
const signed = (body: string, key = secret) => ({
  "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`,
});

describe.skipIf(!hasPostgres())("a webhook of the git host", () => {
  let world: LaneWorld;
  let box: ApiBox;
  const logged: string[] = [];

  beforeAll(async () => {
    world = await startLaneWorld();
    const git = { url: world.git.repositoryUrl(world.repository), allowHttp: true, paths: ["deploy"] };
    const environment = (name: string, more: object) => ({
      name,
      cluster: { inCluster: true },
      git: { ...git, ...more },
    });
    box = await startApiBox({
      databaseUrl: world.databaseUrl,
      environments: [
        environment("default", { webhook: { secretEnv: "HOOK_SECRET" } }),
        environment("quiet", { branch: "quiet", webhook: { secretEnv: "HOOK_SECRET" } }),
        environment("plain", { branch: "plain" }),
        environment("weak", { branch: "weak", webhook: { secretEnv: "WEAK_SECRET" } }),
        environment("lost", { branch: "lost", webhook: { secretFile: "/nowhere/hook-secret" } }),
      ],
      env: { HOOK_SECRET: secret, WEAK_SECRET: "too-short" },
      log: createLog({ service: "api", level: "debug", write: (line) => logged.push(line) }),
    });
  });
  afterAll(async () => {
    await box?.stop();
    await world?.stop();
  });

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    box.call("POST", path, { token: null, body, headers });
  const isDue = async (laneId = world.laneId) => (await dueLanes(world.store.db, 100)).includes(laneId);
  const settle = async (laneId = world.laneId) => {
    await deferLane(world.store.db, laneId, farMs);
    box.rung.splice(0);
  };
  /** Hints within a second are one: the next begins a second of its own. */
  const untilDue = () => expect.poll(() => isDue(), { timeout: 10_000 }).toBe(true);

  test("a push of a stranger is in the index without waiting for the poll", async () => {
    const worker = await world.worker();
    await worker.look();
    await settle();
    const tip = await world.git.commitDirectly(
      world.repository,
      { "deploy/epsilon.yaml": manifest("epsilon", "1.0.0") },
      { branch: "main", message: "by a stranger" },
    );
    const indexed = async () => (await environmentTip(world.store.db, "default"))?.commit_sha;
    await worker.look();
    expect(await indexed()).not.toBe(tip);
    const body = push("main");
    expect(await post(hookPath, body, signed(body))).toMatchObject({ status: 202, body: {} });
    expect(box.rung).toEqual([`slipway-worker lane:${world.laneId}`]);
    await worker.look();
    expect(await indexed()).toBe(tip);
    expect(await isDue()).toBe(false);
  });

  test("a host that cannot sign calls by the secret in the path, and a ping is a hint too", async () => {
    await settle();
    expect(await post(`${hookPath}/${encodeURIComponent(secret)}`, "")).toMatchObject({
      status: 202,
      body: {},
    });
    await untilDue();
    await settle();
    const form = new URLSearchParams({ payload: JSON.stringify({ zen: "Design for failure." }) }).toString();
    const headers = { ...signed(form), "content-type": "application/x-www-form-urlencoded" };
    expect((await post(hookPath, form, headers)).status).toBe(202);
    await untilDue();
  });

  test("only a push to the branch, with a proof of the secret, leads to a look; what is wrong is not told", async () => {
    const quiet = laneKey(world.git.repositoryUrl(world.repository), "quiet");
    const path = "/v1/webhooks/git/quiet";
    await settle(quiet);
    const body = push("quiet");
    const wrong = [
      await post(path, body),
      await post(path, body, signed(body, "another secret as long as that")),
      await post(path, `${body} `, signed(body)),
      await post(`${path}/another-secret-as-long`, body),
      await post(`${path}/another-secret-as-long`, body, signed(body)),
    ];
    for (const answer of wrong) {
      expect(answer).toMatchObject({ status: 401, body: { code: "WEBHOOK_REFUSED" } });
      expect(answer.body).not.toHaveProperty("detail");
    }
    for (const name of ["nowhere", "plain"]) {
      const answer = await post(`/v1/webhooks/git/${name}`, body, signed(body));
      expect(answer).toMatchObject({ status: 404, body: { code: "WEBHOOK_NOT_FOUND" } });
      expect(answer.body).not.toHaveProperty("detail");
    }
    const elsewhere = push("main");
    expect((await post(path, elsewhere, signed(elsewhere))).status).toBe(202);
    expect(await isDue(quiet)).toBe(false);
    expect(box.rung).toEqual([]);
    // The first hint to this branch is followed at once: those before were none.
    expect((await post(path, body, signed(body))).status).toBe(202);
    expect(await isDue(quiet)).toBe(true);
    expect(box.rung).toEqual([`slipway-worker lane:${quiet}`]);
  });

  test("a secret that is too short or cannot be read lets nobody in", async () => {
    const body = push("main");
    for (const [name, key] of [
      ["weak", "too-short"],
      ["lost", ""],
    ] as const) {
      const answer = await post(`/v1/webhooks/git/${name}`, body, signed(body, key));
      expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
      expect(JSON.stringify(answer.body)).not.toContain("nowhere");
    }
    expect(logged.join("\n")).toContain("/nowhere/hook-secret");
  });

  test("a body of more than 1 MiB is refused before it is read", async () => {
    const body = "x".repeat(1024 * 1024 + 1);
    expect((await post(hookPath, body, signed(body))).body).toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
      status: 413,
    });
  });

  test("the secret is in no log line, and refusals are counted by their reason", async () => {
    const path = `${hookPath}/${encodeURIComponent(secret)}`;
    const longer = await post(`${path}/more`, "");
    expect(longer).toMatchObject({ status: 404, body: { detail: expect.stringContaining("…") } });
    const got = await box.call("GET", path, { token: null });
    expect(got.status).toBe(404);
    for (const text of [...logged, JSON.stringify(longer.body), JSON.stringify(got.body)]) {
      expect(text).not.toContain("unguessable");
    }
    const metrics = await box.metrics();
    const counted = (reason: string) => `slipway_webhook_refused_total{reason="${reason}",service="api"}`;
    expect(metrics).toContain(`${counted("WEBHOOK_REFUSED")} 5`);
    expect(metrics).toContain(`${counted("WEBHOOK_NOT_FOUND")} 2`);
    expect(metrics).toContain(`${counted("UNAVAILABLE")} 2`);
    expect(metrics).toContain(`${counted("PAYLOAD_TOO_LARGE")} 1`);
    expect(metrics).toContain('route="/v1/webhooks/git/:environment/:secret"');
    expect(metrics).not.toContain("unguessable");
  });
});
