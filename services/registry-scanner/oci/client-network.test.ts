import { beforeAll, describe, expect, test } from "vitest";
import { proxyFor } from "#common/kit/proxies.ts";
import { selfSigned } from "./testing/certificates.ts";
import type { Pair } from "./testing/certificates.ts";
import {
  aClient,
  aProxy,
  aRegistry,
  aSecureServer,
  aServer,
  createdAt,
  failureOf,
  host,
  shop,
  signal,
} from "./testing/harness.ts";

let registryPair: Pair;
let otherPair: Pair;
beforeAll(async () => {
  [registryPair, otherPair] = await Promise.all([selfSigned("registry"), selfSigned("other")]);
});

const tags = JSON.stringify({ tags: ["1.0"] });

describe("certificates", () => {
  test("an authority of one's own is trusted for its registry alone", async () => {
    const url = await aSecureServer(registryPair, (_request, response) => void response.end(tags));
    const registries = [
      { host, endpoint: url, ca: registryPair.cert },
      { host: "other.example.com", endpoint: url },
    ];
    const client = aClient(registries);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["1.0"]);
    const other = client.listTags({ host: "other.example.com", path: "a" }, { signal: signal() });
    await expect(other).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  test("the wrong authority is unavailable, and the hint says what to set", async () => {
    const url = await aSecureServer(registryPair, (_request, response) => void response.end(tags));
    const client = aClient([{ host, endpoint: url, ca: otherPair.cert }]);
    expect(await failureOf(client.listTags(shop, { signal: signal() }))).toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      hint: expect.stringContaining("caFile"),
    });
  });

  test("the authority counts for the token realm too, the client certificate for the registry alone", async () => {
    const shown: [string, boolean][] = [];
    const asks = { requestCert: true, rejectUnauthorized: false, ca: otherPair.cert };
    const note = (what: string, request: { socket: unknown }) =>
      shown.push([what, (request.socket as { authorized?: boolean }).authorized === true]);
    const realm = await aSecureServer({ ...registryPair, ...asks }, (request, response) => {
      note("realm", request);
      response.end('{"token":"t"}');
    });
    const url = await aSecureServer({ ...registryPair, ...asks }, (request, response) => {
      note("registry", request);
      if (request.headers.authorization === "Bearer t") response.end(tags);
      else response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}/token"` }).end();
    });
    const client = aClient([
      { host, endpoint: url, ca: registryPair.cert, clientCertificate: otherPair },
      { host: "realm.example.com", endpoint: realm },
    ]);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["1.0"]);
    expect(shown).toEqual([
      ["registry", true],
      ["realm", false],
      ["registry", true],
    ]);
  });

  test("a registry that https is not spoken to is unavailable, not asked over http", async () => {
    const seen: unknown[] = [];
    const url = await aServer((request, response) => {
      seen.push(request.url);
      response.end(tags);
    });
    const client = aClient([{ host, endpoint: url.replace("http:", "https:") }]);
    const list = client.listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(seen).toEqual([]);
  });
});

