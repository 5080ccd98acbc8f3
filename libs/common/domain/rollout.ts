/**
 * Judges a rollout from the object alone, as kubectl does for each kind (KUBERNETES §6).
 * Pure: the watcher feeds it with what the API server tells.
 */

export type RolloutPhase = "progressing" | "complete" | "failed";

export interface RolloutFacts {
  readonly phase: RolloutPhase;
  readonly desired: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** The API server's own word, e.g. "ProgressDeadlineExceeded"; empty when there is none. */
  readonly reason: string;
  readonly message: string;
}

/** The part of a workload object that judging reads; absent counts are zero. */
export interface WorkloadObject {
  readonly metadata?: { readonly generation?: number };
  readonly spec?: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly partition?: number };
    };
    readonly completions?: number;
    readonly suspend?: boolean;
  };
  readonly status?: {
    /** A pod's. */
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
    readonly numberAvailable?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly succeeded?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

type Counts = Pick<RolloutFacts, "desired" | "updated" | "ready" | "available">;

/**
 * Shape of the answer: phase, four counts, and the API server's reason when it gave one. A complete
 * rollout that leaves pods as they are says so by reason "OnDelete" or "Partition".
 */
export function judgeRollout(kind: string, object: WorkloadObject): RolloutFacts {
  switch (kind) {
    case "deployment":
      return judgeDeployment(object);
    case "statefulset":
      return judgeStatefulSet(object);
    case "daemonset":
      return judgeDaemonSet(object);
    case "replicaset":
    case "replicationcontroller":
      return judgeReplicaSet(object);
    case "job":
      return judgeJob(object);
    case "pod":
      return judgePod(object);
    default:
      // A CronJob has no observedGeneration: it is healthy once its template is read back.
      return done({ desired: 0, updated: 0, ready: 0, available: 0 });
  }
}

function judgeDeployment(object: WorkloadObject): RolloutFacts {
  const status = object.status ?? {};
  const desired = object.spec?.replicas ?? 1;
  const counts = {
    desired,
    updated: status.updatedReplicas ?? 0,
    ready: status.readyReplicas ?? 0,
    available: status.availableReplicas ?? 0,
  };
  if (!observed(object)) return progressing(counts);
  const failure = condition(object, "Progressing", "False");
  if (failure?.reason === "ProgressDeadlineExceeded") return failed(counts, failure);
  const settled =
    counts.updated === desired && counts.available === desired && (status.replicas ?? 0) === desired;
  if (settled) return done(counts);
  // A paused Deployment takes in no new template: it waits for a person, and should say so.
  if (object.spec?.paused === true) return progressing(counts, paused);
  return progressing(counts, condition(object, "ReplicaFailure", "True"));
}

const paused = { reason: "DeploymentPaused", message: "it is paused; resume it to let the rollout go on" };

/**
 * As kubectl, but stricter where it is content with the count: without a partition the revisions must
 * meet too, and pods must be available, not only ready (minReadySeconds).
 */
function judgeStatefulSet(object: WorkloadObject): RolloutFacts {
  const status = object.status ?? {};
  const desired = object.spec?.replicas ?? 1;
  const partition = object.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const counts = {
    desired,
    updated: status.updatedReplicas ?? 0,
    ready: status.readyReplicas ?? 0,
    available: status.availableReplicas ?? status.readyReplicas ?? 0,
  };
  if (!observed(object) || counts.available < desired) return progressing(counts);
  if (isOnDelete(object)) return done(counts, leftToDelete(counts));
  if (counts.updated < Math.max(0, desired - partition)) return progressing(counts);
  if (partition > 0) return done(counts, leftByPartition(counts));
  const revisionsMeet = desired === 0 || status.currentRevision === status.updateRevision;
  return revisionsMeet ? done(counts) : progressing(counts);
}

function judgeDaemonSet(object: WorkloadObject): RolloutFacts {
  const status = object.status ?? {};
  const desired = status.desiredNumberScheduled ?? 0;
  const counts = {
    desired,
    updated: status.updatedNumberScheduled ?? 0,
    ready: status.numberReady ?? 0,
    available: status.numberAvailable ?? 0,
  };
  if (!observed(object) || counts.available < desired) return progressing(counts);
  if (isOnDelete(object)) return done(counts, leftToDelete(counts));
  return counts.updated >= desired ? done(counts) : progressing(counts);
}

/** A new template is for pods to come: those that run stay, and nothing counts who has which. */
function judgeReplicaSet(object: WorkloadObject): RolloutFacts {
  const status = object.status ?? {};
  const desired = object.spec?.replicas ?? 1;
  const counts = {
    desired,
    updated: status.replicas ?? 0,
    ready: status.readyReplicas ?? 0,
    available: status.availableReplicas ?? 0,
  };
  const settled = observed(object) && counts.updated === desired && counts.available >= desired;
  return settled ? done(counts) : progressing(counts, condition(object, "ReplicaFailure", "True"));
}

/** kubectl refuses to judge OnDelete: nothing moves until somebody deletes pods. The object is as wanted. */
function isOnDelete(object: WorkloadObject): boolean {
  return object.spec?.updateStrategy?.type === "OnDelete";
}

function leftToDelete({ updated, desired }: Counts) {
  if (updated >= desired) return undefined;
  const message = `${updated} of ${desired} pods are updated; the others keep the old image until they are deleted`;
  return { reason: "OnDelete", message };
}

function leftByPartition({ updated, desired }: Counts) {
  if (updated >= desired) return undefined;
  const message = `${updated} of ${desired} pods are updated; the partition keeps the others as they are`;
  return { reason: "Partition", message };
}

/** Without completions the pods share one queue, and one success ends them all. */
function judgeJob(object: WorkloadObject): RolloutFacts {
  const desired = object.spec?.completions ?? 1;
  const succeeded = object.status?.succeeded ?? 0;
  const counts = { desired, updated: desired, ready: succeeded, available: succeeded };
  if (condition(object, "Complete", "True") !== undefined) return done(counts);
  // FailureTarget comes first: it is decided, only its last pods are still ending.
  const failure = condition(object, "Failed", "True") ?? condition(object, "FailureTarget", "True");
  if (failure !== undefined) return failed(counts, failure);
  return progressing(counts, object.spec?.suspend === true ? suspended : undefined);
}

const suspended = { reason: "JobSuspended", message: "it is suspended; resume it to let it run" };

/** One that is meant to end is well when it succeeded, any other when it is ready. */
function judgePod(object: WorkloadObject): RolloutFacts {
  const { phase, reason = "", message = "", observedGeneration } = object.status ?? {};
  const ready = condition(object, "Ready", "True") !== undefined ? 1 : 0;
  const counts = { desired: 1, updated: 1, ready, available: ready };
  // API servers before 1.35 may tell no observed generation of pods.
  if (observedGeneration !== undefined && !observed(object)) return progressing({ ...counts, updated: 0 });
  if (phase === "Failed") return failed(counts, { reason: reason === "" ? "PodFailed" : reason, message });
  return ready === 1 || phase === "Succeeded" ? done(counts) : progressing(counts);
}

function observed(object: WorkloadObject): boolean {
  return (object.status?.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);
}

function condition(object: WorkloadObject, type: string, status: string) {
  return object.status?.conditions?.find((c) => c.type === type && c.status === status);
}

function done(counts: Counts, left?: { reason: string; message: string }): RolloutFacts {
  return { phase: "complete", ...counts, reason: left?.reason ?? "", message: left?.message ?? "" };
}

function failed(counts: Counts, why: { reason?: string; message?: string }): RolloutFacts {
  return { phase: "failed", ...counts, reason: why.reason ?? "Failed", message: why.message ?? "" };
}

function progressing(counts: Counts, why?: { reason?: string; message?: string }): RolloutFacts {
  return { phase: "progressing", ...counts, reason: why?.reason ?? "", message: why?.message ?? "" };
}
