import { createServer } from "node:http";
import type { Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import { buildImage } from "#sandbox/registry/image.ts";
import { parseChallenges } from "../../services/registry-scanner/oci/challenge.ts";
import { createOciClient } from "../../services/registry-scanner/oci/client.ts";
import { nextPageQuery, parseNextLink } from "../../services/registry-scanner/oci/link.ts";
import { parseConfig, parseManifest } from "../../services/registry-scanner/oci/manifest.ts";
import { createSites, isDigest, isTag, requireReference } from "../../services/registry-scanner/oci/sites.ts";

// What a registry may send, made up. The same run again: REGISTRY_SEED=<seed>.

const seed = Number(process.env["REGISTRY_SEED"] ?? Math.floor(Math.random() * 0x7fff_ffff));
process.stdout.write(`registries: REGISTRY_SEED=${seed}\n`);
const runs = (numRuns: number) => ({ seed, numRuns });

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const quotable = fc.string({ unit: "grapheme-ascii", maxLength: 30 });
const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
const base = new URL("https://registry.example.com/v2/");

describe("Link", () => {
  const target = fc.stringMatching(/^[/a-z0-9?&=%._~:,;"'-]{0,40}$/);
  const rel = fc.constantFrom("next", "prev", "first", "prev next", "NEXT", "nextish");
  const title = fc.record({ title: quotable }, { requiredKeys: [] });
  const link = fc.tuple(target, rel, title);

  test("the first link that says next is the one followed, whatever stands around it", () => {
    const property = fc.property(fc.array(link, { maxLength: 5 }), (links) => {
      const header = links
        .map(([to, of, more]) => {
          const extra = more.title === undefined ? "" : `; title=${quoted(more.title.replaceAll(";", ""))}`;
          return `<${to}>${extra}; rel="${of}"`;
        })
        .join(", ");
      const next = links.find(([, of]) => of.toLowerCase().split(" ").includes("next"));
      expect(parseNextLink(header)).toBe(next?.[0]);
    });
    fc.assert(property, runs(500));
  });

  test("no header leads to another host, path or repository", () => {
    const noise = fc.oneof(
      fc.string({ maxLength: 200 }),
      link.map(([to]) => `<http://169.254.169.254${to}>; rel=next`),
    );
    const property = fc.property(noise, (header) => {
      const query = nextPageQuery(header);
      if (query === undefined) return;
      const url = new URL(`shop/front-end/tags/list?${query}`, base);
      expect(url.origin + url.pathname).toBe(`${base.href}shop/front-end/tags/list`);
    });
    fc.assert(property, runs(1_000));
  });
});

describe("WWW-Authenticate", () => {
  const parameters = fc.dictionary(token, quotable, { minKeys: 1, maxKeys: 5, noNullPrototype: true });
  const challenge = fc.record({ scheme: token, parameters });
  const lower = (record: Readonly<Record<string, string>>) =>
    new Map(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]));

  test("what is written by the grammar is read as it was meant", () => {
    const property = fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
      const header = challenges
        .map((one) => {
          const pairs = Object.entries(one.parameters).map(([name, value]) => `${name}=${quoted(value)}`);
          return `${one.scheme} ${pairs.join(", ")}`;
        })
        .join(", ");
      const wanted = challenges.map((one) => ({
        scheme: one.scheme.toLowerCase(),
        parameters: lower(one.parameters),
      }));
      expect(parseChallenges(header)).toEqual(wanted);
    });
    fc.assert(property, runs(500));
  });

  test("any other header is read without failing", () => {
    const header = fc.oneof(fc.string({ maxLength: 300 }), fc.array(fc.string({ maxLength: 100 })));
    fc.assert(
      fc.property(header, (text) => void parseChallenges(text)),
      runs(1_000),
    );
  });
});

describe("names", () => {
  test("a tag or digest that is let through stands in a URL as it is", () => {
    const name = fc.oneof(fc.string({ maxLength: 140 }), token, fc.constant(`sha256:${"a".repeat(64)}`));
    const property = fc.property(name, (text) => {
      if (!isTag(text) && !isDigest(text)) {
        expect(() => requireReference(text)).toThrow(SlipwayError);
        return;
      }
      const url = new URL(`a/manifests/${requireReference(text)}`, base);
      expect(url.href).toBe(`${base.href}a/manifests/${text}`);
    });
    fc.assert(property, runs(1_000));
  });

  test("a repository that is let through is asked at its host, under its path", () => {
    const sites = createSites([]);
    const part = fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^[a-z0-9.:/_@-]{1,30}$/));
    const property = fc.property(part, part, (host, path) => {
      let site;
      try {
        site = sites.ofRepository({ host, path });
      } catch (error) {
        expect(error).toMatchObject({ code: "IMAGE_REF_INVALID" });
        return;
      }
      const url = new URL(`${path}/tags/list`, site.baseUrl);
      expect(url.pathname).toBe(`/v2/${path}/tags/list`);
      expect(url.username + url.password + url.search + url.hash).toBe("");
      expect(url.protocol).toBe("https:");
    });
    fc.assert(property, runs(2_000));
  });
});

