import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { startLocalIssuer } from "#support/local-issuer.ts";
import type { LocalIssuer } from "#support/local-issuer.ts";

import { startAccessWorld } from "./access-world.ts";
import type { AccessWorld } from "./access-world.ts";

describe.runIf(hasPostgres())("identity providers", () => {
  let postgres: TestPostgres;
  let issuer: LocalIssuer;
  let world: AccessWorld;
  beforeAll(async () => {
    postgres = await startPostgres();
    issuer = await startLocalIssuer();
    const rules = [
      {
        claims: { repository: "octo/shop", ref: "refs/heads/main" },
        role: "releaser",
        namespaces: ["sock-shop"],
      },
      { claims: { repository: "octo/*" }, role: "viewer" },
      { claims: { team: "platform" }, role: "admin", namespaces: ["sock-shop"], groups: ["platform"] },
    ];
    const oidc = [{ issuer: issuer.url, audience: "slipway", groupsClaim: "groups", rules }];
    world = await startAccessWorld({ databaseUrl: await postgres.createDatabase(), oidc });
  });
  afterAll(async () => {
    await world?.box.stop();
    await issuer?.stop();
    await postgres?.stop();
  });

  const pipeline = {
    sub: "repo:octo/shop:ref:refs/heads/main",
    repository: "octo/shop",
    ref: "refs/heads/main",
  };
  const release = async (token: string, workloads: readonly string[]) =>
    world.box.call("POST", "/v1/releases", {
      token,
      body: { environment: "default", workloads, images: "latest" },
    });

  test("a pipeline releases with the token of its run, and no secret of ours", async () => {
    const token = await issuer.token(pipeline);
    const made = await release(token, ["sock-shop/front-end"]);
    expect(made.status).toBe(202);
    expect(made.body).toMatchObject({ requestedBy: pipeline.sub });
    const rows = await world.box.store.db
      .selectFrom("audit")
      .selectAll()
      .where("job_id", "=", String(made.body["id"]))
      .execute();
    expect(rows).toMatchObject([{ principal: pipeline.sub, principal_id: `${issuer.url}#${pipeline.sub}` }]);
  });

  test("what it may see and what it may do are told apart, by name", async () => {
    const token = await issuer.token(pipeline);
    const seen = await world.box.call("GET", "/v1/workloads?environment=default", { token });
    expect(JSON.stringify(seen.body)).toContain("vault:deployment/secret");
    const refused = await release(token, ["sock-shop/front-end", "vault/secret"]);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      code: "FORBIDDEN",
      detail: expect.stringMatching(/vault\/secret: .* is releaser of namespace sock-shop only/),
      facts: { workloads: ["vault:deployment/secret"] },
    });
    const all = await world.box.call("POST", "/v1/releases", {
      token,
      body: { environment: "default", all: true, images: "latest" },
    });
    expect(all.body).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining("all of default") });
    const whole = await world.box.call("POST", "/v1/syncs", {
      token,
      body: { environment: "default", namespace: "vault" },
    });
    expect(whole.body).toMatchObject({ code: "FORBIDDEN" });
    const own = await world.box.call("POST", "/v1/syncs", {
      token,
      body: { environment: "default", namespace: "sock-shop" },
    });
    expect(own.status).toBe(202);
  });

  test("another branch of the repository only looks", async () => {
    const token = await issuer.token({ ...pipeline, ref: "refs/heads/next" });
    expect((await world.box.call("GET", "/v1/jobs", { token })).status).toBe(200);
    expect((await release(token, ["sock-shop/front-end"])).body).toMatchObject({
      code: "FORBIDDEN",
      detail: expect.stringContaining("needs the role releaser"),
    });
  });

  test("whoever no rule knows is let in nowhere", async () => {
    const token = await issuer.token({ sub: "mallory" });
    const answer = await world.box.call("GET", "/v1/jobs", { token });
    expect(answer.body).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining("no rule") });
  });

  test("groups come from rules and from claims", async () => {
    const token = await issuer.token({ sub: "alice", team: ["web", "platform"], groups: ["oncall"] });
    const { body } = await world.box.call("GET", "/v1/identity", { token });
    expect(body).toMatchObject({
      name: "alice",
      kind: "oidc",
      grants: [{ role: "admin", scope: { namespaces: ["sock-shop"] } }],
      groups: ["platform", "oncall"],
      expiresAt: expect.any(String),
    });
  });

  test("a token made with one that ends does not outlive it", async () => {
    const token = await issuer.token({ sub: "alice", team: "platform" });
    const make = (expiresIn: string, more: object = {}) =>
      world.box.call("POST", "/v1/tokens", {
        token,
        body: { name: "n", role: "viewer", scope: { namespaces: ["sock-shop"] }, expiresIn, ...more },
      });
    expect((await make("never")).body).toMatchObject({
      code: "FORBIDDEN",
      detail: expect.stringContaining("counts until"),
    });
    expect((await make("1m", { groups: ["root"] })).body).toMatchObject({
      detail: expect.stringContaining("group root"),
    });
    expect((await make("1m", { groups: ["platform"] })).status).toBe(201);
  });

  test("a forged one is refused, and the refusal tells no more than why", async () => {
    const [, claims = ""] = (await issuer.token(pipeline)).split(".");
    const header = Buffer.from('{"alg":"none"}').toString("base64url");
    const answer = await world.box.call("GET", "/v1/jobs", { token: `${header}.${claims}.` });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(JSON.stringify(answer.body)).not.toContain(claims);
  });

  test("a huge one is refused before anything is read of it", async () => {
    const token = await issuer.token({ ...pipeline, more: "x".repeat(9_000) });
    expect((await world.box.call("GET", "/v1/jobs", { token })).status).toBe(401);
  });

  test("known keys work on while the issuer is away, and a new one is 503 until it is back", async () => {
    const before = await issuer.token(pipeline);
    expect((await world.box.call("GET", "/v1/jobs", { token: before })).status).toBe(200);
    await issuer.stop();
    const again = await issuer.token({ ...pipeline, jti: "2" });
    expect((await world.box.call("GET", "/v1/jobs", { token: again })).status).toBe(200);
    await issuer.start();
  });
});

describe.runIf(hasPostgres())("an identity provider that is away from the start", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("keeps nobody else out, and says 503 to its own", async () => {
    const issuer = await startLocalIssuer();
    const token = await issuer.token();
    await issuer.stop();
    const oidc = [
      { issuer: issuer.url, audience: "slipway", rules: [{ claims: { sub: "*" }, role: "viewer" }] },
    ];
    const world = await startAccessWorld({ databaseUrl: await postgres.createDatabase(), oidc });
    try {
      const answer = await world.box.call("GET", "/v1/jobs", { token });
      expect(answer.status).toBe(503);
      expect(answer.body).toMatchObject({ code: "ISSUER_UNAVAILABLE" });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await world.box.call("GET", "/v1/jobs")).status).toBe(200);
    } finally {
      await world.box.stop();
    }
  });
});
