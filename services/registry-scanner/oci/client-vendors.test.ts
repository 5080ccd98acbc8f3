import { describe, expect, test } from "vitest";
import type { Platform } from "#common/domain/platform.ts";
import { vendors } from "#sandbox/registry/quirks.ts";
import type { Quirks } from "#sandbox/registry/quirks.ts";
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

// What registries do besides the protocol, each with the requests it costs.

const auth = { username: "bot", password };
const count = 250;

async function aVendor(quirks: Quirks, kind?: "basic" | "token") {
  const registry = await aRegistry(kind === undefined ? {} : { auth: { ...auth, kind } });
  const digest = registry.addImage(shop.path, "build-0", { createdAt });
  for (let index = 1; index < count; index += 1) registry.retag(shop.path, digest, `build-${index}`);
  registry.behave(quirks);
  return { registry, digest, client: clientOf(registry.url, kind === undefined ? {} : auth) };
}

describe.each(Object.entries<Quirks>(vendors))("%s", (_name, quirks) => {
  const { pageCap = count, withoutEtag, head } = quirks;

  test("every tag is listed, each once, in as many requests as there are pages", async () => {
    const { client } = await aVendor(quirks);
    const list = await client.listTags(shop, { signal: signal() });
    expect(list).toMatchObject({ complete: true, requests: Math.ceil(count / pageCap) });
    const wanted = Array.from({ length: count }, (_, index) => `build-${index}`);
    expect(list.tags.toSorted()).toEqual(wanted.toSorted());
    const hasValidator = withoutEtag !== true && pageCap >= count;
    expect(list.etag !== undefined).toBe(hasValidator);
  });

  test("an image is described, and its digest told, in two requests and one", async () => {
    const { client, registry, digest } = await aVendor(quirks);
    expect(await client.describe(shop, "build-7", { signal: signal() })).toMatchObject({ digest, createdAt });
    expect(registry.requests()).toMatchObject({ manifestGet: 1, blob: 1, total: 2 });
    registry.resetRequests();
    expect(await client.headDigest(shop, "build-7", { signal: signal() })).toBe(digest);
    expect(registry.requests().total).toBe(head === undefined ? 1 : 2);
  });
});

test("blobs that lie elsewhere are read there, without our credential, and their digest is proved", async () => {
  const { registry, client, digest } = await aVendor({}, "basic");
  const seen: unknown[] = [];
  let spoilt = false;
  const blobs = await aServer((request, response) => {
    seen.push(request.headers.authorization);
    const bytes = registry.blob((request.url ?? "").slice(1));
    response.end(spoilt ? Buffer.from("{}") : bytes);
  });
  registry.behave({ blobsAt: blobs });
  const two = aClient([
    { host, endpoint: registry.url, ...auth },
    { host: "blobs.example.com", endpoint: blobs },
  ]);
  expect(await two.describe(shop, "build-0", { signal: signal() })).toMatchObject({ digest, createdAt });
  expect(seen).toEqual([undefined]);
  spoilt = true;
  const spoiled = two.describe(shop, "build-0", { signal: signal() });
  await expect(spoiled).rejects.toMatchObject({ code: "REGISTRY_BAD_ANSWER" });
  // On this machine only what an endpoint names is asked.
  const stranger = client.describe(shop, "build-0", { signal: signal() });
  await expect(stranger).rejects.toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
  expect(seen).toHaveLength(2);
});

test.each([
  ["basic", 2],
  ["token", 3],
] as const)("challenges without end (%s) are answered once", async (kind, requests) => {
  const { registry, client } = await aVendor({ challengesForever: true }, kind);
  const list = client.listTags(shop, { signal: signal() });
  await expect(list).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  expect(registry.requests().total).toBe(requests);
});

test("a storm of 429 is told with its wait, one request each, and is over when it is over", async () => {
  const { registry, client } = await aVendor({ storm: { every: 4, retryAfterS: 30 } });
  for (let times = 0; times < 3; times += 1) {
    expect(await failureOf(client.listTags(shop, { signal: signal() }))).toMatchObject({
      code: "REGISTRY_RATE_LIMITED",
      facts: { retryAfterMs: 30_000 },
    });
  }
  expect((await client.listTags(shop, { signal: signal() })).tags).toHaveLength(count);
  expect(registry.requests().total).toBe(4);
});

test("an answer that drips past its time is unavailable, one that is only slow is read", async () => {
  const { registry } = await aVendor({ drip: { bytes: 400, everyMs: 5 } });
  const slow = clientOf(registry.url, { fetchTimeoutMs: 20_000 });
  expect((await slow.listTags(shop, { signal: signal() })).tags).toHaveLength(count);
  registry.behave({ drip: { bytes: 1, everyMs: 50 } });
  const hasty = clientOf(registry.url, { fetchTimeoutMs: 200 });
  const list = hasty.listTags(shop, { signal: signal() });
  await expect(list).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
});

