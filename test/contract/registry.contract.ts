import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authorize, pushImage, pushTag, pushTags } from "#support/push-image.ts";
import { createOciClient } from "../../services/registry-scanner/oci/client.ts";
import type { OciClient } from "../../services/registry-scanner/oci/types.ts";

/** A registry as the contract sees it: sandbox or real. */
export interface RegistryUnderTest {
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** Origins of a token realm that is not the registry itself. */
  readonly realms?: readonly string[];
  stop(): Promise<void>;
}

export type ContractAuth = "none" | "basic" | "token";

const host = "registry.example.com";
const createdAt = new Date("2016-11-18T16:00:00Z");
const repository = { host, path: "shop/front-end" };

/** What we rely on in every registry, shown with our client and the upload protocol of everyone else. */
export function registryContract(
  name: string,
  start: (auth: ContractAuth) => Promise<RegistryUnderTest>,
): void {
  describe.each(["none", "basic", "token"] as const)(`${name}, authentication %s`, (auth) => {
    let registry: RegistryUnderTest;
    let client: OciClient;

    beforeAll(async () => {
      registry = await start(auth);
      client = clientFor(registry, registry.auth);
    });
    afterAll(async () => {
      await client?.close();
      await registry?.stop();
    });

    readingContract(() => ({ registry, client }));
    formsContract(() => ({ registry, client }));
    listContract(() => ({ registry, client }));
    pingContract(() => registry);
    // Once is enough: a thousand pushes take seconds.
    if (auth === "token") pagesContract(() => ({ registry, client }));
    wireContract(() => registry);
    if (auth !== "none") refusalContract(() => registry);
  });
}

type Subject = () => { readonly registry: RegistryUnderTest; readonly client: OciClient };

function readingContract(subject: Subject): void {
  test("a pushed image is described with its date, platform, labels and digest", async () => {
    const { registry, client } = subject();
    const labels = { "org.opencontainers.image.revision": "7f511af" };
    const digest = await pushImage(registry, "shop/front-end:1.0", { createdAt, labels });
    expect(await client.describe(repository, "1.0", { signal: limit() })).toEqual({
      digest,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      createdAt,
      createdFrom: "config",
      platforms: ["linux/amd64"],
      runnable: true,
      labels,
      sizeBytes: expect.any(Number),
      kind: "image",
    });
    expect(await client.describe(repository, digest, { signal: limit() })).toMatchObject({ digest });
  });

  test("an index is described with all its platforms", async () => {
    const { registry, client } = subject();
    const platforms = ["linux/amd64", "linux/arm64/v8"];
    const digest = await pushImage(registry, "shop/front-end:multi", { createdAt, platforms });
    const description = await client.describe(repository, "multi", { signal: limit() });
    expect(description).toMatchObject({ digest, platforms, createdAt });
    expect(description.mediaType).toBe("application/vnd.oci.image.index.v1+json");
  });

  test("the same content has the same digest under every tag and in every repository", async () => {
    const { registry, client } = subject();
    const spec = { createdAt, digestSeed: "same" };
    const digest = await pushImage(registry, "shop/front-end:same-a", spec);
    await pushTag(registry, "shop/front-end:same-a", "same-b");
    expect(await pushImage(registry, "shop/cart:same-c", spec)).toBe(digest);
    expect(await client.headDigest(repository, "same-b", { signal: limit() })).toBe(digest);
    expect(await client.headDigest({ host, path: "shop/cart" }, "same-c", { signal: limit() })).toBe(digest);
  });

  test("a tag that is pushed again names the new digest, and the old one can still be read", async () => {
    const { registry, client } = subject();
    const before = await pushImage(registry, "shop/front-end:moving", { createdAt, digestSeed: "before" });
    const after = await pushImage(registry, "shop/front-end:moving", { createdAt, digestSeed: "after" });
    expect(after).not.toBe(before);
    expect(await client.headDigest(repository, "moving", { signal: limit() })).toBe(after);
    expect(await client.describe(repository, before, { signal: limit() })).toMatchObject({ digest: before });
  });

  test("what is not there is not found", async () => {
    const { registry, client } = subject();
    await pushImage(registry, "shop/front-end:1.0", { createdAt });
    expect(await client.headDigest(repository, "absent", { signal: limit() })).toBeUndefined();
    for (const reference of ["absent", `sha256:${"0".repeat(64)}`]) {
      const described = client.describe(repository, reference, { signal: limit() });
      await expect(described).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
    }
    const listed = client.listTags({ host, path: "no/such" }, { signal: limit() });
    await expect(listed).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  });
}

