import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { selfSigned } from "./testing/certificates.ts";
import {
  aClient,
  aRegistry,
  aSecureServer,
  aServer,
  clientOf,
  createdAt,
  failureOf,
  host,
  password,
  shop,
  signal,
} from "./testing/harness.ts";
import type { OciClient } from "./types.ts";

// What may be wrong at the other side, and what each of it is called; nothing of it may hang, leak or lead astray.

const bot = { username: "bot", password };
const listOf = (client: OciClient) => client.listTags(shop, { signal: signal() });
const describeOf = (client: OciClient, reference = "1.0") =>
  client.describe(shop, reference, { signal: signal() });

/** A server whose first answer to everything is this. */
const answering = (status: number, headers: Record<string, string> = {}, body = ""): RequestListener => {
  return (_request, response) => void response.writeHead(status, headers).end(body);
};

const cases: readonly (readonly [string, () => Promise<Promise<unknown>[]>, string])[] = [
  [
    "a host that does not exist",
    async () => [aClient([]).listTags({ host: "registry.invalid", path: "a" }, { signal: signal() })],
    "REGISTRY_UNAVAILABLE",
  ],
  [
    "a certificate of an unknown authority",
    async () => [listOf(clientOf(await aSecureServer(await selfSigned("unknown"), answering(200))))],
    "REGISTRY_UNAVAILABLE",
  ],
  [
    "a credential that has run out",
    async () => {
      const registry = await aRegistry({ auth: { ...bot, kind: "token" } });
      registry.addImage(shop.path, "1.0", { createdAt });
      const client = clientOf(registry.url, bot);
      await listOf(client);
      registry.setPassword("another");
      return [listOf(client)];
    },
    "REGISTRY_AUTH_FAILED",
  ],
  [
    "a repository that is forbidden",
    async () => {
      const url = await aServer(answering(403, {}, '{"errors":[{"code":"DENIED"}]}'));
      return [listOf(clientOf(url, bot)), describeOf(clientOf(url))];
    },
    "REGISTRY_AUTH_FAILED",
  ],
  [
    "a tag that was deleted",
    async () => {
      const registry = await aRegistry();
      registry.addImage(shop.path, "1.0", { createdAt });
      registry.removeTag(shop.path, "1.0");
      return [describeOf(clientOf(registry.url))];
    },
    "REGISTRY_NOT_FOUND",
  ],
  [
    "a manifest that is not what its digest says",
    async () => {
      const body = '{"schemaVersion":2,"manifests":[]}';
      const url = await aServer(answering(200, {}, body));
      const header = { "docker-content-digest": `sha256:${"b".repeat(64)}` };
      const claiming = await aServer(answering(200, header, body));
      return [describeOf(clientOf(url), `sha256:${"a".repeat(64)}`), describeOf(clientOf(claiming))];
    },
    "REGISTRY_BAD_ANSWER",
  ],
  ...[
    "http://169.254.169.254/latest",
    "http://127.0.0.1:9/",
    "http://[::1]:9/",
    "http://localhost:9/",
  ].flatMap((address) => [leadingTo("a redirect", address), leadingTo("a realm", address)]),
  [
    "a redirect from https to http",
    async () => {
      const pair = await selfSigned("registry");
      const url = await aSecureServer(pair, answering(307, { location: "http://registry.example.com/" }));
      return [listOf(aClient([{ host, endpoint: url, ca: pair.cert }]))];
    },
    "REGISTRY_BAD_ANSWER",
  ],
  [
    "a realm over plain http for a registry over https",
    async () => {
      const pair = await selfSigned("registry");
      const challenge = { "www-authenticate": 'Bearer realm="http://auth.example.com/token"' };
      const url = await aSecureServer(pair, answering(401, challenge));
      return [listOf(aClient([{ host, endpoint: url, ca: pair.cert, ...bot }]))];
    },
    "REGISTRY_BAD_ANSWER",
  ],
  ...["file:///etc/passwd", "ftp://files.example.com/", "", "http://", "javascript:1"].map(
    (target) =>
      [
        `a redirect or realm ${JSON.stringify(target)}`,
        async () => {
          const challenge = { "www-authenticate": `Bearer realm="${target}"` };
          const [moved, asked] = [
            await aServer(answering(307, target === "" ? {} : { location: target })),
            await aServer(answering(401, challenge)),
          ];
          return [listOf(clientOf(moved)), listOf(clientOf(asked, bot))];
        },
        "REGISTRY_BAD_ANSWER",
      ] as const,
  ),
];

function leadingTo(what: "a redirect" | "a realm", address: string): (typeof cases)[number] {
  const arrange = async () => {
    const challenge = { "www-authenticate": `Bearer realm="${address}",service="x"` };
    const listener = what === "a realm" ? answering(401, challenge) : answering(307, { location: address });
    return [listOf(clientOf(await aServer(listener), bot))];
  };
  return [`${what} to ${address}`, arrange, "REGISTRY_ADDRESS_DENIED"];
}