test.each(["text/html", "application/octet-stream", "", "application/vnd.oci.image.index.v1+json"])(
  "content type %j deceives nobody: the body tells what it is",
  async (contentType) => {
    const { client, digest } = await aVendor({ contentType });
    expect((await client.listTags(shop, { signal: signal() })).tags).toHaveLength(count);
    const described = await client.describe(shop, "build-0", { signal: signal() });
    expect(described).toMatchObject({ digest, kind: "image", createdAt });
  },
);

describe("forms of images", () => {
  test("docker's own media types are read as those of OCI are", async () => {
    const registry = await aRegistry();
    const platforms = ["linux/amd64", "linux/arm64"];
    const single = registry.addImage(shop.path, "single", { createdAt, format: "docker" });
    const several = registry.addImage(shop.path, "several", { createdAt, format: "docker", platforms });
    const client = clientOf(registry.url);
    const described = async (tag: string) => client.describe(shop, tag, { signal: signal() });
    expect(await described("single")).toMatchObject({ digest: single, createdAt, kind: "image" });
    expect(await described("several")).toMatchObject({ digest: several, createdAt, platforms });
  });

  test("what is no image is told from one without its blobs being asked for", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "chart", { artifactType: "application/vnd.example.chart" });
    const described = await clientOf(registry.url).describe(shop, "chart", { signal: signal() });
    expect(described).toMatchObject({ kind: "artifact", platforms: [] });
    expect(described.runnable).toBeUndefined();
    expect(registry.requests()).toMatchObject({ manifestGet: 1, blob: 0, total: 1 });
  });

  test("attestations beside an image are no platforms", async () => {
    const registry = await aRegistry();
    registry.addImage(shop.path, "1.0", { createdAt, attested: true });
    const described = await clientOf(registry.url).describe(shop, "1.0", { signal: signal() });
    expect(described).toMatchObject({ kind: "image", platforms: ["linux/amd64"], runnable: true });
  });

  test("of an index what the first of the nodes' platforms runs is described, and what none runs is told", async () => {
    const registry = await aRegistry();
    const platforms = ["linux/amd64", "linux/arm/v7", "linux/arm64"];
    registry.addImage(shop.path, "1.0", { createdAt, platforms });
    registry.addImage(shop.path, "windows", { createdAt, platforms: ["windows/amd64"] });
    const client = clientOf(registry.url);
    const nodes = [
      { os: "linux", architecture: "s390x" },
      { os: "linux", architecture: "arm64" },
    ];
    const described = async (tag: string, wanted = nodes) =>
      client.describe(shop, tag, { signal: signal(), platforms: wanted });
    expect(await described("1.0")).toMatchObject({ platforms, runnable: true });
    expect(await described("1.0", nodes.slice(0, 1))).toMatchObject({ platforms, runnable: false });
    expect(await described("windows")).toMatchObject({ platforms: ["windows/amd64"], runnable: false });
    let known: readonly Platform[] | undefined;
    const following = aClient([{ host, endpoint: registry.url }], { platforms: () => known });
    const windows = () => following.describe(shop, "windows", { signal: signal() });
    expect(await windows()).toMatchObject({ runnable: false });
    known = [{ os: "windows", architecture: "amd64" }];
    expect(await windows()).toMatchObject({ runnable: true });
  });

  test("standard annotations stand in for labels, and only those", async () => {
    const registry = await aRegistry();
    const annotations = {
      "org.opencontainers.image.created": "2020-01-02T03:04:05Z",
      "org.opencontainers.image.revision": "7f511af",
      "org.opencontainers.image.version": "2.0",
      "com.example.else": "x",
    };
    const labels = { "org.opencontainers.image.version": "1.0", team: "shop" };
    registry.addImage(shop.path, "1.0", { annotations, labels });
    expect(await clientOf(registry.url).describe(shop, "1.0", { signal: signal() })).toMatchObject({
      createdAt: new Date("2020-01-02T03:04:05Z"),
      createdFrom: "label",
      labels: {
        "org.opencontainers.image.created": "2020-01-02T03:04:05Z",
        "org.opencontainers.image.revision": "7f511af",
        "org.opencontainers.image.version": "1.0",
        team: "shop",
      },
    });
  });
});

describe("ping", () => {
  test.each(["basic", "token"] as const)("it proves the credential (%s)", async (kind) => {
    const { registry, client } = await aVendor({}, kind);
    await client.ping(host, { signal: signal() });
    expect(registry.requests()).toMatchObject({ ping: 2, token: kind === "token" ? 1 : 0 });
    const wrong = clientOf(registry.url, { ...auth, password: "wrong" });
    await expect(wrong.ping(host, { signal: signal() })).rejects.toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
    });
  });

  test("it tells what is no registry", async () => {
    const url = await aServer((_request, response) => void response.writeHead(404).end());
    const ping = clientOf(url).ping(host, { signal: signal() });
    await expect(ping).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  });
});
