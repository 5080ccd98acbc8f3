import { setTimeout as sleep } from "node:timers/promises";

import { createInformer } from "#common/kit/kube-informer.ts";
import type { KubeApi, KubeObject, KubeRequest, KubeResponse } from "#common/kit/kube.ts";
import { retry } from "#common/kit/retry.ts";

import { momentsOf } from "./pod-status.ts";
import type { ContainerPlan, PodOutcome } from "./pod-status.ts";

export type { PodOutcome } from "./pod-status.ts";

export interface PodRunnerOptions {
  readonly api: KubeApi;
  /** What becomes of a container with this image. */
  outcome(image: string, pod: KubeObject): PodOutcome;
  readonly nodes?: number;
  readonly readyAfterMs?: number;
  /** Told of each refusal it did not expect. */
  onError?(error: unknown): void;
}

/** Plays the kubelets of a cluster: registers nodes, reports what became of their pods, removes them. */
export async function startPodRunner(options: PodRunnerOptions): Promise<{ stop(): Promise<void> }> {
  const { api } = options;
  const stopping = new AbortController();
  const lives = new Map<string, AbortController>();
  const acts = new Set<Promise<void>>();
  const track = (act: Promise<void>): void => {
    const guarded = act
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) options.onError?.(error);
      })
      .finally(() => acts.delete(guarded));
    acts.add(guarded);
  };
  for (let node = 1; node <= (options.nodes ?? 1); node += 1) await registerNode(api, `node-${node}`);
  const pods = createInformer({
    api,
    path: "/api/v1/pods",
    query: { fieldSelector: "spec.nodeName!=" },
    project: (pod) => pod,
    delays: { reconnectMs: 100, maxMs: 500 },
  });
  pods.subscribe((change) => {
    if (change.type === "delete") return;
    const pod = change.item;
    const uid = pod.metadata.uid ?? "";
    if (pod.metadata.deletionTimestamp !== undefined) {
      lives.get(uid)?.abort();
      lives.delete(uid);
      track(removePod(api, pod));
    } else if (!lives.has(uid)) {
      const life = new AbortController();
      lives.set(uid, life);
      track(live(options, pod, AbortSignal.any([life.signal, stopping.signal])));
    }
  });
  pods.start();
  await pods.synced;
  return {
    stop: async () => {
      stopping.abort();
      await pods.stop();
      await Promise.all(acts);
    },
  };
}

async function registerNode(api: KubeApi, name: string): Promise<void> {
  const created = await api.request({
    method: "POST",
    path: "/api/v1/nodes",
    body: { apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } } },
  });
  if (created.status !== 409) expectDone(created, `node ${name}`);
  // Nobody else takes the not-ready taint off that admission puts on.
  const untainted = await patch(api, `/api/v1/nodes/${name}`, { spec: { taints: null } });
  expectDone(untainted, `taints of ${name}`);
  const room = { cpu: "64", memory: "256Gi", pods: "5000" };
  const ready = { type: "Ready", status: "True", reason: "KubeletReady" };
  const nodeInfo = { operatingSystem: "linux", architecture: "amd64" };
  const status = { capacity: room, allocatable: room, conditions: [ready], nodeInfo };
  expectDone(await patch(api, `/api/v1/nodes/${name}/status`, { status }), `status of ${name}`);
}

let lastPodAddress = 0;

async function live(options: PodRunnerOptions, pod: KubeObject, signal: AbortSignal): Promise<void> {
  const spec = pod["spec"] as { containers: { name: string; image: string }[] };
  const containers: ContainerPlan[] = spec.containers.map(({ name, image }) => ({
    name,
    image,
    outcome: options.outcome(image, pod),
  }));
  lastPodAddress += 1;
  const podIP = `10.244.${(lastPodAddress >> 8) & 255}.${lastPodAddress & 255}`;
  const path = `${podPath(pod)}/status`;
  for (const moment of momentsOf(pod, containers, { readyAfterMs: options.readyAfterMs ?? 20, podIP })) {
    // Aborted when the pod ends or we do.
    await sleep(moment.afterMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const body = { metadata: { uid: pod.metadata.uid }, status: moment.status };
    const answer = await patch(options.api, path, body);
    // 404 and 409: the pod went meanwhile, or another one has its name now.
    if (answer.status === 404 || answer.status === 409) return;
    expectDone(answer, `status of ${podPath(pod)}`);
    if (moment.event !== undefined) await tell(options.api, pod, moment.event);
  }
}

async function tell(
  api: KubeApi,
  { metadata }: KubeObject,
  event: { reason: string; message: string },
): Promise<void> {
  const { namespace = "", name = "", uid } = metadata;
  const now = new Date().toISOString();
  const answer = await insist(api, {
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/events`,
    body: {
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace, name: `${name}.${event.reason.toLowerCase()}` },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
      type: "Warning",
      ...event,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: "kubelet" },
    },
  });
  // 403, 404, 409: the namespace is ending, or a pod of this name has told it before.
  if (![403, 404, 409].includes(answer.status)) expectDone(answer, `event of ${name}`);
}

async function removePod(api: KubeApi, pod: KubeObject): Promise<void> {
  const preconditions = { uid: pod.metadata.uid };
  const answer = await insist(api, {
    method: "DELETE",
    path: podPath(pod),
    body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions },
  });
  if (answer.status !== 404 && answer.status !== 409) expectDone(answer, `removal of ${podPath(pod)}`);
}

function podPath({ metadata }: KubeObject): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
}

function patch(api: KubeApi, path: string, body: unknown) {
  const contentType = "application/strategic-merge-patch+json";
  return insist(api, { method: "PATCH", path, body, contentType });
}

// A kubelet outlives a restart of the API server.
function insist(api: KubeApi, request: KubeRequest): Promise<KubeResponse> {
  const ask = (): Promise<KubeResponse> => api.request(request);
  return retry(ask, { attempts: 30, baseMs: 100, maxMs: 1_000 });
}

function expectDone(answer: { status: number; body: unknown }, what: string): void {
  if (answer.status < 400) return;
  throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
}
