import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { operations } from "#common/contracts/operations.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("the API's gate", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  test("lets the given admin token in, also as fluxctl sends it", async () => {
    expect((await box.call("GET", "/v1/environments")).status).toBe(200);
    const headers = { authorization: `Scope-Probe token=${tokens.admin}` };
    expect((await box.call("GET", "/v1/environments", { token: null, headers })).status).toBe(200);
  });

  test("asks for a token, and for a better one", async () => {
    const none = await box.call("GET", "/v1/jobs", { token: null });
    expect(none.status).toBe(401);
    expect(none.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(none.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(none.body).toMatchObject({ code: "UNAUTHENTICATED", status: 401 });
    expect((await box.call("GET", "/v1/jobs", { token: "wrong" })).body).toMatchObject({
      code: "UNAUTHENTICATED",
    });
    const basic = { authorization: "Basic YWRtaW46YWRtaW4=" };
    expect((await box.call("GET", "/v1/jobs", { token: null, headers: basic })).status).toBe(401);
  });

  test("lets a viewer see, but not release", async () => {
    const asViewer = { token: tokens.viewer };
    expect((await box.call("GET", "/v1/jobs", asViewer)).status).toBe(200);
    const body = { workloads: ["sock-shop/front-end"], images: "latest" };
    const answer = await box.call("POST", "/v1/releases", { ...asViewer, body });
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining("releaser") });
  });

  test("names every fault of a request at once", async () => {
    const body = { workloads: [], images: { exact: [] }, message: 7, colour: "red", override: ["gravity"] };
    const answer = await box.call("POST", "/v1/releases", { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "INVALID_REQUEST" });
    const { faults } = answer.body["facts"] as { faults: string[] };
    expect(faults).toHaveLength(5);
    for (const word of ["workloads", "images.exact", "message", "colour: unknown key", "override[0]"]) {
      expect(faults.join("\n")).toContain(word);
      expect(answer.body["detail"]).toContain(word);
    }
  });

  test("codes what no schema sees: bad JSON, another type, too much of it, an unknown route", async () => {
    const post = (options: object) => box.call("POST", "/v1/releases", options);
    expect((await post({ body: "{" })).body).toMatchObject({ code: "INVALID_REQUEST", status: 400 });
    const typed = await post({
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(typed.body).toMatchObject({ code: "INVALID_REQUEST", detail: expect.stringContaining("json") });
    const large = await post({ body: { message: "x".repeat(1024 * 1024) } });
    expect(large.body).toMatchObject({ code: "PAYLOAD_TOO_LARGE", status: 413 });
    expect((await box.call("GET", "/v1/nothing?x=1")).body).toMatchObject({ code: "NOT_FOUND", status: 404 });
    expect((await box.call("GET", "/v1/%zz")).body).toMatchObject({ code: "INVALID_REQUEST", status: 400 });
    const unknown = await box.call("GET", "/v1/jobs?colour=red");
    expect(unknown.body).toMatchObject({ detail: "querystring colour: unknown key" });
  });

  test("keeps a sane request id and replaces another", async () => {
    const given = await box.call("GET", "/v1/jobs", { headers: { "x-request-id": "build-17" } });
    expect(given.headers.get("x-request-id")).toBe("build-17");
    const odd = await box.call("GET", "/v1/jobs", { headers: { "x-request-id": "a b" } });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("describes each operation as OpenAPI 3.1, with every reference in place", async () => {
    const { status, body } = await box.call("GET", "/v1/openapi.json", { token: null });
    expect(status).toBe(200);
    expect(body["openapi"]).toBe("3.1.0");
    const paths = body["paths"] as Record<string, Record<string, { responses: object }>>;
    for (const { method, path } of Object.values(operations)) {
      // fluxctl's routes are for fluxctl alone, and told of in docs/coming-from-flux.md.
      if (path.startsWith("/api/flux")) continue;
      const shown = path.replaceAll(/:([a-z]+)/g, "{$1}");
      const answers = Object.keys(paths[shown]?.[method.toLowerCase()]?.responses ?? {});
      // Answered at once, or accepted for later, or with nothing more to say.
      expect(
        answers.some((status) => /^20[0124]$/.test(status)),
        `${method} ${path}`,
      ).toBe(true);
    }
    const { schemas } = body["components"] as { schemas: Record<string, unknown> };
    const references = JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    const missing = [...references].filter(([, name = ""]) => !Object.hasOwn(schemas, name));
    expect(missing).toEqual([]);
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(["Job", "Problem", "Step", "Workload"]));
  });

  test("is alive, and ready while Postgres answers, whatever the others do", async () => {
    expect((await box.call("GET", "/livez", { token: null })).body).toEqual({ alive: true });
    const ready = await box.call("GET", "/readyz", { token: null });
    expect(ready.status).toBe(200);
    expect(ready.body).toMatchObject({
      ready: true,
      failing: [],
      dependencies: {
        postgres: "ok",
        "cluster-watcher": "ok",
        "release-worker 127.0.0.1:1": "UNAVAILABLE",
      },
    });
  });

  test("lists environments with their ages", async () => {
    const { body } = await box.call("GET", "/v1/environments");
    expect(body).toMatchObject({
      environments: [{ name: "default", mode: "apply", age: { clusterMs: 120, gitCommit: null } }],
    });
  });
});

describe.runIf(hasPostgres())("an API on its own database", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("slows a token down that writes too much", async () => {
    const databaseUrl = await postgres.createDatabase();
    const box = await startApiBox({ databaseUrl, environments: oneEnvironment, writesPerMinute: 2 });
    try {
      const post = () => box.call("POST", "/v1/releases", { token: tokens.releaser, body: {} });
      expect((await post()).status).toBe(400);
      expect((await post()).status).toBe(400);
      const third = await post();
      expect(third.status).toBe(429);
      expect(third.body).toMatchObject({ code: "RATE_LIMITED" });
      expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await box.call("GET", "/v1/jobs", { token: tokens.releaser })).status).toBe(200);
      // Asking a registry counts as much as writing.
      const images = "/v1/environments/default/workloads/shop/deployment/web/images";
      const read = (query: string) => box.call("GET", `${images}${query}`, { token: tokens.releaser });
      expect((await read("?refresh=true")).status).toBe(429);
      expect((await read("?refresh=false")).status).toBe(404);
    } finally {
      await box.stop();
    }
  });

  test("answers 503 and is not ready while Postgres is away", async () => {
    const databaseUrl = await postgres.createDatabase();
    const box = await startApiBox({ databaseUrl, environments: oneEnvironment });
    try {
      expect((await box.call("GET", "/v1/jobs")).status).toBe(200);
      await postgres.stop();
      const away = await box.call("GET", "/v1/jobs");
      expect(away.status).toBe(503);
      expect(away.headers.get("retry-after")).toBe("1");
      expect(away.body).toMatchObject({ code: "STORE_UNAVAILABLE" });
      const ready = await box.call("GET", "/readyz", { token: null });
      expect(ready.status).toBe(503);
      expect(ready.body).toMatchObject({ ready: false, failing: ["postgres"] });
    } finally {
      await box.stop();
    }
  });
});
