import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import type { KubeObject } from "#common/kit/kube.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { kubeconfigText } from "#support/kube-box.ts";

import { watchEnvironment, type EnvironmentWatch } from "../../services/cluster-watcher/watch-environment.ts";
import { aCronJob, aDaemonSet, aDeployment, aJob, aStatefulSet, live } from "./cluster-lab.ts";
import type { ClusterLab } from "./cluster-lab.ts";

/** What the watcher tells of a cluster: every kind, its namespaces, and what it may not see. */
export function statesWatchedKinds(lab: () => ClusterLab): void {
  const opened: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
  });
  const watching = async (o: {
    namespaces: EnvironmentSettings["namespaces"];
    kubeconfig?: string;
  }): Promise<EnvironmentWatch> => {
    const environment = environmentSettings.parse({
      name: "default",
      cluster: { kubeconfig: o.kubeconfig ?? lab().cluster.kubeconfig },
      git: { url: "https://git.example.com/config.git" },
      namespaces: o.namespaces,
    });
    const connect = () => createKubeApi(environment.cluster);
    const watch = watchEnvironment({
      environment,
      connect,
      clock: systemClock,
      log: silentLog,
      discoverEveryMs: 250,
    });
    opened.push(async () => watch.stop?.());
    await watch.start?.();
    return watch;
  };
  const kubeconfigWith = async (token: string): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    opened.push(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, "config");
    await writeFile(path, kubeconfigText(lab().api.server, token), { mode: 0o600 });
    return path;
  };

  test("every kind that bears pods is told, and what another one controls is not", async () => {
    const namespace = await lab().namespace();
    for (const object of oneOfEach(namespace)) live(await lab().create(object));
    const watch = await watching({ namespaces: { allow: [namespace] } });
    const wanted = oneOfEach(namespace).map((object) => idOf(object));
    await until("all of them and no other", () => same(idsOf(watch), wanted));
    // Controllers make ReplicaSets, Jobs and pods meanwhile; none of them is told.
    const rolled = aDeployment({ namespace, name: "deployment" }, "test/ready:1");
    await lab().until(rolled, ({ status }) => status?.availableReplicas === 1);
    await untilWhole(watch);
    expect(idsOf(watch)).toEqual(wanted.toSorted());
  });

  test("what the nodes can run is told beside it", async () => {
    const watch = await watching({ namespaces: { allow: [await lab().namespace()] } });
    await until("the nodes", () => watch.view().nodes?.problem === "");
    expect(watch.view().nodes).toEqual({ platforms: ["linux/amd64"], problem: "" });
  });

  test("a pattern leaves namespaces out", async () => {
    const [seen, left] = [await lab().namespace(), await lab().namespace()];
    for (const namespace of [seen, left]) live(await lab().create(aCronJob({ namespace }, "test/ready:1")));
    const watch = await watching({ namespaces: { allow: [`${seen.slice(0, -1)}*`], deny: [left] } });
    await untilWhole(watch);
    expect(idsOf(watch)).toContain(`${seen}:cronjob/web`);
    expect(idsOf(watch).filter((id) => id.startsWith(`${left}:`))).toEqual([]);
  });

  test("a definition that is added is watched, and forgotten when it is removed", async (context) => {
    const definitions = await lab().api.discover();
    const isServed = definitions.find("apiextensions.k8s.io/v1", "CustomResourceDefinition") !== undefined;
    context.skip(!isServed, "this cluster takes no definitions of kinds");
    const namespace = await lab().namespace();
    const watch = await watching({ namespaces: { allow: [namespace] } });
    await untilWhole(watch);
    live(await lab().create(helmReleases));
    const release = aHelmRelease(namespace);
    const create = () =>
      lab()
        .create(release)
        .then(
          ({ status }) => status === 201,
          () => false,
        );
    await pollUntil(create, { ...wait, what: "the definition to be served" });
    await until("the release", () => same(idsOf(watch), [`${namespace}:helmrelease/web`]));
    const containers = [{ name: "chart-image", image: "shop/web:1.2", init: false }];
    expect(watch.all()[0]).toMatchObject({ containers });
    live(await lab().remove(helmReleases));
    await until("the deletion", () => idsOf(watch).length === 0);
    await untilWhole(watch);
  });

  test("a Role in each namespace is enough, and one that is missing is named", async (context) => {
    const isServed = (await lab().api.discover()).find("rbac.authorization.k8s.io/v1", "Role") !== undefined;
    context.skip(!isServed, "this cluster knows no roles");
    const [home, other, closed] = [await lab().namespace(), await lab().namespace(), await lab().namespace()];
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace: home, name: "watcher" },
    };
    live(await lab().create(account));
    const open = async (namespace: string): Promise<void> => {
      for (const object of rightsIn(namespace, home)) live(await lab().create(object));
    };
    for (const namespace of [home, other]) await open(namespace);
    for (const namespace of [home, other, closed])
      live(await lab().create(aCronJob({ namespace }, "test/ready:1")));
    const kubeconfig = await kubeconfigWith(await tokenOf(lab(), home));
    const watch = await watching({ namespaces: { allow: [home, other, closed] }, kubeconfig });
    await until("what may be seen", () =>
      same(idsOf(watch), [`${home}:cronjob/web`, `${other}:cronjob/web`]),
    );
    await until("the missing right", () => watch.view().problem.includes("right to list and watch"));
    expect(watch.view()).toMatchObject({ complete: false, problem: expect.stringContaining(`"${closed}"`) });
    await until("a fresh view of the rest", () => watch.view().ageMs < 10_000n);
    expect(watch.view({ namespace: other })).toMatchObject({ complete: true, problem: "" });
    expect(watch.view().nodes).toMatchObject({
      platforms: [],
      problem: expect.stringContaining("right to list and watch"),
    });
    await open(closed);
    await untilWhole(watch);
    expect(idsOf(watch)).toContain(`${closed}:cronjob/web`);
  });
}

