import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { freePort, spawnServer } from "#common/kit/child.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { createGrpcClient } from "#common/kit/grpc.ts";
import { createKubeApi, type KubeApi, type KubeObject } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createSandboxCluster } from "#sandbox/cluster/cluster.ts";
import {
  ClusterServiceDefinition,
  Workload,
  type ClusterServiceClient,
} from "#proto/slipway/cluster/v1/cluster.ts";

import type { BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { residentBytes } from "./support/resident-bytes.ts";
import { toRow } from "./support/row.ts";

const size = 10_000;
const changes = 200;
const namespace = "fleet";
const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const coldRow = "workloads.cold-10k";
const changeRow = "workloads.change-to-stream";
const kibibyte = 1024;

export const watchRows = [coldRow, changeRow];

/** The watcher as a process of its own on a sandbox cluster of 10,000 Deployments. */
export async function measureWatching(run: BenchRun): Promise<void> {
  await mkdir(run.folder, { recursive: true });
  const cluster = createSandboxCluster();
  await cluster.start();
  const kubeconfig = join(run.folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  const kube = await createKubeApi({ kubeconfig });
  try {
    run.note(`creating ${size} Deployments`);
    await fill(kube);
    await onWatcher(run, kubeconfig, async (watcher) => {
      if (run.wants(coldRow)) await tellCold(run, { kube, watcher });
      if (run.wants(changeRow)) await tellChanges(run, { kube, watcher });
    });
  } finally {
    await kube.close();
    await cluster.stop();
  }
}

interface Watcher {
  readonly client: ClusterServiceClient;
  /** From its start to the first complete view. */
  readonly coldSeconds: number;
  readonly residentBytes: number;
  /** Of the same process on a cluster without workloads. */
  readonly emptyBytes: number;
}

async function fill(kube: KubeApi): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await kube.request({ method: "POST", path: "/api/v1/namespaces", body });
  const atOnce = 25;
  for (let index = 0; index < size; index += atOnce) {
    const some = Array.from({ length: atOnce }, (_, offset) => deployment(`web-${index + offset}`));
    await Promise.all(some.map((one) => kube.request({ method: "POST", path, body: one })));
  }
}

/** No replicas: the rows are about watching, not about pods. */
function deployment(name: string, image = "example/web:1.0.0"): KubeObject {
  const labels = { app: name, version: "1.0.0", team: "fleet" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image }] } },
    },
  };
}

async function onWatcher(
  run: BenchRun,
  kubeconfig: string,
  work: (watcher: Watcher) => Promise<void>,
): Promise<void> {
  const empty = createSandboxCluster();
  await empty.start();
  const emptyConfig = join(run.folder, "empty-kubeconfig");
  await writeFile(emptyConfig, empty.kubeconfigYaml, { mode: 0o600 });
  const idle = await startWatcher(run, "empty", emptyConfig);
  const emptyBytes = await residentBytes(idle.server.pid);
  await idle.stop();
  await empty.stop();
  run.note("starting the watcher");
  const watching = await startWatcher(run, "full", kubeconfig);
  try {
    const { client, coldSeconds, server } = watching;
    await work({ client, coldSeconds, emptyBytes, residentBytes: await residentBytes(server.pid) });
  } finally {
    await watching.stop();
  }
}

async function startWatcher(run: BenchRun, name: string, kubeconfig: string) {
  const settingsFile = join(run.folder, `${name}.yaml`);
  const git = { url: "https://git.example.com/fleet.git" };
  const settings = { environments: [{ name: "fleet", cluster: { kubeconfig }, git, mode: "observe" }] };
  await writeFile(settingsFile, JSON.stringify(settings));
  const port = await freePort();
  const beganMs = performance.now();
  const server = await spawnServer({
    name: "cluster-watcher",
    command: process.execPath,
    args: [join(import.meta.dirname, "../services/cluster-watcher/main.ts")],
    env: { ...process.env, SLIPWAY_CONFIG: settingsFile, SLIPWAY_GRPC_PORT: String(port) },
    readyWhen: async () => true,
    log: silentLog,
  });
  const client = createGrpcClient(ClusterServiceDefinition, {
    address: `127.0.0.1:${port}`,
  });
  const isComplete = async (): Promise<boolean> => {
    try {
      const { view } = await client.listWorkloads({ environment: "fleet", namespace: "none" });
      return view?.complete === true;
    } catch (error) {
      if (error instanceof SlipwayError && error.next === "retry") return false; // not listening yet
      throw error;
    }
  };
  await pollUntil(isComplete, { everyMs: 20, timeoutMs: 60_000, what: "a complete view" });
  const coldSeconds = (performance.now() - beganMs) / 1000;
  return {
    client,
    server,
    coldSeconds,
    async stop() {
      client.close();
      await server.stop();
    },
  };
}

