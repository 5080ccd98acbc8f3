import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  aClient,
  aRegistry,
  aServer,
  clientOf,
  createdAt,
  failureOf,
  host,
  shop,
  signal,
} from "./testing/harness.ts";

describe("reading images", () => {
  test("one image under three tags has one digest, its date, platform and labels", async () => {
    const registry = await aRegistry();
    const digest = registry.addImage(shop.path, "7f511af", { createdAt, labels: { team: "shop" } });
    registry.retag(shop.path, "7f511af", "latest");
    registry.addImage(shop.path, "snapshot", { createdAt, labels: { team: "shop" } });
    const client = clientOf(registry.url);
    for (const tag of ["7f511af", "latest", "snapshot", digest]) {
      expect(await client.describe(shop, tag, { signal: signal() })).toEqual({
        digest,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        createdAt,
        createdFrom: "config",
        platforms: ["linux/amd64"],
        runnable: true,
        labels: { team: "shop" },
        sizeBytes: expect.any(Number),
        kind: "image",
      });
    }
    expect(await client.headDigest(shop, "latest", { signal: signal() })).toBe(digest);
    expect(await client.headDigest(shop, "absent", { signal: signal() })).toBeUndefined();
  });

  test("an index names all its platforms and the digest of the index", async () => {
    const registry = await aRegistry();
    const platforms = ["linux/arm64/v8", "linux/amd64"];
    const digest = registry.addImage(shop.path, "1.0", { createdAt, platforms });
    const description = await clientOf(registry.url).describe(shop, "1.0", { signal: signal() });
    expect(description).toMatchObject({ digest, platforms, createdAt, kind: "image" });
    expect(description.mediaType).toBe("application/vnd.oci.image.index.v1+json");
  });

  test("a zero date counts as none, and the standard label stands in", async () => {
    const registry = await aRegistry();
    const zero = new Date("0001-01-01T00:00:00Z");
    const labels = { "org.opencontainers.image.created": "2020-01-02T03:04:05Z" };
    registry.addImage(shop.path, "labelled", { createdAt: zero, labels });
    registry.addImage(shop.path, "undated", { createdAt: zero });
    const client = clientOf(registry.url);
    const labelled = await client.describe(shop, "labelled", { signal: signal() });
    expect(labelled).toMatchObject({ createdAt: new Date("2020-01-02T03:04:05Z"), createdFrom: "label" });
    const undated = await client.describe(shop, "undated", { signal: signal() });
    expect(undated.createdAt).toBeUndefined();
  });

  test("an unknown tag or repository is not found", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url);
    const absent = client.describe(shop, "absent", { signal: signal() });
    await expect(absent).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
    const unknown = client.listTags({ host, path: "no/such" }, { signal: signal() });
    await expect(unknown).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND", facts: { status: 404 } });
  });

  test("content that is not what its digest says is a bad answer", async () => {
    const wanted = `sha256:${"a".repeat(64)}`;
    const url = await aServer(
      (_request, response) => void response.end('{"schemaVersion":2,"manifests":[]}'),
    );
    const failure = await failureOf(clientOf(url).describe(shop, wanted, { signal: signal() }));
    expect(failure).toMatchObject({ code: "REGISTRY_BAD_ANSWER", detail: expect.stringContaining(wanted) });
  });

  test("a config that is missing is a bad answer, not an unknown tag", async () => {
    const config = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:${"b".repeat(64)}`,
    };
    const manifest = JSON.stringify({ schemaVersion: 2, config, layers: [] });
    const url = await aServer((request, response) => {
      if (request.url?.includes("/manifests/") === true) response.end(manifest);
      else response.writeHead(404).end();
    });
    const failure = await failureOf(clientOf(url).describe(shop, "1.0", { signal: signal() }));
    expect(failure).toMatchObject({ code: "REGISTRY_BAD_ANSWER", cause: { code: "REGISTRY_NOT_FOUND" } });
  });

  test("HEAD without a digest header is answered from the body", async () => {
    const manifest = '{"schemaVersion":2,"manifests":[]}';
    const url = await aServer((_request, response) => void response.end(manifest));
    const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    expect(await clientOf(url).headDigest(shop, "1.0", { signal: signal() })).toBe(digest);
  });

  test.each(["Shop", "a//b", "../a", "a/%2e%2e/b", "a?b", ""])(
    "repository %j is refused unasked",
    async (path) => {
      const list = aClient([]).listTags({ host, path }, { signal: signal() });
      await expect(list).rejects.toMatchObject({ code: "IMAGE_REF_INVALID" });
    },
  );

  test.each(["user@evil.example", "a b", "evil.example/x", "x:99999", ""])(
    "host %j is refused unasked",
    async (bad) => {
      const list = aClient([]).listTags({ host: bad, path: "a" }, { signal: signal() });
      await expect(list).rejects.toMatchObject({ code: "IMAGE_REF_INVALID" });
    },
  );
});

describe("listing tags", () => {
  test("a list is read over its pages", async () => {
    const registry = await aRegistry();
    for (let i = 0; i < 1001; i += 1)
      registry.retag(shop.path, registry.addImage(shop.path, "a", { createdAt }), `t${i}`);
    const list = await clientOf(registry.url).listTags(shop, { signal: signal() });
    expect(list).toMatchObject({ complete: true, requests: 2 });
    expect(list.tags.length).toBe(1002);
    expect(list.etag).toBeUndefined();
  });

  test("an unchanged list is one request and no tags", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url);
    const { etag } = await client.listTags(shop, { signal: signal() });
    const again = await client.listTags(shop, { signal: signal(), etag });
    expect(again).toEqual({ tags: [], etag, notModified: true, complete: true, requests: 1 });
    registry.addImage(shop.path, "2.0", { createdAt });
    const changed = await client.listTags(shop, { signal: signal(), etag });
    expect(changed.tags).toEqual(["1.0", "2.0"]);
  });

  test("a list without end stops and says so", async () => {
    const registry = await aRegistry();
    registry.endlessPages(shop.path);
    const list = await clientOf(registry.url).listTags(shop, { signal: signal() });
    expect(list).toMatchObject({ complete: false, reason: "too-many-pages", requests: 500 });
    expect(list.tags.length).toBe(500);
  });

  test("a list that goes in circles stops and says so", async () => {
    const registry = await aRegistry();
    registry.endlessPages(shop.path, "repeated");
    const list = await clientOf(registry.url).listTags(shop, { signal: signal() });
    expect(list).toMatchObject({ tags: ["tag-1"], complete: false, reason: "repeated-page", requests: 2 });
  });

  test("a registry that refuses a page size is asked without, and from then on at once", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    registry.refusePageSize(true);
    const client = clientOf(registry.url);
    expect(await client.listTags(shop, { signal: signal() })).toMatchObject({ tags: ["1.0"], requests: 2 });
    expect(await client.listTags(shop, { signal: signal() })).toMatchObject({ tags: ["1.0"], requests: 1 });
  });

  test("null for no tags is an empty list, and what is no tag is left out", async () => {
    const answers = ['{"name":"x","tags":null}', '{"tags":["b","a b","-x","a","b"]}'];
    const url = await aServer((_request, response) => void response.end(answers.shift()));
    const client = clientOf(url);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual([]);
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["b", "a"]);
  });
});

describe("faults", () => {
  test("429 carries how long to wait", async () => {
    const registry = await aRegistry();
    registry.failNext(1, { status: 429, retryAfter: 7 });
    const list = clientOf(registry.url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({
      code: "REGISTRY_RATE_LIMITED",
      facts: { retryAfterMs: 7000 },
    });
  });

  test.each([500, 502, 503, 504])("%d is unavailable", async (status) => {
    const registry = await aRegistry();
    registry.failNext(1, { status });
    const list = clientOf(registry.url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE", facts: { status } });
  });

  test("half a JSON answer is a bad answer", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url);
    registry.truncateNext(2);
    const list = client.listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
    const described = client.describe(shop, "1.0", { signal: signal() });
    await expect(described).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
  });

  test("a registry that never answers is unavailable when the time is over", async () => {
    const registry = await aRegistry();
    registry.hang(shop.path);
    const list = clientOf(registry.url, { fetchTimeoutMs: 50 }).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      facts: { host: registry.host },
    });
  });

  test("a call its caller gives up ends with the caller's reason", async () => {
    const registry = await aRegistry();
    registry.hang(shop.path);
    const caller = new AbortController();
    const list = clientOf(registry.url).listTags(shop, { signal: caller.signal });
    const reason = new Error("not needed any more");
    caller.abort(reason);
    expect(await failureOf(list)).toBe(reason);
  });

  test("a registry that is down is unavailable, and answers again when it is up", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt });
    const client = clientOf(registry.url);
    await registry.stop();
    const list = client.listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await registry.start();
    expect((await client.listTags(shop, { signal: signal() })).tags).toEqual(["1.0"]);
  });

  test("a connection cut in the middle of an answer is unavailable", async () => {
    const url = await aServer((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"tags":', () => response.destroy());
    });
    const list = clientOf(url).listTags(shop, { signal: signal() });
    await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  test("an answer without end is refused at the limit", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "x");
    const url = await aServer((_request, response) => {
      const more = () => void (response.writableEnded || response.destroyed || response.write(chunk, more));
      more();
    });
    const described = clientOf(url).describe(shop, "1.0", { signal: signal() });
    await expect(described).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
  });

  test.each(["[]", "7", '"x"', "null", '{"tags":"x"}', "<html>", ""])(
    "junk %j is a bad answer",
    async (body) => {
      const url = await aServer((_request, response) => void response.end(body));
      const client = clientOf(url);
      const expected = { code: "REGISTRY_BAD_ANSWER" };
      if (body !== '{"tags":"x"}') {
        await expect(client.describe(shop, "1.0", { signal: signal() })).rejects.toMatchObject(expected);
      }
      await expect(client.listTags(shop, { signal: signal() })).rejects.toMatchObject(expected);
    },
  );
});