const wait = { everyMs: 30, timeoutMs: 40_000 };
const until = (what: string, holds: () => boolean) => pollUntil(holds, { ...wait, what });
const untilWhole = (watch: EnvironmentWatch) =>
  until("a whole view", () => watch.view().complete && watch.view().problem === "");
const idsOf = (watch: EnvironmentWatch): string[] =>
  watch.all().map((one) => `${one.namespace}:${one.kind}/${one.name}`);
const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.toSorted().join() === b.toSorted().join();

function idOf({ kind = "", metadata }: KubeObject): string {
  return `${metadata.namespace}:${kind.toLowerCase()}/${metadata.name}`;
}

/** One standalone object of each kind, named after it. */
function oneOfEach(namespace: string): KubeObject[] {
  const image = "test/ready:1";
  const named = (name: string) => ({ namespace, name });
  const labels = (name: string) => ({ app: name });
  const template = (name: string) => ({
    metadata: { labels: labels(name) },
    spec: { containers: [{ name: "app", image }] },
  });
  const job = aJob(named("job"), image);
  return [
    aDeployment(named("deployment"), image),
    aStatefulSet(named("statefulset"), image),
    aDaemonSet(named("daemonset"), image),
    aCronJob(named("cronjob"), image),
    job,
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: named("replicaset"),
      spec: { selector: { matchLabels: labels("rs") }, template: template("rs") },
    },
    {
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: named("replicationcontroller"),
      spec: { replicas: 0, selector: labels("rc"), template: template("rc") },
    },
    { apiVersion: "v1", kind: "Pod", metadata: named("pod"), spec: template("pod").spec },
  ];
}

const helmReleases: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "helmreleases.helm.toolkit.fluxcd.io" },
  spec: {
    group: "helm.toolkit.fluxcd.io",
    scope: "Namespaced",
    names: { kind: "HelmRelease", plural: "helmreleases", singular: "helmrelease" },
    versions: [
      {
        name: "v2",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

function aHelmRelease(namespace: string): KubeObject {
  const values = { image: { repository: "shop/web", tag: "1.2" } };
  return {
    apiVersion: "helm.toolkit.fluxcd.io/v2",
    kind: "HelmRelease",
    metadata: { namespace, name: "web" },
    spec: { values },
  };
}

/** What an install without a ClusterRole has in each of its namespaces. */
function rightsIn(namespace: string, home: string): KubeObject[] {
  const metadata = { namespace, name: "watcher" };
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1`;
  const verbs = ["get", "list", "watch"];
  const rules = [
    { apiGroups: ["apps"], resources: ["deployments", "statefulsets", "daemonsets", "replicasets"], verbs },
    { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs },
    { apiGroups: [""], resources: ["pods", "replicationcontrollers"], verbs },
  ];
  const subjects = [{ kind: "ServiceAccount", name: "watcher", namespace: home }];
  return [
    { apiVersion, kind: "Role", metadata, rules },
    {
      apiVersion,
      kind: "RoleBinding",
      metadata,
      subjects,
      roleRef: { apiGroup, kind: "Role", name: "watcher" },
    },
  ];
}

async function tokenOf({ api }: ClusterLab, namespace: string): Promise<string> {
  const answer = await api.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/watcher/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  });
  return (answer.body as { status: { token: string } }).status.token;
}
