import { createHmac } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createLog } from "#common/kit/log.ts";
import { imagesOf, wantRepositories } from "#common/store/images.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import { dockerRegistryCalls, hasDockerRegistry, startDockerRegistry } from "#support/docker-registry.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { pushImage } from "#support/push-image.ts";
import { dueScans, letWaitForImages, postponeScans } from "#support/store-tricks.ts";

import { declare, oneEnvironment, startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

const realRegistry = (await hasDockerRegistry()) && dockerRegistryCalls;
const secret = "unguessable-0123456789/+";
const host = "registry.example.com:5000";
const path = (of = host) => `/v1/webhooks/registry/${encodeURIComponent(of)}`;
const bearer = { authorization: `Bearer ${secret}` };
const push = (repository: string) => JSON.stringify({ repository, tag: "1.2.3" });
const signed = (body: string) => ({
  "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
});

describe.skipIf(!hasPostgres())("a webhook of a registry", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  const logged: string[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    const webhook = { secretEnv: "HOOK_SECRET" };
    box = await startApiBox({
      databaseUrl: await postgres.createDatabase(),
      environments: oneEnvironment,
      registries: [
        { host, webhook },
        { host: "docker.io", webhook },
        { host: "plain.example.com" },
        { host: "weak.example.com", webhook: { secretEnv: "WEAK_SECRET" } },
      ],
      env: { HOOK_SECRET: secret, WEAK_SECRET: "too-short" },
      log: createLog({ service: "api", level: "debug", write: (line) => logged.push(line) }),
    });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  const post = (to: string, body: string, headers: Record<string, string> = {}) =>
    box.call("POST", to, { token: null, body, headers });
  /** Somebody uses these, and none is due for an hour. */
  const use = async (...keys: readonly string[]) => {
    await wantRepositories(box.store.db, keys);
    await postponeScans(box.store.db);
    box.rung.splice(0);
  };
  const due = () => dueScans(box.store.db);

  test("makes the repositories it names due, however the registry proves who it is, and rings once each", async () => {
    const keys = ["a", "b", "c", "d"].map((name) => `${host}/team/${name}`);
    await use(...keys);
    const events = ["a", "b", "a"].map((name) => ({ target: { repository: `team/${name}`, tag: "1" } }));
    const many = JSON.stringify({ events });
    expect(await post(path(), many, bearer)).toMatchObject({ status: 202, body: {} });
    expect((await post(path(), push("team/c"), signed(push("team/c")))).status).toBe(202);
    expect((await post(`${path()}/${encodeURIComponent(secret)}`, push("team/d"))).status).toBe(202);
    expect(await due()).toEqual(keys);
    expect(box.rung).toEqual(keys.map((key) => `slipway-scanner repository:${key}`));
  });

  test("of Docker Hub is known by any spelling of its host", async () => {
    await use("docker.io/library/nginx");
    const body = JSON.stringify({ push_data: { tag: "1.2.3" }, repository: { repo_name: "library/nginx" } });
    expect((await post(path("index.docker.io"), body, bearer)).status).toBe(202);
    expect(await due()).toEqual(["docker.io/library/nginx"]);
  });

  test("is a hint only for its own registry, and only of what somebody uses", async () => {
    const cold = `${host}/team/cold`;
    await use("docker.io/team/app", cold);
    await postponeScans(box.store.db, cold);
    for (const name of ["team/app", "docker.io/team/app", "team/unused", "team/cold"]) {
      expect((await post(path(), push(name), bearer)).status).toBe(202);
    }
    expect((await post(path(), "no JSON", bearer)).status).toBe(202);
    expect(await due()).toEqual([]);
    expect(box.rung).toEqual([]);
    expect((await imagesOf(box.store.db, [`${host}/team/unused`])).size).toBe(0);
  });

  test("wakes the jobs that wait for an image of the repository, though nobody uses it yet", async () => {
    await declare(box, { web: "registry.example.com:5000/team/web:1.0.0" });
    const release = async (image: string) => {
      const body = {
        environment: "default",
        workloads: ["sock-shop/web"],
        images: [image],
        waitForImageSeconds: 600,
      };
      return String((await box.call("POST", "/v1/releases", { body })).body["id"]);
    };
    const [awaited, other] = [await release(`${host}/team/web:2.0.0`), await release(`${host}/team/b:2.0.0`)];
    await letWaitForImages(box.store.db);
    box.rung.splice(0);
    expect((await post(path(), push("team/web"), bearer)).status).toBe(202);
    expect(box.rung).toEqual([`slipway-worker repository:${host}/team/web`]);
    const isDue = async (id: string) =>
      (await mustGetJob(box.store.db, id)).due_at!.getTime() <= Date.now() + 1_000;
    expect([await isDue(awaited), await isDue(other)]).toEqual([true, false]);
  });

  test("repeated at once is one look, and one more afterwards", async () => {
    const key = `${host}/team/replayed`;
    await use(key);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(path(), push("team/replayed"), bearer)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const looks = () => box.rung.filter((ticket) => ticket === `slipway-scanner repository:${key}`).length;
    expect(looks()).toBeLessThan(10);
    await expect.poll(looks, { timeout: 10_000 }).toBeGreaterThan(1);
  });

  test("without a proof of the secret leads nowhere, and is told nothing", async () => {
    const key = `${host}/team/refused`;
    await use(key);
    const body = push("team/refused");
    const wrong = [
      await post(path(), body),
      await post(path(), body, { authorization: "Bearer another-secret-as-long" }),
      await post(path(), `${body} `, signed(body)),
      await post(`${path()}/another-secret-as-long`, body, bearer),
    ];
    for (const answer of wrong)
      expect(answer).toMatchObject({ status: 401, body: { code: "WEBHOOK_REFUSED" } });
    for (const other of ["plain.example.com", "nowhere.example.com", "no host"]) {
      const answer = await post(path(other), body, bearer);
      expect(answer).toMatchObject({ status: 404, body: { code: "WEBHOOK_NOT_FOUND" } });
      expect(answer.body).not.toHaveProperty("detail");
    }
    const weak = await post(path("weak.example.com"), body, { authorization: "too-short" });
    expect(weak).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    const large = "x".repeat(1024 * 1024 + 1);
    expect(await post(path(), large, bearer)).toMatchObject({
      status: 413,
      body: { code: "PAYLOAD_TOO_LARGE" },
    });
    expect(await due()).toEqual([]);
    for (const text of [...logged, await box.metrics()]) expect(text).not.toContain("unguessable");
  });

  test.runIf(realRegistry)("comes from a real docker-registry with each push", async () => {
    const key = `${host}/shop/front-end`;
    await use(key);
    const notified = { url: `${box.url}${path()}`, authorization: `Bearer ${secret}` };
    const registry = await startDockerRegistry("none", notified);
    try {
      await pushImage(registry, "shop/front-end:0.3.0", {});
      await expect.poll(due, { timeout: 20_000 }).toEqual([key]);
    } finally {
      await registry.stop();
    }
  });
});
