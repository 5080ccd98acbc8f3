import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createKubeApi } from "#common/kit/kube.ts";
import type { KubeApi, KubeObject, KubeResponse, KubeStatus } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { kubeconfigText } from "#support/kube-box.ts";
import type { PodOutcome } from "#support/pod-runner.ts";

/** A cluster the contract runs against; one for all its tests. */
export interface ClusterUnderTest {
  readonly kubeconfig: string;
  /** Decides by image what becomes of pods created from now on. */
  setOutcome(outcome: (image: string) => PodOutcome): void;
  /** Makes the API server forget all versions but the last, as a restart does; objects stay. */
  forgetHistory(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterLab {
  readonly api: KubeApi;
  readonly cluster: ClusterUnderTest;
  /** Creates a namespace that no other test uses. */
  namespace(): Promise<string>;
  create(object: KubeObject): Promise<KubeResponse>;
  read(object: KubeObject): Promise<KubeResponse>;
  /** Server-side apply as manager "slipway", strict, not forced, unless `query` says otherwise. */
  apply(object: KubeObject, query?: Record<string, string>): Promise<KubeResponse>;
  patch(
    object: KubeObject,
    change: { type: "merge" | "json"; body: unknown; manager?: string },
  ): Promise<KubeResponse>;
  remove(object: KubeObject): Promise<KubeResponse>;
  /** Reads until the object passes, or fails with what it last was. */
  until(object: KubeObject, passes: (live: Live) => boolean): Promise<Live>;
  /** An API of the same cluster with another token. */
  withToken(token: string): Promise<KubeApi>;
}

/** An object as the tests look into it. */
export interface Live extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
  readonly status?: LiveStatus;
}

export interface LiveStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly desiredNumberScheduled?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
  }[];
  readonly phase?: string;
  readonly containerStatuses?: readonly ContainerStatus[];
}

export interface ContainerStatus {
  readonly restartCount: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

const waitTimeoutMs = 30_000;

/** Opens the door to the cluster and gives the tests short words for what they do. */
export async function openLab(cluster: ClusterUnderTest): Promise<ClusterLab> {
  const api = await createKubeApi({ kubeconfig: cluster.kubeconfig });
  const run = Math.random().toString(36).slice(2, 8);
  let namespaces = 0;
  const pathOf = (object: KubeObject, named = true): Promise<string> => {
    const { apiVersion = "", kind = "", metadata } = object;
    const { name = "", namespace } = metadata;
    return api.objectPath({ apiVersion, kind, ...(namespace && { namespace }), ...(named && { name }) });
  };
  const create = async (object: KubeObject): Promise<KubeResponse> =>
    api.request({ method: "POST", path: await pathOf(object, false), body: object });
  const read = async (object: KubeObject): Promise<KubeResponse> =>
    api.request({ method: "GET", path: await pathOf(object) });
  return {
    api,
    cluster,
    create,
    read,
    namespace: async () => {
      namespaces += 1;
      const name = `contract-${run}-${namespaces}`;
      const answer = await create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
      if (answer.status !== 201) throw new Error(`namespace ${name}: ${JSON.stringify(answer.body)}`);
      return name;
    },
    apply: async (object, query = {}) =>
      api.request({
        method: "PATCH",
        path: await pathOf(object),
        query: { fieldManager: "slipway", force: "false", fieldValidation: "Strict", ...query },
        contentType: "application/apply-patch+yaml",
        body: object,
      }),
    patch: async (object, { type, body, manager = "someone" }) =>
      api.request({
        method: "PATCH",
        path: await pathOf(object),
        query: { fieldManager: manager },
        contentType: type === "json" ? "application/json-patch+json" : "application/merge-patch+json",
        body,
      }),
    remove: async (object) => api.request({ method: "DELETE", path: await pathOf(object) }),
    until: async (object, passes) => {
      let last: unknown;
      const look = async (): Promise<Live | false> => {
        const answer = await read(object);
        last = answer.body;
        return answer.status === 200 && passes(answer.body as Live) && (answer.body as Live);
      };
      return pollUntil(look, { everyMs: 30, timeoutMs: waitTimeoutMs }).catch((cause: unknown) => {
        throw new Error(`last seen: ${JSON.stringify(last)}`, { cause });
      });
    },
    withToken: (token) => openWithToken(api.server, token),
  };
}

async function openWithToken(server: string, token: string): Promise<KubeApi> {
  const folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  const kubeconfig = join(folder, "config");
  await writeFile(kubeconfig, kubeconfigText(server, token));
  const api = await createKubeApi({ kubeconfig });
  const close = async (): Promise<void> => {
    await api.close();
    await rm(folder, { recursive: true });
  };
  return { ...api, close };
}

/** The answer as an object; fails when it is an error. */
export function live(answer: KubeResponse): Live {
  if (answer.status >= 400) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body as Live;
}

/** The answer as the API server's error. */
export function refusal(answer: KubeResponse): KubeStatus & { readonly httpStatus: number } {
  return { ...(answer.body as KubeStatus), httpStatus: answer.status };
}

export interface WorkloadOptions {
  readonly replicas?: number;
  readonly progressDeadlineSeconds?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

type Where = { readonly namespace: string; readonly name?: string };

/** A Deployment with one container "app". */
export function aDeployment(where: Where, image: string, options: WorkloadOptions = {}): KubeObject {
  const { replicas, progressDeadlineSeconds } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(where, options),
    spec: {
      ...(replicas !== undefined && { replicas }),
      ...(progressDeadlineSeconds !== undefined && { progressDeadlineSeconds }),
      ...selected(image),
    },
  };
}

export function aStatefulSet(where: Where, image: string, options: WorkloadOptions = {}): KubeObject {
  const spec = { replicas: options.replicas ?? 1, serviceName: "web", ...selected(image) };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata: meta(where, options), spec };
}

export function aDaemonSet(where: Where, image: string): KubeObject {
  return { apiVersion: "apps/v1", kind: "DaemonSet", metadata: meta(where, {}), spec: selected(image) };
}

export function aCronJob(where: Where, image: string): KubeObject {
  const pod = { restartPolicy: "Never", containers: [{ name: "app", image }] };
  const spec = { schedule: "0 0 1 1 *", jobTemplate: { spec: { template: { spec: pod } } } };
  return { apiVersion: "batch/v1", kind: "CronJob", metadata: meta(where, {}), spec };
}

export function aJob(where: Where, image: string): KubeObject {
  const pod = { restartPolicy: "Never", containers: [{ name: "app", image }] };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta(where, {}),
    spec: { backoffLimit: 0, template: { spec: pod } },
  };
}

function meta(where: Where, options: WorkloadOptions): KubeObject["metadata"] {
  const { annotations } = options;
  return { namespace: where.namespace, name: where.name ?? "web", ...(annotations && { annotations }) };
}

function selected(image: string) {
  const labels = { app: "web" };
  return {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "app", image }] } },
  };
}

/** The same object, guarded by identity and version. */
export function guarded(object: KubeObject, guard: { uid?: string; resourceVersion?: string }): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...guard } };
}
