import { formatWorkloadId } from "#common/domain/workload.ts";
import type { InformerChange } from "#common/kit/kube-informer.ts";
import { RolloutPhase, type Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import type { ProjectedPod } from "./project-pod.ts";

export type WorkloadChange =
  | { readonly kind: "upserted"; readonly workload: Workload }
  | { readonly kind: "deleted"; readonly workload: Workload };

/** Where a workload is told from: a kind, which several API groups may define. */
export interface WorkloadSource {
  readonly kind: string;
  /** "" for the first group of the kind, whose objects are told where another has one of that name. */
  readonly behind: string;
}

/** Workloads joined with what is wrong with their pods, and who wants to hear of changes. */
export interface LiveWorkloads {
  all(): readonly Workload[];
  get(id: string): Workload | undefined;
  subscribe(listener: (change: WorkloadChange) => void): () => void;
  onWorkload(source: WorkloadSource, change: InformerChange<Workload>): void;
  onPod(change: InformerChange<ProjectedPod>): void;
}

interface State {
  /** By id; those of a kind's further groups by `id@group`. */
  readonly workloads: Map<string, Workload>;
  readonly behind: Map<string, Set<string>>;
  /** Only pods in trouble are kept: by pod, and by workload. */
  readonly pods: Map<string, ProjectedPod>;
  readonly podsOf: Map<string, Set<string>>;
}

export function createLiveWorkloads(): LiveWorkloads {
  const state: State = {
    workloads: new Map(),
    behind: new Map(),
    pods: new Map(),
    podsOf: new Map(),
  };
  const listeners = new Set<(change: WorkloadChange) => void>();
  const tell = (change: WorkloadChange): void => {
    for (const listener of listeners) listener(change);
  };
  return {
    all: () => idsOf(state).flatMap((id) => rendered(state, id) ?? []),
    get: (id) => rendered(state, id),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onWorkload(source, change) {
      const id = idOf(source.kind, change.key);
      const before = workloadAt(state, id);
      keepWorkload(state, id, { source, change });
      const after = rendered(state, id);
      if (after !== undefined) tell({ kind: "upserted", workload: after });
      else if (before !== undefined) tell({ kind: "deleted", workload: before });
    },
    onPod(change) {
      const id = change.type === "upsert" ? change.item.workload : state.pods.get(change.key)?.workload;
      if (id === undefined) return;
      const before = rendered(state, id)?.rollout;
      keepPod(state, id, change);
      const after = rendered(state, id);
      const moved = after?.rollout?.reason !== before?.reason || after?.rollout?.message !== before?.message;
      if (after !== undefined && moved) tell({ kind: "upserted", workload: after });
    },
  };
}

function idsOf({ workloads, behind }: State): string[] {
  const ids = [...workloads.keys()];
  if (behind.size === 0) return ids.toSorted();
  return [...new Set(ids.map((key) => key.split("@", 1)[0] ?? key))].toSorted();
}

function workloadAt({ workloads, behind }: State, id: string): Workload | undefined {
  const first = workloads.get(id);
  if (first !== undefined || behind.size === 0) return first;
  const [, kind = ""] = /^[^:]*:([^/]*)/.exec(id) ?? [];
  const keys = [...(behind.get(kind) ?? [])].map((group) => `${id}@${group}`);
  return keys.map((key) => workloads.get(key)).find((one) => one !== undefined);
}

function keepWorkload(
  { workloads, behind }: State,
  id: string,
  told: { source: WorkloadSource; change: InformerChange<Workload> },
): void {
  const { source, change } = told;
  const key = source.behind === "" ? id : `${id}@${source.behind}`;
  if (change.type === "delete") {
    workloads.delete(key);
    return;
  }
  if (source.behind !== "")
    behind.set(source.kind, (behind.get(source.kind) ?? new Set()).add(source.behind));
  workloads.set(key, change.item);
}

function keepPod(state: State, id: string, change: InformerChange<ProjectedPod>): void {
  const ofWorkload = state.podsOf.get(id) ?? new Set<string>();
  if (change.type === "upsert" && change.item.trouble !== undefined) {
    state.pods.set(change.key, change.item);
    state.podsOf.set(id, ofWorkload.add(change.key));
    return;
  }
  state.pods.delete(change.key);
  ofWorkload.delete(change.key);
  if (ofWorkload.size === 0) state.podsOf.delete(id);
}

/** A pod of the current template that is in trouble explains a rollout that does not end. */
function rendered(state: State, id: string): Workload | undefined {
  const workload = workloadAt(state, id);
  const pods = state.podsOf.get(id);
  const rollout = workload?.rollout;
  if (workload === undefined || rollout === undefined || pods === undefined) return workload;
  if (rollout.phase === RolloutPhase.ROLLOUT_PHASE_COMPLETE) return workload;
  const images = workload.containers
    .filter((container) => !container.init)
    .map((container) => container.image);
  // A pod may hold more than its template: meshes and the like inject containers.
  const ofTemplate = [...pods]
    .map((key) => state.pods.get(key))
    .filter((pod) => pod !== undefined && images.every((image) => pod.images.includes(image)));
  // What a pod that starts waits for explains less than what another one cannot do.
  const current = ofTemplate.find((pod) => pod?.trouble?.isStarting !== true) ?? ofTemplate[0];
  if (current?.trouble === undefined) return workload;
  const { reason, message } = current.trouble;
  const failed = rollout.phase === RolloutPhase.ROLLOUT_PHASE_FAILED;
  const told = failed ? { reason: rollout.reason, message: `${reason}: ${message}` } : { reason, message };
  return { ...workload, rollout: { ...rollout, ...told } };
}

/** An informer's key is `namespace/name`; each informer knows its kind. */
function idOf(kind: string, key: string): string {
  const [namespace = "", name = ""] = key.split("/");
  return formatWorkloadId({ namespace, kind, name });
}