interface Parts {
  readonly kube: KubeApi;
  readonly watcher: Watcher;
}

/** Beside what kubectl's way costs: pages of 500, each object kept whole. */
async function tellCold(run: BenchRun, { kube, watcher }: Parts): Promise<void> {
  const beganMs = performance.now();
  const kept = await listWhole(kube);
  const baseline = (performance.now() - beganMs) / 1000;
  const { workloads } = await watcher.client.listWorkloads({ environment: "fleet", namespace });
  if (workloads.length !== size || kept.length !== size) throw new Error("not everything is seen");
  const bytes = workloads.map((one) => Workload.encode(one).finish().length);
  const grown = watcher.residentBytes - watcher.emptyBytes;
  run.tell(
    toRow({
      name: coldRow,
      value: watcher.coldSeconds,
      unit: "s",
      baseline,
      budget: "3 s, 1 KiB each",
      baselineIs: "a list in pages of 500, every object kept whole; without a process to start",
      more: {
        "bytes a workload": Math.round(bytes.reduce((sum, one) => sum + one, 0) / size),
        "bytes a workload, whole": Math.round(JSON.stringify(kept).length / size),
        "MiB more than an empty watcher": Math.round(grown / kibibyte / kibibyte),
      },
    }),
  );
}

async function listWhole(kube: KubeApi): Promise<KubeObject[]> {
  const kept: KubeObject[] = [];
  let next = "";
  for (let page = 0; page <= size / 500; page += 1) {
    const query = { limit: "500", ...(next === "" ? {} : { continue: next }) };
    const { body } = await kube.request({ method: "GET", path, query });
    const { items, metadata } = body as { items: KubeObject[]; metadata: { continue?: string } };
    kept.push(...items);
    next = metadata.continue ?? "";
    if (next === "") break;
  }
  return kept;
}

/** From the patch at the API server to the event on the stream; beside asking for the object again and again. */
async function tellChanges(run: BenchRun, { kube, watcher }: Parts): Promise<void> {
  const ending = new AbortController();
  const waiting = new Map<string, () => void>();
  const stream = watcher.client.watchWorkloads(
    { environment: "fleet", namespace },
    { signal: AbortSignal.any([ending.signal, run.signal]) },
  );
  const whole = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const { event } of stream) {
      if (event?.$case === "view") whole.resolve();
      if (event?.$case === "upserted") waiting.get(event.value.containers[0]?.image ?? "")?.();
    }
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  await whole.promise;
  const times: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const image = `example/web:2.0.${change}`;
    const seen = Promise.withResolvers<void>();
    waiting.set(image, seen.resolve);
    const beganMs = performance.now();
    await patchImage(kube, `web-${change}`, image);
    await seen.promise;
    waiting.delete(image);
    times.push((performance.now() - beganMs) / 1000);
  }
  ending.abort();
  await reading;
  run.tell(
    toRow({
      name: changeRow,
      value: quantile(times, 0.5),
      unit: "s",
      p99: quantile(times, 0.99),
      baseline: pollSeconds / 2,
      budget: "–",
      baselineIs: "polling every two seconds: half of that on average",
    }),
  );
}

const pollSeconds = 2;

async function patchImage(kube: KubeApi, name: string, image: string): Promise<void> {
  const body = { spec: { template: { spec: { containers: [{ name: "web", image }] } } } };
  const contentType = "application/strategic-merge-patch+json";
  await kube.request({ method: "PATCH", path: `${path}/${name}`, body, contentType });
}