test.each(cases)("%s", async (_what, arrange, code) => {
  for (const act of await arrange()) {
    const failure = await failureOf(act);
    expect(failure).toMatchObject({ code });
    expect(`${String((failure as Error).stack)} ${JSON.stringify(failure)}`).not.toContain(password);
  }
});

describe("sizes", () => {
  test("a manifest of 50 MB is refused, told beforehand or not, before it was sent", async () => {
    for (const length of [{}, { "content-length": String(50 * 1024 * 1024) }]) {
      let written = 0;
      const url = await aServer((_request, response) => {
        response.writeHead(200, length);
        const more = () => {
          written += 1;
          if (response.destroyed || written > 50) response.end();
          else response.write(Buffer.alloc(1024 * 1024, " "), more);
        };
        more();
      });
      await expect(describeOf(clientOf(url))).rejects.toMatchObject({
        code: "REGISTRY_BAD_ANSWER",
        detail: expect.stringContaining("more than 4194304 bytes"),
      });
      expect(written).toBeLessThan(30);
    }
  });

  test("100,000 tags are listed, on one page and over pages", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "build-0", { createdAt });
    for (let index = 1; index < 100_000; index += 1) registry.retag(shop.path, "build-0", `build-${index}`);
    const paged = await listOf(clientOf(registry.url));
    expect(paged).toMatchObject({ complete: true, requests: 100 });
    expect(paged.tags.length).toBe(100_000);
    registry.behave({ ignoresPageSize: true });
    const whole = await listOf(clientOf(registry.url));
    expect(whole).toMatchObject({ complete: true, requests: 1 });
    expect(whole.tags.length).toBe(100_000);
  }, 60_000);
});

describe("where credentials do not go", () => {
  test.each(["169.254.169.254", "127.0.0.1:9", "other.example.com", "[::1]:9"])(
    "a Link to %s is read at the registry itself",
    async (elsewhere) => {
      const seen: unknown[] = [];
      const url = await aServer((request, response) => {
        seen.push(request.url);
        const isFirst = seen.length === 1;
        const link = `<http://${elsewhere}/v2/secret/tags/list?last=1.0&n=1>; rel="next"`;
        response
          .writeHead(200, isFirst ? { link } : {})
          .end(JSON.stringify({ tags: [isFirst ? "1.0" : "2.0"] }));
      });
      expect(await listOf(clientOf(url))).toMatchObject({
        tags: ["1.0", "2.0"],
        complete: true,
        requests: 2,
      });
      expect(seen[1]).toBe("/v2/shop/front-end/tags/list?last=1.0&n=1");
    },
  );

  test("a host we were sent to gets no credential by naming a realm of its own", async () => {
    const seen: unknown[] = [];
    const other = await aServer((request, response) => {
      seen.push(request.headers.authorization);
      const challenge = `Bearer realm="http://${request.headers.host ?? ""}/token"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    const url = await aServer(answering(307, { location: `${other}/v2/` }));
    const client = aClient([
      { host, endpoint: url, ...bot },
      { host: "other.example.com", endpoint: other },
    ]);
    await expect(listOf(client)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
    expect(seen).toEqual([undefined]);
  });

  test("a realm that sends us on gets neither password nor identity token there", async () => {
    const seen: unknown[] = [];
    const other = await aServer((request, response) => {
      seen.push(request.method, request.headers.authorization);
      response.end('{"token":"stolen"}');
    });
    const url = await aServer((request, response) => {
      if (request.url?.startsWith("/token") === true) {
        response.writeHead(307, { location: other }).end();
      } else {
        const challenge = `Bearer realm="http://${request.headers.host ?? ""}/token"`;
        response.writeHead(401, { "www-authenticate": challenge }).end();
      }
    });
    const named = { host: "other.example.com", endpoint: other };
    const withPassword = aClient([{ host, endpoint: url, ...bot }, named]);
    await expect(listOf(withPassword)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
    expect(seen).toEqual(["GET", undefined]);
    const credential = { kind: "identity-token", token: "identity-canary" } as const;
    const credentials = { find: async () => ({ credential }), findAnother: async () => ({}) };
    const withToken = aClient([{ host, endpoint: url }, named], { credentials });
    await expect(listOf(withToken)).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
    expect(seen).toHaveLength(2);
  });

  test("a name and password in a redirect are not sent", async () => {
    const seen: unknown[] = [];
    const other = await aServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"tags":["1.0"]}');
    });
    const url = await aServer(answering(307, { location: other.replace("http://", "http://evil:word@") }));
    const client = aClient([
      { host, endpoint: url },
      { host: "other.example.com", endpoint: other },
    ]);
    expect((await listOf(client)).tags).toEqual(["1.0"]);
    expect(seen).toEqual([undefined]);
  });
});
