import { describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import type { ManifestFile } from "#common/domain/manifest.ts";
import { workloadId } from "#common/testing/repository.ts";

import { createFakeGitCache, type FakeFile } from "../git/git-cache.fake.ts";
import { blobOid } from "./blob-memory.ts";
import type { ParsedBlobs } from "./tip-files.ts";
import { createTipReaderOver } from "./tip-reader.ts";

const deployment = (name: string, image: string, namespace?: string): string =>
  [
    "apiVersion: apps/v1",
    "kind: Deployment",
    `metadata: { name: ${name}${namespace === undefined ? "" : `, namespace: ${namespace}`} }`,
    `spec: { template: { spec: { containers: [{ name: ${name}, image: "${image}" }] } } }`,
    "",
  ].join("\n");

/** What all workers share, in memory. */
function sharedBlobs(): ParsedBlobs {
  const blobs = new Map<string, ManifestFile>();
  const key = (oid: string, namespace: string): string => `${oid} ${namespace}`;
  return {
    async known(oids, namespace) {
      const found = oids.map((oid) => [oid, blobs.get(key(oid, namespace))] as const);
      return new Map(found.flatMap(([oid, file]) => (file === undefined ? [] : [[oid, file] as const])));
    },
    async save(fresh, namespace) {
      for (const [oid, file] of fresh) blobs.set(key(oid, namespace), file);
    },
  };
}

const environment = (o: { paths?: string[]; defaultNamespace?: string } = {}) =>
  environmentSettings.parse({
    name: o.defaultNamespace ?? "default",
    cluster: { inCluster: true },
    git: { url: "https://git.example.com/config.git", paths: o.paths ?? ["."] },
    ...(o.defaultNamespace === undefined ? {} : { defaultNamespace: o.defaultNamespace }),
  });

function aTip(files: Readonly<Record<string, FakeFile>>) {
  const git = createFakeGitCache();
  const blobs = sharedBlobs();
  const commit = git.commit(files);
  const reader = createTipReaderOver({ git, blobs });
  return { git, blobs, commit, reader };
}

const shop = {
  "deploy/cart.yaml": deployment("cart", "cart:1.0.0", "shop"),
  "deploy/front-end.yml": deployment("front-end", "front-end:1.0.0"),
  "README.md": "kind: Deployment",
};

describe("the view of a tip", () => {
  test("leaves out what stands in a namespace of which the settings say nothing good", async () => {
    const { commit, reader } = aTip(shop);
    const denied = { ...environment(), name: "denied", namespaces: { deny: ["shop"] } };
    const view = await reader.read(commit, denied);
    expect(view.declared().map(({ id }) => id.name)).toEqual(["front-end"]);
    // The index still holds it, so that a check can say why it is not released.
    expect(view.files.get("deploy/cart.yaml")?.manifest.workloads).toHaveLength(1);
  });

  test("declares what the manifests declare, each with its path and policies", async () => {
    const { commit, reader } = aTip(shop);
    const view = await reader.read(commit, environment({ defaultNamespace: "sock-shop" }));
    expect(view.commit).toBe(commit);
    expect(view.declared().map(({ id, path }) => [id.namespace, id.name, path])).toEqual([
      ["shop", "cart", "deploy/cart.yaml"],
      ["sock-shop", "front-end", "deploy/front-end.yml"],
    ]);
    expect(view.declared()[0]).toMatchObject({
      policies: { locked: false },
      containers: [{ name: "cart", image: "cart:1.0.0", editable: true }],
    });
  });
  test("holds only YAML and JSON files below the environment's paths", async () => {
    const link = { bytes: Buffer.from("cart.yaml"), mode: "120000" };
    const script = { bytes: Buffer.from(deployment("job", "job:1", "shop")), mode: "100755" };
    const { commit, reader } = aTip({
      ...shop,
      "deploy/link.yaml": link,
      "deploy/run.yaml": script,
      "deploy/user.JSON": "{}",
      "deployed/x.yaml": "a: 1",
      "other/y.yaml": "b: 2",
    });
    const view = await reader.read(commit, environment({ paths: ["deploy/"] }));
    expect([...view.files.keys()].sort()).toEqual([
      "deploy/cart.yaml",
      "deploy/front-end.yml",
      "deploy/run.yaml",
      "deploy/user.JSON",
    ]);
    expect(view.files.get("deploy/run.yaml")?.mode).toBe("100755");
  });
  test("finds every file that declares a workload", async () => {
    const twin = deployment("cart", "cart:2.0.0", "shop");
    const { commit, reader } = aTip({ ...shop, "old/cart.yaml": twin });
    const view = await reader.read(commit, environment());
    expect(view.filesOf(workloadId("shop/cart")).map((file) => file.path)).toEqual([
      "deploy/cart.yaml",
      "old/cart.yaml",
    ]);
    expect(view.filesOf(workloadId("shop:statefulset/cart"))).toEqual([]);
  });
  test("reads a file byte for byte, with its BOM and its line ends", async () => {
    const text = `\uFEFF${deployment("cart", "cart:1", "shop").replaceAll("\n", "\r\n")}`;
    const { commit, reader } = aTip({ "cart.yaml": text });
    const view = await reader.read(commit, environment());
    expect(await view.readText("cart.yaml")).toBe(text);
    await expect(view.readText("absent.yaml")).rejects.toMatchObject({ code: "GIT_CACHE_BROKEN" });
  });
});

describe("a file that cannot be read", () => {
  test.each([
    ["is not UTF-8", Buffer.from([0x6b, 0x3a, 0x20, 0xff]), "not UTF-8: not read"],
    ["is larger than 1 MiB", Buffer.alloc(1024 * 1024 + 1, "#"), "larger than 1 MiB: not read"],
  ])("because it %s is a fault and hides no other", async (_, bytes, message) => {
    const { commit, reader } = aTip({ ...shop, "deploy/bad.yaml": { bytes } });
    const view = await reader.read(commit, environment());
    expect(view.files.get("deploy/bad.yaml")?.manifest).toEqual({ workloads: [], faults: [{ message }] });
    expect(view.declared()).toHaveLength(2);
  });
  test("because it does not parse is a fault with its line", async () => {
    const { commit, reader } = aTip({ ...shop, "deploy/bad.yaml": "a: [1\nb: 2\n" });
    const view = await reader.read(commit, environment());
    expect(view.files.get("deploy/bad.yaml")?.manifest.faults[0]?.line).toBeGreaterThan(0);
    expect(view.declared()).toHaveLength(2);
  });
  test("because there are too many of them stops the environment and names the cure", async () => {
    const files = Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`${n}.yaml`, "a: 1"]));
    const { commit, reader } = aTip(files);
    await expect(reader.read(commit, environment())).rejects.toMatchObject({
      code: "MANIFEST_TOO_LARGE",
      hint: "narrow the environment's git.paths",
    });
  });
});

