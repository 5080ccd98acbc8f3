import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Scope } from "#common/domain/access.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { noteTokenUse } from "#common/store/tokens.ts";
import { runCommandLine } from "#support/api.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { startAccessWorld } from "./access-world.ts";
import type { AccessWorld } from "./access-world.ts";
import { oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("tokens", () => {
  let postgres: TestPostgres;
  let world: AccessWorld;
  /** A second process of the same installation. */
  let other: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    world = await startAccessWorld({ databaseUrl });
    other = await startApiBox({ databaseUrl, environments: oneEnvironment });
  });
  afterAll(async () => {
    await other?.stop();
    await world?.box.stop();
    await postgres?.stop();
  });

  interface Made {
    readonly id: string;
    readonly secret: string;
  }
  const make = (body: object, token?: string) =>
    world.box.call("POST", "/v1/tokens", {
      ...(token !== undefined && { token }),
      body: { name: "ci", role: "viewer", ...body },
    });
  const made = async (body: object, token?: string): Promise<Made> => {
    const answer = await make(body, token);
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return { id: String(answer.body["id"]), secret: String(answer.body["secret"]) };
  };
  const statusOf = async (token: string): Promise<number> =>
    (await world.box.call("GET", "/v1/jobs", { token })).status;
  const row = (id: string) =>
    world.box.store.db.selectFrom("tokens").selectAll().where("id", "=", id).executeTakeFirstOrThrow();

  test("a secret is shown once, and only its hash is kept", async () => {
    const { id, secret } = await made({ scope: { namespaces: ["sock-shop"] } });
    expect(secret).toMatch(/^slw_[0-9A-Za-z]{46}$/);
    const stored = await row(id);
    expect(JSON.stringify(stored)).not.toContain(secret.slice(4, 40));
    expect(stored.ending).toBe(secret.slice(-4));
    const listed = await world.box.call("GET", "/v1/tokens");
    expect(JSON.stringify(listed.body)).not.toContain(secret);
    expect(listed.body["tokens"]).toContainEqual(
      expect.objectContaining({ id, state: "active", createdBy: "admin" }),
    );
    expect(await statusOf(secret)).toBe(200);
  });

  test("when it was used is noted, once a minute", async () => {
    const { id, secret } = await made({});
    expect((await row(id)).last_used_at).toBeNull();
    await statusOf(secret);
    await pollUntil(async () => (await row(id)).last_used_at !== null, {
      everyMs: 20,
      timeoutMs: 10_000,
      what: "its use",
    });
    const first = (await row(id)).last_used_at;
    // Another process knows nothing of it yet, and asks.
    expect((await other.call("GET", "/v1/jobs", { token: secret })).status).toBe(200);
    await noteTokenUse(world.box.store.db, id);
    expect((await row(id)).last_used_at).toEqual(first);
  });

  test("one that has expired does not count", async () => {
    const { id, secret } = await made({ expiresIn: "1m" });
    await world.box.store.db
      .updateTable("tokens")
      .set({ expires_at: new Date(Date.now() - 1_000) })
      .where("id", "=", id)
      .execute();
    expect(await statusOf(secret)).toBe(401);
    const all = await world.box.call("GET", "/v1/tokens?all=true");
    expect(all.body["tokens"]).toContainEqual(expect.objectContaining({ id, state: "expired" }));
    const active = await world.box.call("GET", "/v1/tokens");
    expect(JSON.stringify(active.body)).not.toContain(id);
  });

  test("revoking ends it at once, with all that it made, and is written down", async () => {
    const admin = await made({ role: "admin", name: "lead" });
    const child = await made({ role: "admin", name: "child" }, admin.secret);
    const grandchild = await made({ name: "grandchild" }, child.secret);
    expect(await statusOf(grandchild.secret)).toBe(200);
    const answer = await world.box.call("DELETE", `/v1/tokens/${admin.id}`);
    expect(answer.body).toMatchObject({ id: admin.id, state: "revoked", revokedBy: "admin", descendants: 2 });
    for (const { secret } of [admin, child, grandchild]) expect(await statusOf(secret)).toBe(401);
    const again = await world.box.call("DELETE", `/v1/tokens/${admin.id}`);
    expect(again.body).toMatchObject({ state: "revoked", descendants: 0 });
    const audit = await world.box.call("GET", "/v1/audit?operation=revokeToken");
    expect(audit.body["entries"]).toMatchObject([
      {
        principal: "admin",
        outcome: "revoked",
        before: { name: "lead", role: "admin" },
        address: "127.0.0.1",
      },
    ]);
    expect(
      (await world.box.call("DELETE", "/v1/tokens/00000000-0000-7000-8000-000000000000")).body,
    ).toMatchObject({ code: "TOKEN_NOT_FOUND" });
  });

  test.each<[string, object, Scope]>([
    ["a wider scope", { scope: {} }, { namespaces: ["sock-shop"] }],
    ["another namespace", { scope: { namespaces: ["sock-shop", "vault"] } }, { namespaces: ["sock-shop"] }],
    ["a pattern over it", { scope: { namespaces: ["sock-*"] } }, { namespaces: ["sock-shop"] }],
    ["another environment", { scope: { environments: ["other"] } }, { environments: ["default"] }],
    ["every environment", { scope: { workloads: ["sock-shop/front-end"] } }, { environments: ["default"] }],
    [
      "a group of its own choosing",
      { groups: ["root"], scope: { namespaces: ["sock-shop"] } },
      { namespaces: ["sock-shop"] },
    ],
  ])("none is made with %s", async (_what, body, scope) => {
    const admin = await world.token("admin", scope);
    const answer = await make(body, admin);
    expect(answer.body).toMatchObject({ code: "FORBIDDEN", hint: expect.stringContaining("may do as much") });
  });

  test("a part of one's own can be given on", async () => {
    const admin = await world.token("admin", { namespaces: ["sock-*"] }, { groups: ["web"] });
    await made({ role: "releaser", scope: { workloads: ["sock-shop/front-end"] }, groups: ["web"] }, admin);
  });

  test.each([
    { name: "" },
    { name: "two\nlines" },
    { name: "right\u202eleft" },
    { role: "owner" },
    { expiresIn: "forever" },
    { expiresIn: "0d" },
    { scope: { namespaces: [] } },
    { scope: { namespaces: ["Shop"] } },
    { scope: { workloads: ["web"] } },
    { scope: { clusters: ["a"] } },
    { groups: ["two words"] },
  ])("%j makes no token", async (body) => {
    expect((await make(body)).body).toMatchObject({ code: "INVALID_REQUEST", status: 400 });
  });

  test("lists come in pages whose cursors count for nobody else", async () => {
    const first = await world.box.call("GET", "/v1/tokens?limit=1");
    const next = String(first.body["next"]);
    expect((await world.box.call("GET", `/v1/tokens?limit=1&cursor=${next}`)).status).toBe(200);
    const token = await world.token("admin");
    const theirs = await world.box.call("GET", `/v1/tokens?limit=1&cursor=${next}`, { token });
    expect(theirs.body).toMatchObject({ code: "CURSOR_INVALID" });
  });

  test("the command line makes, lists and revokes", async () => {
    const target = { url: world.box.url, token: tokens.admin };
    const create = await runCommandLine(target, [
      "token",
      "create",
      "shell",
      "--role",
      "releaser",
      "-n",
      "sock-shop",
    ]);
    expect(create.code, create.stderr).toBe(0);
    expect(create.stdout.trim()).toMatch(/^slw_[0-9A-Za-z]{46}$/);
    expect(create.stderr).toContain("releaser of namespace sock-shop");
    const list = await runCommandLine(target, ["token", "list"]);
    expect(list.stdout).toMatch(/shell +releaser +namespace sock-shop/);
    const revoke = await runCommandLine(target, ["token", "revoke", "shell"]);
    expect(revoke.stdout).toMatch(/^Revoked shell/);
    expect(await statusOf(create.stdout.trim())).toBe(401);
    const audit = await runCommandLine(target, ["audit", "--since", "1h", "--export"]);
    const lines = audit.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { operation: string });
    expect(lines.map((line) => line.operation)).toEqual(
      expect.arrayContaining(["createToken", "revokeToken"]),
    );
  });
});