function formsContract(subject: Subject): void {
  test("docker's own media types are kept and described as those of OCI are", async () => {
    const { registry, client } = subject();
    const platforms = ["linux/amd64", "linux/arm64"];
    const spec = { createdAt, format: "docker" } as const;
    const single = await pushImage(registry, "shop/docker:single", spec);
    const several = await pushImage(registry, "shop/docker:several", { ...spec, platforms });
    const named = { host, path: "shop/docker" };
    const described = (tag: string) => client.describe(named, tag, { signal: limit() });
    expect(await described("single")).toMatchObject({
      digest: single,
      createdAt,
      platforms: ["linux/amd64"],
    });
    expect(await described("several")).toMatchObject({ digest: several, createdAt, platforms });
    expect((await described("several")).mediaType).toMatch(/docker.*manifest.list/);
  });

  test("what is no image is told from one, and what no node can run from what one can", async () => {
    const { registry, client } = subject();
    const artifactType = "application/vnd.example.chart";
    await pushImage(registry, "shop/forms:chart", { artifactType });
    await pushImage(registry, "shop/forms:attested", { createdAt, attested: true });
    await pushImage(registry, "shop/forms:arm", { createdAt, platforms: ["linux/arm64"] });
    const named = { host, path: "shop/forms" };
    const described = (tag: string) => client.describe(named, tag, { signal: limit() });
    expect(await described("chart")).toMatchObject({ kind: "artifact", platforms: [] });
    expect(await described("attested")).toMatchObject({ platforms: ["linux/amd64"], runnable: true });
    expect(await described("arm")).toMatchObject({ kind: "image", runnable: false });
    const nodes = [{ os: "linux", architecture: "arm64" }];
    const onArm = await client.describe(named, "arm", { signal: limit(), platforms: nodes });
    expect(onArm).toMatchObject({ runnable: true });
  });

  test("an image without a usable date takes that of its annotation", async () => {
    const { registry, client } = subject();
    const zero = new Date("1970-01-01T00:00:00Z");
    const annotations = { "org.opencontainers.image.created": "2020-01-02T03:04:05Z" };
    await pushImage(registry, "shop/dates:annotated", { createdAt: zero, annotations });
    await pushImage(registry, "shop/dates:undated", { createdAt: zero });
    const named = { host, path: "shop/dates" };
    const annotated = await client.describe(named, "annotated", { signal: limit() });
    expect(annotated).toMatchObject({ createdAt: new Date("2020-01-02T03:04:05Z"), createdFrom: "label" });
    const undated = await client.describe(named, "undated", { signal: limit() });
    expect(undated.createdAt).toBeUndefined();
    expect(undated.createdFrom).toBeUndefined();
  });
}

function pingContract(subject: () => RegistryUnderTest): void {
  test("a ping is let in with the credential, and refused without the one that is asked for", async () => {
    const registry = subject();
    const client = clientFor(registry, registry.auth);
    await client.ping(host, { signal: limit() });
    await client.close();
    if (registry.auth === undefined) return;
    const stranger = clientFor(registry, { username: "scanner", password: "wrong" });
    await expect(stranger.ping(host, { signal: limit() })).rejects.toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
    });
    await stranger.close();
  });
}

function listContract(subject: Subject): void {
  test("all tags of a repository are listed", async () => {
    const { registry, client } = subject();
    const tags = ["0.2.0", "0.10.0", "latest", "sha-7f511af", "_x"];
    await pushImage(registry, "shop/orders:0.2.0", { createdAt });
    for (const tag of tags.slice(1)) await pushTag(registry, "shop/orders:0.2.0", tag);
    const list = await client.listTags({ host, path: "shop/orders" }, { signal: limit() });
    expect([...list.tags].sort()).toEqual([...tags].sort());
    expect(list.complete).toBe(true);
  });

  test("a list that comes with a validator is not sent again while it holds", async () => {
    const { registry, client } = subject();
    await pushImage(registry, "shop/user:1.0", { createdAt });
    const user = { host, path: "shop/user" };
    const { etag } = await client.listTags(user, { signal: limit() });
    if (etag === undefined) return; // a registry need not give one
    expect(await client.listTags(user, { signal: limit(), etag })).toMatchObject({ notModified: true });
    await pushImage(registry, "shop/user:2.0", { createdAt });
    const changed = await client.listTags(user, { signal: limit(), etag });
    expect([...changed.tags].sort()).toEqual(["1.0", "2.0"]);
  });
}

