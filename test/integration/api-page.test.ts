import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { buildPage } from "../../tools/build-page.ts";
import { oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("the page's door", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    await buildPage();
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  const ours = { "x-slipway-page": "1" };
  const withCookie = (cookie: string, headers: Readonly<Record<string, string>> = ours) => ({
    token: null,
    headers: { cookie, ...headers },
  });

  async function signIn(token: string): Promise<string> {
    const { status, headers } = await box.call("POST", "/v1/session", { token, headers: ours });
    expect(status).toBe(200);
    return (headers.get("set-cookie") ?? "").split(";", 1)[0] ?? "";
  }

  test("a token becomes a cookie that no script and no other site can use", async () => {
    const { headers, body } = await box.call("POST", "/v1/session", { token: tokens.releaser });
    expect(body).toMatchObject({ name: "releaser robot", grants: [{ role: "releaser" }] });
    const cookie = headers.get("set-cookie") ?? "";
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Strict");
    expect(cookie).toContain("Path=/");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("without a token that counts there is no cookie", async () => {
    for (const token of [null, "wrong"]) {
      const { status, headers } = await box.call("POST", "/v1/session", { token, headers: ours });
      expect(status).toBe(401);
      expect(headers.get("set-cookie")).toBeNull();
    }
  });

  test("the cookie stands for its token, with its role", async () => {
    const cookie = await signIn(tokens.viewer);
    expect((await box.call("GET", "/v1/identity", withCookie(cookie))).body).toMatchObject({
      name: "viewer robot",
      grants: [{ role: "viewer" }],
    });
    expect((await box.call("GET", "/v1/environments", withCookie(cookie))).status).toBe(200);
    const refused = { ...withCookie(cookie), body: { workloads: ["a/b"], images: "latest" } };
    expect((await box.call("POST", "/v1/releases", refused)).status).toBe(403);
  });

  test.each([
    ["without the page's header", {}],
    ["with the header from another site", { ...ours, "sec-fetch-site": "cross-site" }],
    ["from another port of this machine", { ...ours, "sec-fetch-site": "same-site" }],
  ])("the cookie does not count %s", async (_case, headers) => {
    const cookie = await signIn(tokens.admin);
    expect((await box.call("GET", "/v1/environments", withCookie(cookie, headers))).status).toBe(401);
    expect((await box.call("POST", "/v1/releases", withCookie(cookie, headers))).status).toBe(401);
  });

  test("another origin is not told that it may send the header", async () => {
    const response = await fetch(`${box.url}/v1/releases`, {
      method: "OPTIONS",
      headers: {
        origin: "https://elsewhere.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-slipway-page",
      },
    });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("access-control-allow-headers")).toBeNull();
  });

  test("a token in the request goes before the cookie", async () => {
    const cookie = await signIn(tokens.viewer);
    const { body } = await box.call("GET", "/v1/identity", {
      token: tokens.admin,
      headers: { cookie, ...ours },
    });
    expect(body).toMatchObject({ grants: [{ role: "admin" }] });
  });

  test("signing out takes the cookie away", async () => {
    const { status, headers } = await box.call("DELETE", "/v1/session", withCookie(""));
    expect(status).toBe(204);
    expect(headers.get("set-cookie")).toMatch(/^slipway-session=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
  });

  test.each(["/", "/jobs", "/jobs/0c1d8e11", "/environments", "/release", "/workloads/a/b/deployment/c"])(
    "%s is the page, without inline scripts and for nobody's frame",
    async (path) => {
      const response = await fetch(`${box.url}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(await response.text()).toContain('<div id="page"></div>');
    },
  );

  test("its files are kept for ever, since their names change with them, and travel compressed", async () => {
    const html = await (await fetch(`${box.url}/`)).text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? "";
    const response = await fetch(`${box.url}${script}`, { headers: { "accept-encoding": "br" } });
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("content-encoding")).toBe("br");
    expect(response.headers.get("content-type")).toMatch(/javascript/);
    const etag = response.headers.get("etag") ?? "";
    const again = await fetch(`${box.url}${script}`, {
      // Else Node's fetch asks every cache on the way to look away.
      headers: { "if-none-match": etag, "accept-encoding": "br", "cache-control": "max-age=0" },
    });
    expect(again.status).toBe(304);
  });

  test.each([
    "/assets/nothing.js",
    "/assets/..%2f..%2fpackage.json",
    "/assets/%2e%2e%2findex.html",
    "/assets/index.html",
    "/index.html",
    "/web/vite.config.ts",
    "/.env",
  ])("nothing is at %s", async (path) => {
    const response = await fetch(`${box.url}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "NOT_FOUND" });
  });
});
