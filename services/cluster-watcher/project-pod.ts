import type { KubeObject } from "#common/kit/kube-types.ts";

/** Of a pod only what explains its workload: whose it is, what it runs, and what is wrong with it. */
export interface ProjectedPod {
  /** `namespace:kind/name` of the workload; undefined for a pod of nobody we know. */
  readonly workload: string | undefined;
  readonly images: readonly string[];
  readonly trouble: Trouble | undefined;
}

export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

interface ContainerStatus {
  readonly name?: string;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: { readonly exitCode?: number; readonly reason?: string } };
}

interface PodShape {
  readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export function projectPod(object: KubeObject): ProjectedPod {
  const pod = object as PodShape;
  return {
    workload: workloadOf(object),
    images: (pod.spec?.containers ?? []).map((container) => container.image ?? ""),
    trouble: object.metadata.deletionTimestamp === undefined ? troubleOf(object, pod) : undefined,
  };
}

interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

/** A Deployment's pod belongs to a ReplicaSet that is named after it and the template's hash. */
function workloadOf(object: KubeObject): string | undefined {
  const owners = (object.metadata["ownerReferences"] ?? []) as readonly OwnerReference[];
  const owner = owners.find((candidate) => candidate.controller === true);
  const namespace = object.metadata.namespace ?? "";
  if (owner === undefined) return undefined;
  const hash = object.metadata.labels?.["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `${namespace}:deployment/${owner.name.slice(0, -hash.length - 1)}`;
  }
  return `${namespace}:${owner.kind.toLowerCase()}/${owner.name}`;
}

/** The earliest reason the API server knows (KUBERNETES §6): a waiting container, then the scheduler. */
function troubleOf(object: KubeObject, pod: PodShape): Trouble | undefined {
  const name = object.metadata.name ?? "";
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of statuses) {
    const waiting = status.state?.waiting;
    if (waiting?.reason === undefined || starting.has(waiting.reason)) continue;
    return { reason: waiting.reason, message: waitingMessage(name, status) };
  }
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled");
  if (scheduled?.status !== "False") return undefined;
  return { reason: scheduled.reason ?? "Unschedulable", message: `${name}: ${scheduled.message ?? ""}` };
}

const starting = new Set(["ContainerCreating", "PodInitializing"]);

function waitingMessage(pod: string, status: ContainerStatus): string {
  const ended = status.lastState?.terminated;
  const restarts = status.restartCount ?? 0;
  if (ended !== undefined) return `${pod}: exit code ${ended.exitCode ?? "?"}, ${restarts} restarts`;
  const message = status.state?.waiting?.message;
  return message === undefined ? pod : `${pod}: ${message.slice(0, 300)}`;
}