function pagesContract(subject: Subject): void {
  test("a list of more tags than one page is read to its end", async () => {
    const { registry, client } = subject();
    await pushImage(registry, "shop/pages:t0", { createdAt });
    const tags = Array.from({ length: 1_050 }, (_, index) => `t${index}`);
    await pushTags(registry, "shop/pages:t0", tags.slice(1));
    const named = { host, path: "shop/pages" };
    await client.listTags(named, { signal: limit() });
    const list = await client.listTags(named, { signal: limit() });
    expect([...list.tags].sort()).toEqual(tags.sort());
    expect(list.complete).toBe(true);
    // The real one, before version 3, knows no pages of tags.
    expect([1, 2]).toContain(list.requests);
  }, 60_000);
}

function wireContract(subject: () => RegistryUnderTest): void {
  test("a manifest that is known is not sent again", async () => {
    const registry = subject();
    const digest = await pushImage(registry, "shop/payment:1.0", { createdAt });
    const accept = "application/vnd.oci.image.manifest.v1+json";
    const path = "/v2/shop/payment/manifests/1.0";
    const headers = { accept, ...(await authorization(registry, "shop/payment")) };
    const first = await fetch(new URL(path, registry.url), { headers });
    expect(first.headers.get("docker-content-digest")).toBe(digest);
    const etag = first.headers.get("etag") ?? "";
    await first.arrayBuffer();
    const second = await fetch(new URL(path, registry.url), {
      headers: { ...headers, "if-none-match": etag },
    });
    expect(second.status).toBe(304);
  });

  test("content under a wrong digest and a manifest without its parts are refused", async () => {
    const registry = subject();
    const headers = await authorization(registry, "shop/broken");
    const post = { method: "POST", headers };
    const opened = await fetch(new URL("/v2/shop/broken/blobs/uploads/", registry.url), post);
    expect(opened.status).toBe(202);
    const location = new URL(opened.headers.get("location") ?? "", registry.url);
    location.searchParams.set("digest", `sha256:${"1".repeat(64)}`);
    const type = { "content-type": "application/octet-stream" };
    const blob = await fetch(location, { method: "PUT", headers: { ...headers, ...type }, body: "other" });
    expect(blob.status).toBe(400);
    const config = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:${"2".repeat(64)}`,
      size: 2,
    };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
    const put = { method: "PUT", headers: { ...headers, "content-type": mediaType }, body };
    expect((await fetch(new URL("/v2/shop/broken/manifests/1.0", registry.url), put)).status).toBe(400);
  });
}

function refusalContract(subject: () => RegistryUnderTest): void {
  test("without a credential, or with a wrong one, nothing is read", async () => {
    const registry = subject();
    await pushImage(registry, "shop/front-end:1.0", { createdAt });
    for (const credential of [undefined, { username: "scanner", password: "wrong" }]) {
      const client = clientFor(registry, credential);
      const listed = client.listTags(repository, { signal: limit() });
      await expect(listed).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
      await client.close();
    }
  });

  test("once the way is known, a list is one request", async () => {
    const registry = subject();
    await pushImage(registry, "shop/front-end:1.0", { createdAt });
    const client = clientFor(registry, registry.auth);
    await client.listTags(repository, { signal: limit() });
    expect(await client.listTags(repository, { signal: limit() })).toMatchObject({ requests: 1 });
    await client.close();
  });
}

function clientFor(registry: RegistryUnderTest, credential: RegistryUnderTest["auth"]): OciClient {
  const realms = (registry.realms ?? []).map((endpoint) => ({ host: new URL(endpoint).host, endpoint }));
  return createOciClient({ registries: [{ host, endpoint: registry.url, ...credential }, ...realms] });
}

async function authorization(registry: RegistryUnderTest, path: string): Promise<{ authorization?: string }> {
  if (registry.auth === undefined) return {};
  const refused = await fetch(new URL(`/v2/${path}/tags/list`, registry.url));
  return {
    authorization: await authorize(refused.headers.get("www-authenticate") ?? "", registry.auth, path),
  };
}

function limit(): AbortSignal {
  return AbortSignal.timeout(20_000);
}
