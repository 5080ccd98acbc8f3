import { afterEach, expect, test } from "vitest";

import { systemClock } from "#common/kit/clock.ts";
import { silentLog, type Log } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { createFakeKubeApi, type FakeKubeApi } from "./kube-api.fake.ts";
import { watchNodes, type NodeWatch } from "./node-platforms.ts";

const nodes = "/api/v1/nodes";
const opened: NodeWatch[] = [];

afterEach(async () => {
  for (const watch of opened.splice(0)) await watch.stop();
});

function aCluster(): FakeKubeApi {
  const cluster = createFakeKubeApi();
  cluster.define("v1", "Node", "nodes");
  return cluster;
}

/** As a kubelet tells it. */
function put(cluster: FakeKubeApi, name: string, platform: string): void {
  const [operatingSystem = "", architecture = ""] = platform.split("/");
  cluster.put(nodes, { metadata: { name }, status: { nodeInfo: { operatingSystem, architecture } } });
}

function watching(cluster: FakeKubeApi, log: Log = silentLog): NodeWatch {
  // Time passes as it does, but nobody sleeps for long.
  const clock = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(2, signal) };
  const watch = watchNodes({ api: cluster.api, clock, log });
  opened.push(watch);
  return watch;
}

function until(
  watch: NodeWatch,
  told: { platforms?: readonly string[]; problem?: string },
): Promise<unknown> {
  const { platforms = [], problem = "" } = told;
  const holds = () => {
    const now = watch.nodes();
    return now.problem.includes(problem) && now.platforms.join() === platforms.join();
  };
  const what = () => `nodes ${JSON.stringify(told)}, they are ${JSON.stringify(watch.nodes())}`;
  return pollUntil(holds, { everyMs: 5, timeoutMs: 15_000, what: what() });
}

test("each platform is told once, that of most nodes first, and nodes that come and change count", async () => {
  const cluster = aCluster();
  put(cluster, "a", "windows/amd64");
  put(cluster, "b", "linux/arm64");
  put(cluster, "c", "linux/arm64");
  const watch = watching(cluster);
  await until(watch, { platforms: ["linux/arm64", "windows/amd64"] });
  expect(watch.nodes()).toEqual({ platforms: ["linux/arm64", "windows/amd64"], problem: "" });
  put(cluster, "d", "linux/amd64");
  await until(watch, { platforms: ["linux/arm64", "linux/amd64", "windows/amd64"] });
  put(cluster, "a", "linux/amd64");
  await until(watch, { platforms: ["linux/amd64", "linux/arm64"] });
});

test("a node without its status yet is known by its labels", async () => {
  const cluster = aCluster();
  const labels = { "kubernetes.io/os": "linux", "kubernetes.io/arch": "s390x" };
  cluster.put(nodes, { metadata: { name: "a", labels } });
  await until(watching(cluster), { platforms: ["linux/s390x"] });
});

test("nothing is ruled out while there are no nodes, or one of them does not tell", async () => {
  const cluster = aCluster();
  const watch = watching(cluster);
  await until(watch, { problem: "the cluster has no nodes" });
  put(cluster, "a", "linux/amd64");
  await until(watch, { platforms: ["linux/amd64"] });
  cluster.put(nodes, { metadata: { name: "virtual" } });
  await until(watch, { problem: "1 of 2 nodes tell no platform" });
});

test("a right that is missing is named and logged once, and counts from the moment it is given", async () => {
  const cluster = aCluster();
  put(cluster, "a", "linux/amd64");
  cluster.refuse(nodes, 403);
  const warned: string[] = [];
  const watch = watching(cluster, { ...silentLog, warn: (text) => void warned.push(text) });
  await until(watch, { problem: "the right to list and watch them is missing" });
  watch.nodes();
  expect(warned).toEqual([expect.stringMatching(/^nodes cannot be watched: .*; no image is left alone/)]);
  cluster.refuse(nodes, undefined);
  await until(watch, { platforms: ["linux/amd64"] });
});

test("what was seen once stays while the watch is cut", async () => {
  const cluster = aCluster();
  put(cluster, "a", "linux/amd64");
  const watch = watching(cluster);
  await until(watch, { platforms: ["linux/amd64"] });
  cluster.refuse(nodes, 503);
  await pollUntil(() => cluster.watched().length === 0, { everyMs: 5, timeoutMs: 15_000, what: "the cut" });
  expect(watch.nodes()).toEqual({ platforms: ["linux/amd64"], problem: "" });
});
