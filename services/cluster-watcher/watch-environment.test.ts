import { afterEach, describe, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";

import { createFakeKubeApi, type FakeKubeApi } from "./kube-api.fake.ts";
import { watchEnvironment, type EnvironmentWatch } from "./watch-environment.ts";
import type { ViewScope } from "./watch-view.ts";

// Which kinds and namespaces are watched, and what is said of those that cannot be.

const deployments = "/apis/apps/v1/deployments";
const releases = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases";
const wait = { everyMs: 5, timeoutMs: 15_000 };
const opened: EnvironmentWatch[] = [];

afterEach(async () => {
  for (const watch of opened.splice(0)) await watch.stop?.();
});

function aCluster(): FakeKubeApi {
  const cluster = createFakeKubeApi();
  cluster.define("apps/v1", "Deployment", "deployments");
  cluster.define("v1", "Pod", "pods");
  return cluster;
}

async function watching(
  cluster: FakeKubeApi,
  more: Partial<EnvironmentSettings> = {},
  refusedGraceMs = 0,
): Promise<EnvironmentWatch> {
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { inCluster: true },
    git: { url: "https://git.example.com/config.git" },
    ...more,
  });
  // Time passes as it does, but nobody sleeps for long.
  const clock = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(2, signal) };
  const connect = async () => cluster.api;
  const options = { environment, connect, clock, log: silentLog, discoverEveryMs: 10, refusedGraceMs };
  const watch = watchEnvironment(options);
  opened.push(watch);
  await watch.start?.();
  return watch;
}

const until = (what: string, holds: () => boolean) => pollUntil(holds, { ...wait, what });
const untilWhole = (watch: EnvironmentWatch) =>
  until("a whole view", () => watch.view().complete && watch.view().problem === "" && isFresh(watch.view()));
const untilView = async (watch: EnvironmentWatch, scope: ViewScope, holds: (view: View) => boolean) => {
  await until("the view", () => holds(watch.view(scope)));
  return watch.view(scope);
};
const isFresh = ({ ageMs }: View) => ageMs < 10_000n;
const idsOf = (watch: EnvironmentWatch) =>
  watch.all().map((one) => `${one.namespace}:${one.kind}/${one.name}`);

function object(name: string, namespace = "shop", more: object = {}): KubeObject {
  return { metadata: { name, namespace, uid: `uid-${name}`, generation: 1 }, spec: {}, ...more };
}