describe("proxies", () => {
  test("a plain registry is asked through its proxy", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    const proxy = await aProxy();
    const client = aClient([{ host, endpoint: registry.url, proxy: proxy.url }]);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["1.0"]);
    expect(proxy.asked).toEqual([`GET ${registry.url}/v2/shop/front-end/tags/list?n=1000`]);
  });

  test("a registry over TLS is asked through a tunnel, with its own certificates", async () => {
    const url = await aSecureServer(registryPair, (_request, response) => void response.end(tags));
    const proxy = await aProxy();
    const through = proxy.url.replace("http://", "http://user:pa%3Ass@");
    const client = aClient([{ host, endpoint: url, ca: registryPair.cert, proxy: through }]);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["1.0"]);
    expect(proxy.asked).toEqual([`CONNECT ${new URL(url).host}`]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from("user:pa:ss").toString("base64")}`]);
  });

  test("a tunnel keeps the registry's credential from the proxy, and the proxy's from the registry", async () => {
    const seen: unknown[] = [];
    const url = await aSecureServer(registryPair, (request, response) => {
      seen.push(request.headers.authorization, request.headers["proxy-authorization"]);
      if (request.headers.authorization !== undefined) response.end(tags);
      else response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    });
    const proxy = await aProxy();
    const through = proxy.url.replace("http://", "http://user:word@");
    const credential = { username: "bot", password: "s3cret" };
    const client = aClient([{ host, endpoint: url, ca: registryPair.cert, proxy: through, ...credential }]);
    await client.listTags(shop, { signal: signal() });
    const ofProxy = `Basic ${Buffer.from("user:word").toString("base64")}`;
    expect(new Set(proxy.authorizations)).toEqual(new Set([ofProxy]));
    expect(seen).toEqual([undefined, undefined, expect.stringContaining("Basic "), undefined]);
  });

  test.each(["localhost:5000", "127.0.0.1:5000", "x.localhost", "169.254.169.254", "[::1]:5000"])(
    "%s is refused through a proxy too",
    async (local) => {
      const proxy = await aProxy();
      const client = aClient([{ host: local, insecure: true, proxy: proxy.url }], { allowPrivate: true });
      const list = client.listTags({ host: local, path: "a" }, { signal: signal() });
      await expect(list).rejects.toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
      expect(proxy.asked).toEqual([]);
    },
  );

  test("a proxy that refuses is unavailable", async () => {
    const url = await aServer((_request, response) => void response.writeHead(407).end());
    const client = aClient([{ host: "registry.example.com", proxy: url }]);
    const list = client.listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  test("the general proxy is used where a registry names none, and not where it says none", async () => {
    const proxy = await aProxy();
    const general = { https: proxy.url, http: proxy.url };
    const names = ["a.example.com", "b.example.com"];
    const client = aClient([{ host: "b.example.com", proxy: "none" }], {
      proxy: general,
      fetchTimeoutMs: 2_000,
    });
    for (const name of names) {
      const list = client.listTags({ host: name, path: "a" }, { signal: signal() });
      await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" }); // no such hosts
    }
    expect(proxy.asked).toEqual(["CONNECT a.example.com:443"]);
  });
});

describe("which proxy", () => {
  const both = { https: "http://secure:1", http: "http://plain:1" };
  test.each([
    ["https://registry.example.com/v2/", "", "http://secure:1"],
    ["http://registry.example.com/v2/", "", "http://plain:1"],
    ["https://registry.example.com/v2/", "registry.example.com", undefined],
    ["https://registry.example.com/v2/", "example.com", undefined],
    ["https://registry.example.com/v2/", ".example.com", undefined],
    ["https://registry.example.com/v2/", "*.example.com", undefined],
    ["https://example.com/v2/", ".example.com", "http://secure:1"],
    ["https://badexample.com/v2/", "example.com", "http://secure:1"],
    ["https://registry.example.com/v2/", "other, *", undefined],
    ["https://registry.example.com:5000/", "registry.example.com:5000", undefined],
    ["https://registry.example.com/", "registry.example.com:5000", "http://secure:1"],
    ["https://registry.example.com/", "registry.example.com:443", undefined],
    ["http://10.1.2.3/", "10.0.0.0/8", undefined],
    ["http://11.1.2.3/", "10.0.0.0/8, 10.0.0.0/99, x/y, /", "http://plain:1"],
    ["http://[fd00::1]/", "fd00::/8", undefined],
    ["http://[2001:db8::1]:80/", "[2001:db8::1]", undefined],
    ["http://localhost:5000/", "", undefined],
    ["http://127.0.0.1/", "", undefined],
    ["http://[::1]/", "", undefined],
  ])("%s with NO_PROXY %j: %s", (url, none, proxy) => {
    expect(proxyFor(new URL(url), { ...both, none })).toBe(proxy);
  });

  test("none where none is set", () => {
    expect(proxyFor(new URL("https://registry.example.com/"), {})).toBeUndefined();
  });
});