describe("a blob is parsed once", () => {
  test("by one reader, however many commits and files hold it", async () => {
    const { git, commit, reader } = aTip(shop);
    await reader.read(commit, environment());
    const next = git.commit({ ...shop, "copy.yaml": shop["deploy/cart.yaml"], "new.yaml": "a: 1" });
    await reader.read(next, environment());
    expect([...git.reads.values()]).toEqual([1, 1, 1]);
  });
  test("by all workers together", async () => {
    const { git, blobs, commit, reader } = aTip(shop);
    await reader.read(commit, environment());
    const other = await createTipReaderOver({ git, blobs }).read(commit, environment());
    expect([...git.reads.values()]).toEqual([1, 1]);
    expect(other.declared()).toHaveLength(2);
  });
  test("per default namespace, which is part of what it declares", async () => {
    const { commit, reader } = aTip(shop);
    const names = async (defaultNamespace: string) => {
      const view = await reader.read(commit, environment({ defaultNamespace }));
      return view.declared().map((fact) => fact.id.namespace);
    };
    expect(await names("a")).toEqual(["shop", "a"]);
    expect(await names("b")).toEqual(["shop", "b"]);
  });
});

describe("a view with files changed", () => {
  test("shows the next job of a batch what the one before wrote, and leaves the old view alone", async () => {
    const { commit, reader } = aTip(shop);
    const before = await reader.read(commit, environment());
    const text = deployment("cart", "cart:2.0.0", "shop");
    const after = before.withTexts(new Map([["deploy/cart.yaml", text]]));
    expect(after.declared()[0]?.containers[0]?.image).toBe("cart:2.0.0");
    expect(await after.readText("deploy/cart.yaml")).toBe(text);
    expect(after.files.get("deploy/cart.yaml")).toMatchObject({
      oid: blobOid(Buffer.from(text)),
      mode: "100644",
    });
    expect(before.declared()[0]?.containers[0]?.image).toBe("cart:1.0.0");
    expect(await before.readText("deploy/cart.yaml")).toBe(shop["deploy/cart.yaml"]);
  });
  test("keeps earlier changes, modes, and what was not changed", async () => {
    const { commit, reader } = aTip({
      ...shop,
      "run.yaml": { bytes: Buffer.from(deployment("run", "run:1", "shop")), mode: "100755" },
    });
    const view = (await reader.read(commit, environment()))
      .withTexts(new Map([["run.yaml", deployment("run", "run:2", "shop")]]))
      .withTexts(new Map([["deploy/cart.yaml", deployment("cart", "cart:2", "shop")]]));
    expect(view.files.get("run.yaml")?.mode).toBe("100755");
    expect(await view.readText("run.yaml")).toContain("run:2");
    expect(await view.readText("deploy/front-end.yml")).toBe(shop["deploy/front-end.yml"]);
  });
});
