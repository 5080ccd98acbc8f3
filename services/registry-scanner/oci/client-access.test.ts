import { describe, expect, test } from "vitest";
import {
  aClient,
  aRegistry,
  aServer,
  clientOf,
  createdAt,
  failureOf,
  host,
  password,
  shop,
  signal,
} from "./testing/harness.ts";

describe("addresses", () => {
  test.each(["127.0.0.1:1", "localhost:1", "[::1]:1", "169.254.169.254"])(
    "a registry at %s is refused unless an endpoint says so",
    async (local) => {
      const registries = [{ host: local, insecure: true }];
      const list = aClient(registries, { allowPrivate: true }).listTags(
        { host: local, path: "a" },
        { signal: signal() },
      );
      await expect(list).rejects.toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
    },
  );

  test("a redirect to a local address that no endpoint names is refused", async () => {
    const inner = await aRegistry();
    const url = await aServer(
      (_request, response) => void response.writeHead(307, { location: inner.url }).end(),
    );
    const list = clientOf(url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
    expect(inner.requests().total).toBe(0);
  });

  test("a token realm at a local address that no endpoint names is refused", async () => {
    const inner = await aRegistry();
    const header = `Bearer realm="${inner.url}/token",service="x"`;
    const url = await aServer((_request, response) => {
      response.writeHead(401, { "www-authenticate": header }).end();
    });
    const list = clientOf(url, { username: "bot", password }).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
    expect(inner.requests().total).toBe(0);
  });

  test("redirects without end are a bad answer", async () => {
    const url = await aServer(
      (_request, response) => void response.writeHead(302, { location: "/again" }).end(),
    );
    const list = clientOf(url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
  });
});

describe("credentials", () => {
  const auth = { username: "bot", password, kind: "basic" as const };

  test("basic: asked once, then sent at once", async () => {
    const registry = await aRegistry({ auth });
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url, auth);
    expect((await client.listTags(shop, { signal: signal() })).requests).toBe(2);
    expect((await client.listTags(shop, { signal: signal() })).requests).toBe(1);
  });

  test("token: one token per repository, kept until it expires", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const registry = await aRegistry({
      auth: { ...auth, kind: "token", tokenLifetimeS: 60 },
      now: () => now,
    });
    registry.addImage(shop.path, "1.0", { createdAt });
    registry.addImage("shop/cart", "1.0", { createdAt });
    const client = clientOf(registry.url, { ...auth, now: () => now });
    const requests = async (path: string) =>
      (await client.listTags({ host, path }, { signal: signal() })).requests;
    expect(await requests(shop.path)).toBe(3); // refused, token, list
    expect(await requests(shop.path)).toBe(1);
    expect(await requests("shop/cart")).toBe(2); // the way is known: token, list
    now = new Date("2026-01-01T00:02:00Z");
    expect(await requests(shop.path)).toBe(2);
  });

  test("a token that is refused before its time is fetched anew, once", async () => {
    const registry = await aRegistry({ auth: { ...auth, kind: "token" } });
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url, auth);
    await client.listTags(shop, { signal: signal() });
    registry.revokeTokens();
    expect((await client.listTags(shop, { signal: signal() })).requests).toBe(3);
  });

  test("callers that need the same token share one request for it", async () => {
    const registry = await aRegistry({ auth: { ...auth, kind: "token" } });
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url, auth);
    await client.listTags(shop, { signal: signal() });
    registry.revokeTokens();
    registry.resetRequests();
    await Promise.all([1, 2, 3, 4].map(() => client.describe(shop, "1.0", { signal: signal() })));
    expect(registry.requests().token).toBeLessThanOrEqual(2);
  });

  test.each(["basic", "token"] as const)("%s: a wrong password fails and is not shown", async (kind) => {
    const registry = await aRegistry({ auth: { ...auth, kind } });
    const wrong = "wrong-canary";
    const client = clientOf(registry.url, { username: "bot", password: wrong });
    const failure = await failureOf(client.listTags(shop, { signal: signal() }));
    expect(failure).toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
      detail: expect.not.stringContaining("no credential"),
    });
    const shown = `${String(failure)} ${JSON.stringify(failure)} ${(failure as Error).stack ?? ""}`;
    expect(shown).not.toContain(wrong);
    expect(shown).not.toContain(Buffer.from(`bot:${wrong}`).toString("base64"));
  });

  test.each(["basic", "token"] as const)("%s: without a credential the registry refuses us", async (kind) => {
    const registry = await aRegistry({ auth: { ...auth, kind } });
    const list = clientOf(registry.url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
      detail: expect.stringMatching(/answered 401 .*; no credential for registry\.example\.com is known$/),
      hint: expect.stringContaining("registries"),
    });
  });

  test("a redirect to another host does not carry the credential, nor is its challenge answered", async () => {
    const seen: (string | undefined)[] = [];
    const other = await aServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const url = await aServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      } else {
        response.writeHead(307, { location: `${other}/elsewhere` }).end();
      }
    });
    const client = aClient([
      { host, endpoint: url, username: "bot", password },
      { host: "other.example.com", endpoint: other },
    ]);
    const list = client.listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
    expect(seen).toEqual([undefined]);
  });

  test("a credential is sent to the registry it belongs to only", async () => {
    const seen: (string | undefined)[] = [];
    const other = await aServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const client = aClient([
      { host, endpoint: "http://127.0.0.1:1", username: "bot", password },
      { host: "other.example.com", endpoint: other },
    ]);
    const list = client.listTags({ host: "other.example.com", path: "a" }, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
    expect(seen).toEqual([undefined]);
  });

  test("a token answer that holds no token is a bad answer and does not show what it held", async () => {
    const url = await aServer((request, response) => {
      if (request.url?.startsWith("/token") === true) response.end('{"token":"canary\\r\\nx: y"}');
      else
        response
          .writeHead(401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` })
          .end();
    });
    const failure = await failureOf(clientOf(url).listTags(shop, { signal: signal() }));
    expect(failure).toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
    expect(JSON.stringify(failure)).not.toContain("canary");
  });

  test("docker.io under any of its names is one registry", async () => {
    const registry = await aRegistry();
    registry.addImage("library/nginx", "1.27", { createdAt });
    const client = aClient([{ host: "index.docker.io", endpoint: `${registry.url}/` }]);
    for (const name of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
      const list = await client.listTags({ host: name, path: "library/nginx" }, { signal: signal() });
      expect(list.tags).toEqual(["1.27"]);
    }
  });
});
