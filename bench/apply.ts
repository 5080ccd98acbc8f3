import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createKubeApi, type KubeApi } from "#common/kit/kube.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { createSandboxCluster } from "#sandbox/cluster/cluster.ts";
import { appliedAnnotations } from "../services/release-worker/environment/live-object.ts";
import { syncObjects } from "../services/release-worker/environment/sync-apply.ts";
import type { SyncObject } from "../services/release-worker/environment/sync-objects.ts";
import { chooseObjects } from "../services/release-worker/environment/sync-targets.ts";
import { createFakeGitCache } from "../services/release-worker/git/git-cache.fake.ts";
import type { GitCache } from "../services/release-worker/git/git-cache.ts";
import { createTipReaderOver } from "../services/release-worker/planning/tip-reader.ts";
import type { TipView } from "../services/release-worker/planning/tip-view.ts";
import { findKubeAssets, startKubeBox } from "../test/support/kube-box.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { toRow } from "./support/row.ts";

const documents = 1_000;
const namespace = "fleet";
const rounds = 3;
/** The peers apply one after the other; this many at once is kinder to them. */
const appliedAtOnce = 10;
const everything = { kind: "sync", workloads: [], all: true, namespace: null, override: [] } as const;

const common = {
  unit: "s",
  budget: "3 s (compare, skip)",
  baselineIs: "apply each document, ten at once",
} as const;
const sandboxRow = "apply.unchanged-1000-sandbox";
const realRow = "apply.unchanged-1000-real";

/** A sync of 1,000 documents that are in the cluster as git declares them. */
export const applyBench: Bench = {
  name: "apply",
  rows: [sandboxRow, realRow],
  async run(run) {
    if (run.wants(sandboxRow)) await measure(run, sandboxRow, startSandbox);
    if (!run.wants(realRow)) return;
    if (findKubeAssets() === undefined) run.note(`no control plane here: ${realRow} is left out`);
    else await measure(run, realRow, startReal);
  },
};