describe("kinds", () => {
  test("whose definition is added are watched, and forgotten when it is removed", async () => {
    const cluster = aCluster();
    const watch = await watching(cluster);
    await untilWhole(watch);
    expect(cluster.watched()).toEqual(["/api/v1/pods", deployments]);
    cluster.put(releases, object("web"));
    cluster.define("helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases");
    await until("the release", () => idsOf(watch).includes("shop:helmrelease/web"));
    const told: string[] = [];
    watch.subscribe((change) => told.push(`${change.kind} ${change.workload.name}`));
    cluster.undefine("helm.toolkit.fluxcd.io/v2", "HelmRelease");
    await until("the deletion", () => told.includes("deleted web"));
    await untilWhole(watch);
    expect(idsOf(watch)).toEqual([]);
  });

  test("of the settings are watched as those of Kubernetes", async () => {
    const cluster = aCluster();
    cluster.define("argoproj.io/v1alpha1", "Rollout", "rollouts");
    const rollouts = "/apis/argoproj.io/v1alpha1/rollouts";
    const spec = { template: { spec: { containers: [{ name: "web", image: "web:1" }] } } };
    cluster.put(rollouts, object("web", "shop", { spec }));
    const customKinds = [{ group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" }];
    const watch = await watching(cluster, { manifests: { customKinds } });
    await untilWhole(watch);
    const containers = [{ name: "web", image: "web:1", init: false }];
    expect(watch.get("shop:rollout/web")).toMatchObject({ kind: "rollout", containers });
  });

  test("of a group whose server does not answer stay watched", async () => {
    const cluster = aCluster();
    cluster.define("helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases");
    const watch = await watching(cluster);
    await untilWhole(watch);
    cluster.setUnread("helm.toolkit.fluxcd.io");
    cluster.undefine("helm.toolkit.fluxcd.io/v2", "HelmRelease");
    cluster.refuse(releases, 503);
    const seen = cluster.discoveries();
    await until("two more discoveries", () => cluster.discoveries() >= seen + 2);
    expect((await untilView(watch, {}, (view) => view.problem !== "")).problem).toContain("helmreleases");
  });

  test("that are controlled by a known one are a part of it; pods alone are told", async () => {
    const cluster = aCluster();
    const owned = (kind: string) => [{ apiVersion: "apps/v1", kind, name: "web-1", controller: true }];
    const pod = (name: string, ownerReferences?: unknown) => ({
      metadata: {
        name,
        namespace: "shop",
        uid: name,
        ...(ownerReferences !== undefined && { ownerReferences }),
      },
      spec: { containers: [{ name: "app", image: "app:1" }] },
    });
    cluster.put("/api/v1/pods", pod("lone"));
    cluster.put("/api/v1/pods", pod("of-set", owned("ReplicaSet")));
    cluster.put("/api/v1/pods", pod("of-node", [{ apiVersion: "v1", kind: "Node", controller: true }]));
    const watch = await watching(cluster);
    await untilWhole(watch);
    expect(idsOf(watch)).toEqual(["shop:pod/lone", "shop:pod/of-node"]);
    cluster.put("/api/v1/pods", pod("lone", owned("ReplicaSet")));
    await until("the adopted pod is none of them", () => !idsOf(watch).includes("shop:pod/lone"));
  });
});

describe("namespaces", () => {
  test("called by name are watched one by one", async () => {
    const cluster = aCluster();
    cluster.put("/apis/apps/v1/namespaces/shop/deployments", object("web"));
    const watch = await watching(cluster, { namespaces: { allow: ["shop", "web"] } });
    await untilWhole(watch);
    expect(cluster.watched()).toEqual([
      "/api/v1/namespaces/shop/pods",
      "/api/v1/namespaces/web/pods",
      "/apis/apps/v1/namespaces/shop/deployments",
      "/apis/apps/v1/namespaces/web/deployments",
    ]);
    expect(idsOf(watch)).toEqual(["shop:deployment/web"]);
  });

  test("that a pattern leaves out are not told, and an answer about one is not whole", async () => {
    const cluster = aCluster();
    for (const namespace of ["team-a", "team-secret", "other"])
      cluster.put(deployments, object(`web-${namespace}`, namespace));
    const watch = await watching(cluster, { namespaces: { allow: ["team-*"], deny: ["*-secret"] } });
    await untilWhole(watch);
    expect(cluster.watched()).toEqual(["/api/v1/pods", deployments]);
    expect(idsOf(watch)).toEqual(["team-a:deployment/web-team-a"]);
    expect(watch.view({ namespace: "other" })).toMatchObject({
      complete: false,
      problem: 'namespace "other" is outside of what environment "default" may see',
    });
    expect([watch.sees("team-a"), watch.sees("team-secret")]).toEqual([true, false]);
  });
});

describe("a kind that is forbidden", () => {
  test("makes the view incomplete and says so, while the others stay fresh", async () => {
    const cluster = aCluster();
    cluster.refuse("/api/v1/namespaces/away/pods", 403);
    cluster.refuse("/apis/apps/v1/namespaces/away/deployments", 403);
    cluster.put("/apis/apps/v1/namespaces/shop/deployments", object("web"));
    const watch = await watching(cluster, { namespaces: { allow: ["shop", "away"] } });
    const view = await untilView(watch, {}, (one) => isFresh(one) && one.problem.includes("pods"));
    expect(view.complete).toBe(false);
    expect(view.problem).toContain(
      'deployments in namespace "away" cannot be watched: the right to list and watch them is missing (403: ',
    );
    expect(watch.view({ namespace: "shop" })).toMatchObject({ complete: true, problem: "" });
    expect(idsOf(watch)).toEqual(["shop:deployment/web"]);
    cluster.refuse("/api/v1/namespaces/away/pods", undefined);
    cluster.refuse("/apis/apps/v1/namespaces/away/deployments", undefined);
    await untilWhole(watch);
  });

  test("after it was seen is not told any more, as nothing fresh is known of it", async () => {
    const cluster = aCluster();
    cluster.put(deployments, object("web"));
    const watch = await watching(cluster);
    await untilWhole(watch);
    const told: string[] = [];
    watch.subscribe((change) => told.push(`${change.kind} ${change.workload.name}`));
    cluster.refuse(deployments, 403);
    await until("the deletion", () => told.includes("deleted web"));
    const view = await untilView(watch, {}, isFresh);
    expect(view).toMatchObject({
      complete: false,
      problem: expect.stringContaining("deployments cannot be"),
    });
    expect(watch.view({ kind: "pod" })).toMatchObject({ complete: true, problem: "" });
    cluster.refuse(deployments, undefined);
    await untilWhole(watch);
    expect(idsOf(watch)).toEqual(["shop:deployment/web"]);
  });

  test("for a moment stays told, growing old: the API server knows no rights yet while it starts", async () => {
    const cluster = aCluster();
    cluster.put(deployments, object("web"));
    const watch = await watching(cluster, {}, 600_000);
    await untilWhole(watch);
    cluster.refuse(deployments, 403);
    const view = await untilView(watch, {}, (one) => one.problem !== "" && one.ageMs > 100n);
    expect(view.complete).toBe(true);
    expect(idsOf(watch)).toEqual(["shop:deployment/web"]);
  });
});
