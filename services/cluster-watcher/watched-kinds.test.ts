import { describe, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import { Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { watchedKinds } from "./watched-kinds.ts";

function kindsOf(manifests?: EnvironmentSettings["manifests"]) {
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { inCluster: true },
    git: { url: "https://git.example.com/config.git" },
    manifests,
  });
  return watchedKinds(environment);
}

function project(
  apiKind: string,
  object: Partial<KubeObject>,
  o: { group?: string; manifests?: EnvironmentSettings["manifests"] } = {},
) {
  const kind = kindsOf(o.manifests).find(
    (one) => one.apiKind === apiKind && (o.group ?? one.group) === one.group,
  );
  const metadata = { name: "web", namespace: "shop", ...object.metadata };
  return kind?.project({
    apiVersion: `${kind.group}/v1`.replace(/^\//, ""),
    kind: apiKind,
    ...object,
    metadata,
  });
}

const imagesOf = (workload: Workload | undefined) =>
  workload?.containers.map((one) => `${one.name}=${one.image}`);

describe("kinds that are watched", () => {
  test("are those of Kubernetes that bear pods, and both HelmReleases", () => {
    expect(kindsOf().map(({ group, kind }) => `${group}/${kind}`)).toEqual([
      "apps/deployment",
      "apps/statefulset",
      "apps/daemonset",
      "apps/replicaset",
      "batch/job",
      "batch/cronjob",
      "/replicationcontroller",
      "/pod",
      "helm.toolkit.fluxcd.io/helmrelease",
      "helm.fluxcd.io/helmrelease",
    ]);
  });
  test("are also those of the settings, each once", () => {
    const custom = { group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" };
    const added = kindsOf({ customKinds: [custom, custom] }).slice(10);
    expect(added.map(({ group, kind }) => `${group}/${kind}`)).toEqual(["argoproj.io/rollout"]);
  });
});

describe("containers", () => {
  test("of a HelmRelease are the images of its values, as in git", () => {
    const spec = {
      chart: {},
      values: {
        image: { repository: "shop/web", tag: "1.2" },
        cache: { image: "redis:7" },
        deep: { er: { image: "not:1" } },
        empty: null,
      },
    };
    const status = { lastAppliedRevision: "9", history: ["x".repeat(5_000)] };
    for (const group of ["helm.toolkit.fluxcd.io", "helm.fluxcd.io"])
      expect(imagesOf(project("HelmRelease", { spec, status }, { group }))).toEqual([
        "chart-image=shop/web:1.2",
        "cache=redis:7",
      ]);
  });
  test("of a HelmRelease are also where its annotations say", () => {
    const annotations = { "repository.fluxcd.io/app": "app.name", "tag.fluxcd.io/app": "app.version" };
    const spec = { values: { app: { name: "shop/app", version: "2.0" } } };
    const workload = project("HelmRelease", { metadata: { annotations }, spec });
    expect(imagesOf(workload)).toEqual(["app=shop/app:2.0"]);
  });
  test("of a release without images are none", () => {
    for (const spec of [{}, { values: null }, null])
      expect(imagesOf(project("HelmRelease", { spec }))).toEqual([]);
  });
  test("of a kind of the settings stand in its pod spec, or where its paths say", () => {
    const spec = { template: { spec: { containers: [{ name: "app", image: "app:1" }, { name: "bare" }] } } };
    const rollout = { group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" };
    const one = project("Rollout", { spec }, { manifests: { customKinds: [rollout] } });
    expect(imagesOf(one)).toEqual(["app=app:1", "bare="]);
    const images = [{ container: "engine", image: "spec.engine.image" }];
    const custom = { group: "db.example", kind: "Database", images };
    const two = project(
      "Database",
      { spec: { engine: { image: "db:9" } } },
      { manifests: { customKinds: [custom] } },
    );
    expect(imagesOf(two)).toEqual(["engine=db:9"]);
    expect(imagesOf(project("Rollout", {}, { manifests: { customKinds: [rollout] } }))).toEqual([]);
  });
});

describe("what is a part of another workload", () => {
  const by = (apiVersion: string, kind: string, controller = true) => ({
    metadata: { ownerReferences: [{ apiVersion, kind, name: "x", controller }] },
  });
  test.each([
    ["ReplicaSet", "apps/v1", "Deployment"],
    ["Job", "batch/v1", "CronJob"],
    ["Pod", "apps/v1", "ReplicaSet"],
    ["Pod", "v1", "ReplicationController"],
  ])("a %s of a %s %s is not told", (kind, apiVersion, owner) => {
    expect(project(kind, by(apiVersion, owner))).toBeUndefined();
  });
  test.each([
    ["Pod", by("v1", "Node")],
    ["Job", by("batch.volcano.sh/v1", "CronJob")],
    ["ReplicaSet", by("argoproj.io/v1alpha1", "Rollout")],
    ["ReplicaSet", by("apps/v1", "Deployment", false)],
    ["ReplicaSet", {}],
  ])("a %s of %j is told", (kind, object) => {
    expect(project(kind, object)).toMatchObject({ kind: kind.toLowerCase(), name: "web" });
  });
  test("is also what a kind of the settings controls", () => {
    const rollout = { group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" };
    const owned = by("argoproj.io/v1alpha1", "Rollout");
    expect(project("ReplicaSet", owned, { manifests: { customKinds: [rollout] } })).toBeUndefined();
  });
});

describe("what is kept of a workload", () => {
  const label = (index: number) => [
    `label-${index}.example.com/some-quite-long-name-${index}`,
    "v".repeat(63),
  ];
  const labels = Object.fromEntries(Array.from({ length: 20 }, (_, index) => label(index)));
  const annotations = {
    "applied.slipway.dev/environment": "production",
    "applied.slipway.dev/commit": "0".repeat(40),
    "applied.slipway.dev/job": "0193d5c1-0000-7000-8000-000000000000",
  };
  const big = (imageLength: number): Partial<KubeObject> => {
    const image = `registry.example.com/${"x".repeat(imageLength)}:1.2.3`;
    const containers = ["app", "proxy", "metrics"].map((name) => ({ name, image, env: [{ name: "A" }] }));
    const conditions = [
      { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "m".repeat(2_000) },
    ];
    return {
      metadata: {
        uid: "0f1e2d3c-0000-4000-8000-000000000000",
        generation: 1_000_000,
        creationTimestamp: "2016-11-18T16:00:00Z",
        labels,
        annotations,
        managedFields: [{ manager: "x".repeat(3_000) }],
      },
      spec: { replicas: 100_000, template: { spec: { containers } } },
      status: { observedGeneration: 1_000_000, replicas: 100_000, readyReplicas: 100_000, conditions },
    };
  };
  const bytesOf = (workload: Workload | undefined) =>
    Workload.encode(workload ?? Workload.fromPartial({})).finish().length;

  test("has at most 1 KiB, with twenty long labels, three containers and a long message", () => {
    for (const length of [10, 60, 120]) {
      const workload = project("Deployment", big(length));
      expect(workload?.containers).toHaveLength(3);
      expect(bytesOf(workload)).toBeLessThanOrEqual(1024);
    }
    expect(bytesOf(project("Deployment", big(10)))).toBeGreaterThan(700);
  });
  test("has all its labels where they fit", () => {
    const few = { app: "web", tier: "front" };
    expect(project("Deployment", { metadata: { labels: few } })?.labels).toEqual(few);
  });
});