interface Plane {
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

async function startSandbox(folder: string): Promise<Plane> {
  const cluster = createSandboxCluster();
  await cluster.start();
  const kubeconfig = join(folder, "sandbox-kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  return { kubeconfig, stop: () => cluster.stop() };
}

async function startReal(): Promise<Plane> {
  const box = await startKubeBox();
  return { kubeconfig: box.kubeconfig, stop: () => box.stop() };
}

async function measure(
  run: BenchRun,
  name: string,
  start: (folder: string) => Promise<Plane>,
): Promise<void> {
  await mkdir(run.folder, { recursive: true });
  const plane = await start(run.folder);
  const kube = await createKubeApi({ kubeconfig: plane.kubeconfig });
  try {
    await kube.request({ method: "POST", path: "/api/v1/namespaces", body: namespaceObject });
    const environment = settingsOf(plane.kubeconfig);
    const view = await readView(environment);
    const requests = counted(kube);
    const sync = async () => {
      const objects = await chooseObjects(view, everything, { mustBeDeclared: true });
      return {
        objects,
        synced: await syncObjects(contextOf(environment, requests.kube), aJob(view), objects),
      };
    };
    run.note(`${name}: creating ${documents} documents`);
    const created = await timed(sync);
    expectAll(created.result.synced, "created");
    const ours = await best(run, async () => {
      requests.reset();
      expectAll((await sync()).synced, "left");
    });
    const sent = requests.count();
    const theirs = await best(run, () => applyEach(kube, created.result.objects, view.commit));
    const more = { requests: sent, "seconds to create them": Number(created.seconds.toFixed(2)) };
    run.tell(toRow({ name, ...common, value: ours, baseline: theirs, more }));
  } finally {
    await kube.close();
    await plane.stop();
  }
}

const namespaceObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };

function settingsOf(kubeconfig: string): EnvironmentSettings {
  const git = { url: "https://git.example.com/fleet.git", paths: ["deploy"] };
  return environmentSettings.parse({ name: "fleet", cluster: { kubeconfig }, git, mode: "apply" });
}

async function readView(environment: EnvironmentSettings): Promise<TipView> {
  const git = createFakeGitCache();
  const names = Array.from({ length: documents }, (_, number) => `web-${number}`);
  const commit = git.commit(
    Object.fromEntries(names.map((name) => [`deploy/${name}.yaml`, deployment(name)])),
  );
  const blobs = { known: async () => new Map(), save: async () => undefined };
  return createTipReaderOver({ git, blobs }).read(commit, environment);
}

function aJob({ commit, environment }: TipView) {
  return { id: newUuidV7(), environment: environment.name, commit_sha: commit };
}

function contextOf(environment: EnvironmentSettings, kube: KubeApi) {
  const gitOf = (): GitCache => {
    throw new Error("what is equal needs no question to git");
  };
  return {
    environment,
    deps: { clock: systemClock, fault: () => undefined, gitOf, kubeOf: async () => kube },
  };
}

function counted(kube: KubeApi) {
  let count = 0;
  return {
    kube: {
      ...kube,
      request: (wanted: Parameters<KubeApi["request"]>[0]) => {
        count += 1;
        return kube.request(wanted);
      },
    },
    count: () => count,
    reset: () => {
      count = 0;
    },
  };
}

type Synced = Awaited<ReturnType<typeof syncObjects>>;

function expectAll(synced: Synced, kind: "created" | "left"): void {
  if (synced === "vanished" || synced.length !== documents)
    throw new Error("not all documents were looked at");
  const other = synced.find(({ outcome }) => outcome.kind !== kind);
  if (other !== undefined) throw new Error(`${other.object.id} was ${JSON.stringify(other.outcome)}`);
}

/** The straightforward way, which is also safe to repeat: the API server finds out that nothing changes. */
async function applyEach(kube: KubeApi, objects: readonly SyncObject[], commit: string): Promise<void> {
  const annotations = appliedAnnotations({ environment: "fleet", commit, job: "bench" });
  for (let index = 0; index < objects.length; index += appliedAtOnce) {
    const some = objects.slice(index, index + appliedAtOnce);
    await Promise.all(some.map((object) => applyOne(kube, object, annotations)));
  }
}

async function applyOne(kube: KubeApi, { what }: SyncObject, annotations: object): Promise<void> {
  if (what.kind !== "apply") throw new Error("not a document");
  const { apiVersion, kind, metadata } = what.document;
  const answer = await kube.request({
    method: "PATCH",
    path: await kube.objectPath({ apiVersion, kind, namespace, name: metadata.name }),
    query: { fieldManager: "bench", force: "true", fieldValidation: "Strict" },
    contentType: "application/apply-patch+yaml",
    body: { ...what.document, metadata: { ...metadata, annotations } },
  });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
}

async function best(run: BenchRun, act: () => Promise<void>): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    run.signal.throwIfAborted();
    seconds.push((await timed(act)).seconds);
  }
  return Math.min(...seconds);
}

async function timed<T>(act: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const began = performance.now();
  const result = await act();
  return { result, seconds: (performance.now() - began) / 1000 };
}

/** About 0.9 kB, without pods: what is measured is the comparison. */
function deployment(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: {app: ${name}, tier: back, team: shop}
spec:
  replicas: 0
  revisionHistoryLimit: 2
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}, version: v1}
    spec:
      containers:
        - name: web
          image: registry.example.com/shop/${name}:v1
          args: ["--listen", ":8080"]
          ports:
            - {name: http, containerPort: 8080}
          env:
            - {name: LOG_LEVEL, value: info}
            - {name: REGION, value: here}
          resources:
            requests: {cpu: 100m, memory: 64Mi}
            limits: {memory: 128Mi}
          readinessProbe:
            httpGet: {path: /healthz, port: http}
`;
}