describe("manifests", () => {
  const documents = [
    buildImage({ createdAt: new Date("2020-01-01T00:00:00Z"), annotations: { a: "b" } }),
    buildImage({ platforms: ["linux/amd64", "linux/arm/v7"], attested: true, format: "docker" }),
    buildImage({ artifactType: "application/vnd.example" }),
  ].flatMap(({ manifests, blobs }) => [...manifests, ...blobs.slice(1)].map(({ bytes }) => bytes.toString()));

  test("a document with any of its parts replaced is read, or refused with an Error", () => {
    const mutated = fc.tuple(fc.constantFrom(...documents), fc.nat(), fc.jsonValue());
    const property = fc.property(mutated, ([text, place, value]) => {
      const body = Buffer.from(JSON.stringify(replaced(JSON.parse(text), place, value)));
      for (const read of [() => parseManifest(body, undefined), () => parseConfig(body)]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    });
    fc.assert(property, runs(2_000));
  });
});

describe("a server that answers anything", () => {
  type Answer = readonly [status: number, headers: Readonly<Record<string, string>>, body: string];
  let server: Server;
  let answers: readonly Answer[] = [];
  let asked = 0;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      const [status, headers, body] = answers[asked % answers.length] ?? [500, {}, ""];
      asked += 1;
      response.writeHead(status, headers).end(body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  const tag = fc.oneof(fc.constantFrom("1.0", "1.1", "latest"), fc.string({ maxLength: 10 }));
  const body = fc.oneof(
    fc.array(tag, { maxLength: 5 }).map((tags) => JSON.stringify({ tags })),
    fc.json(),
    fc.string({ maxLength: 50 }),
    fc.constant(buildImage({}).manifests[0]?.bytes.toString() ?? ""),
  );
  const value = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,60}[\x21-\x7e])?$/);
  const headers = fc.record(
    {
      link: fc.oneof(
        value,
        fc.nat(3).map((page) => `<?n=${page}>; rel="next"`),
      ),
      "www-authenticate": fc.oneof(
        value,
        fc.constantFrom("Basic realm=x", 'Bearer realm="http://127.0.0.1:9/"'),
      ),
      location: fc.oneof(value, fc.constantFrom("/again", "http://169.254.169.254/", "http://127.0.0.1:9/")),
      etag: value,
      "retry-after": fc.oneof(value, fc.nat().map(String)),
      "docker-content-digest": fc.oneof(value, fc.constant(`sha256:${"a".repeat(64)}`)),
      "content-type": value,
    },
    { requiredKeys: [] },
  );
  const status = fc.constantFrom(
    200,
    200,
    200,
    204,
    206,
    304,
    307,
    400,
    401,
    403,
    404,
    405,
    418,
    429,
    500,
    503,
  );
  const answer = fc.tuple(status, headers, body);

  test("gets an error of the catalogue or a sound result, in a bounded number of requests", async () => {
    const { port } = server.address() as AddressInfo;
    const host = "registry.example.com";
    const registries = [
      { host, endpoint: `http://127.0.0.1:${port}`, username: "bot", password: "canary-word" },
    ];
    const client = createOciClient({ registries, fetchTimeoutMs: 10_000 });
    const shop = { host, path: "shop/front-end" };
    const call = () => ({ signal: new AbortController().signal });
    const property = fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 4 }), async (given) => {
      answers = given;
      for (const act of [
        async () => sound(await client.listTags(shop, call())),
        () => client.describe(shop, "1.0", call()),
        () => client.headDigest(shop, "1.0", call()),
      ]) {
        asked = 0;
        await act().catch(ofTheCatalogue);
        expect(asked).toBeLessThanOrEqual(60);
      }
    });
    await fc.assert(property, runs(300));
    await client.close();
  });

  function sound({
    tags,
    complete,
    reason,
  }: {
    tags: readonly string[];
    complete: boolean;
    reason?: string;
  }) {
    expect(tags.every(isTag)).toBe(true);
    expect(new Set(tags).size).toBe(tags.length);
    expect(complete).toBe(reason === undefined);
  }

  function ofTheCatalogue(error: unknown): void {
    if (!(error instanceof SlipwayError)) throw error;
    expect(error.code).toMatch(/^REGISTRY_/);
    expect(`${error.message} ${error.detail ?? ""} ${JSON.stringify(error)}`).not.toContain("canary-word");
  }
});

/** The document with one of its parts, counted in order, replaced. */
function replaced(document: unknown, place: number, value: unknown): unknown {
  const parts: { holder: Record<string, unknown>; key: string }[] = [];
  const walk = (at: unknown): void => {
    if (typeof at !== "object" || at === null) return;
    for (const key of Object.keys(at)) {
      parts.push({ holder: at as Record<string, unknown>, key });
      walk((at as Record<string, unknown>)[key]);
    }
  };
  walk(document);
  const part = parts[place % Math.max(parts.length, 1)];
  if (part !== undefined) part.holder[part.key] = value;
  return document;
}
