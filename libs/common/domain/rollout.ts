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
  };
  readonly status?: {
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

/** Shape of the answer: phase, four counts, and the API server's reason when it gave one. */
export function judgeRollout(kind: string, object: WorkloadObject): RolloutFacts {
  switch (kind) {
    case "deployment":
      return judgeDeployment(object);
    case "statefulset":
      return judgeStatefulSet(object);
    case "daemonset":
      return judgeDaemonSet(object);
    case "job":
      return judgeJob(object);
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
  if (!observed(object)) return progressing(counts);
  // OnDelete: nothing moves until somebody deletes pods; the object itself is as wanted.
  if (object.spec?.updateStrategy?.type === "OnDelete") return done(counts);
  const updatedEnough = counts.updated >= Math.max(0, desired - partition);
  const revisionsMeet = partition > 0 || desired === 0 || status.currentRevision === status.updateRevision;
  return updatedEnough && counts.ready >= desired && revisionsMeet ? done(counts) : progressing(counts);
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
  if (!observed(object)) return progressing(counts);
  if (object.spec?.updateStrategy?.type === "OnDelete") return done(counts);
  return counts.updated === desired && counts.available === desired ? done(counts) : progressing(counts);
}

function judgeJob(object: WorkloadObject): RolloutFacts {
  const desired = object.spec?.completions ?? 1;
  const succeeded = object.status?.succeeded ?? 0;
  const counts = { desired, updated: desired, ready: succeeded, available: succeeded };
  if (condition(object, "Complete", "True") !== undefined) return done(counts);
  const failure = condition(object, "Failed", "True");
  return failure === undefined ? progressing(counts) : failed(counts, failure);
}

function observed(object: WorkloadObject): boolean {
  return (object.status?.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);
}

function condition(object: WorkloadObject, type: string, status: string) {
  return object.status?.conditions?.find((c) => c.type === type && c.status === status);
}

function done(counts: Counts): RolloutFacts {
  return { phase: "complete", ...counts, reason: "", message: "" };
}

function failed(counts: Counts, why: { reason?: string; message?: string }): RolloutFacts {
  return { phase: "failed", ...counts, reason: why.reason ?? "Failed", message: why.message ?? "" };
}

function progressing(counts: Counts, why?: { reason?: string; message?: string }): RolloutFacts {
  return { phase: "progressing", ...counts, reason: why?.reason ?? "", message: why?.message ?? "" };
}
