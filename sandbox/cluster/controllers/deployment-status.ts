import { at, numberAt, objectsAt, textAt, type JsonObject } from "../json.ts";
import { kubeTime, type KubeObject } from "../object.ts";
import { limits } from "./deployment-limits.ts";
import type { Hands } from "./hands.ts";
import { conditionOf, withoutZeros } from "./pods-of.ts";

/** When each Deployment last made progress, finer than the seconds its conditions can say. */
export interface ProgressMemory {
  /** A new ReplicaSet was made. */
  started(deployment: KubeObject, set: KubeObject, now: Date): void;
  /** The ReplicaSet whose making has not been told in the status yet. */
  takeStarted(uid: string): string | undefined;
  moved(uid: string, now: Date): void;
  lastMs(uid: string): number | undefined;
  forget(uid: string): void;
}

/** An empty memory. */
export function createProgressMemory(): ProgressMemory {
  const moves = new Map<string, number>();
  const fresh = new Map<string, string>();
  return {
    started({ metadata }, set, now) {
      moves.set(metadata.uid, now.getTime());
      fresh.set(metadata.uid, set.metadata.name);
    },
    takeStarted(uid) {
      const name = fresh.get(uid);
      fresh.delete(uid);
      return name;
    },
    moved: (uid, now) => void moves.set(uid, now.getTime()),
    lastMs: (uid) => moves.get(uid),
    forget(uid) {
      moves.delete(uid);
      fresh.delete(uid);
    },
  };
}

/** A Deployment with its ReplicaSets, `current` being the one of its template. */
export interface Rollout {
  readonly deployment: KubeObject;
  readonly sets: readonly KubeObject[];
  readonly current: KubeObject | undefined;
}

/** Writes counts and conditions; answers when the deadline has to be looked at. */
export function writeDeploymentStatus(
  hands: Hands,
  memory: ProgressMemory,
  { deployment, sets, current }: Rollout,
): number | undefined {
  const latest = hands.fresh(deployment);
  if (latest === undefined) return undefined;
  const counts = countsOf(deployment, sets, current);
  const name = current?.metadata.name ?? "";
  const before: Counts = {
    replicas: numberAt(latest.status, "replicas"),
    updated: numberAt(latest.status, "updatedReplicas"),
    ready: numberAt(latest.status, "readyReplicas"),
    available: numberAt(latest.status, "availableReplicas"),
    unavailable: 0,
  };
  const progress = progressing(memory, { deployment: latest, name, before, counts, now: hands.now() });
  const conditions = withTimes(latest, [availability(latest, counts), ...progress.conditions], hands.now());
  const revision = current?.metadata.annotations?.[revisionKey];
  const annotations = {
    ...latest.metadata.annotations,
    ...(revision === undefined ? {} : { [revisionKey]: revision }),
  };
  const status = {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...withoutZeros({
      replicas: counts.replicas,
      updatedReplicas: counts.updated,
      readyReplicas: counts.ready,
      availableReplicas: counts.available,
      unavailableReplicas: counts.unavailable,
    }),
    terminatingReplicas: sets.reduce((sum, set) => sum + numberAt(set.status, "terminatingReplicas"), 0),
    conditions,
  };
  hands.updateStatus({ ...latest, metadata: { ...latest.metadata, annotations }, status });
  return progress.lookAgainMs;
}

const revisionKey = "deployment.kubernetes.io/revision";

interface Counts {
  readonly replicas: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly unavailable: number;
}

function countsOf(
  deployment: KubeObject,
  sets: readonly KubeObject[],
  current: KubeObject | undefined,
): Counts {
  const sum = (part: "spec" | "status", field: string): number =>
    sets.reduce((total, set) => total + numberAt(set[part], field), 0);
  const available = sum("status", "availableReplicas");
  const asked = Math.max(sum("spec", "replicas"), numberAt(deployment.spec, "replicas"));
  return {
    replicas: sum("status", "replicas"),
    updated: numberAt(current?.status, "replicas"),
    ready: sum("status", "readyReplicas"),
    available,
    unavailable: Math.max(0, asked - available),
  };
}

function availability(deployment: KubeObject, counts: Counts): JsonObject {
  const { desired, unavailable } = limits(deployment);
  return counts.available >= desired - unavailable
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

interface ProgressInput {
  readonly deployment: KubeObject;
  readonly name: string;
  readonly before: Counts;
  readonly counts: Counts;
  readonly now: Date;
}

interface Progress {
  readonly conditions: readonly JsonObject[];
  readonly lookAgainMs: number | undefined;
}

/** The Progressing condition: made, moving, done, or out of time. */
function progressing(memory: ProgressMemory, input: ProgressInput): Progress {
  const { deployment, name, before, counts, now } = input;
  const { uid } = deployment.metadata;
  const known = conditionOf(deployment, "Progressing");
  const say = (status: string, reason: string, message: string): readonly JsonObject[] => [
    { type: "Progressing", status, reason, message },
  ];
  if (at(deployment.spec, "paused") === true) {
    return { conditions: say("Unknown", "DeploymentPaused", "Deployment is paused"), lookAgainMs: undefined };
  }
  const started = memory.takeStarted(uid);
  const desired = numberAt(deployment.spec, "replicas");
  const wasDone = counts.replicas === counts.updated && textAt(known, "reason") === "NewReplicaSetAvailable";
  if (started === undefined && wasDone)
    return { conditions: known === undefined ? [] : [known], lookAgainMs: undefined };
  if (counts.updated === desired && counts.replicas === desired && counts.available === desired) {
    const message = `ReplicaSet "${name}" has successfully progressed.`;
    return { conditions: say("True", "NewReplicaSetAvailable", message), lookAgainMs: undefined };
  }
  if (started === undefined && hasMoved(before, counts)) {
    memory.moved(uid, now);
    const message = `ReplicaSet "${name}" is progressing.`;
    return {
      conditions: say("True", "ReplicaSetUpdated", message),
      lookAgainMs: deadlineMs(memory, deployment, now),
    };
  }
  const leftMs = deadlineMs(memory, deployment, now);
  if (leftMs !== undefined && leftMs <= 0) {
    const message = `ReplicaSet "${name}" has timed out progressing.`;
    return { conditions: say("False", "ProgressDeadlineExceeded", message), lookAgainMs: undefined };
  }
  if (started === undefined && known !== undefined && textAt(known, "reason") !== "DeploymentPaused") {
    return { conditions: [known], lookAgainMs: leftMs };
  }
  const created = started !== undefined;
  const message = created ? `Created new replica set "${started}"` : `Found new replica set "${name}"`;
  const reason = created ? "NewReplicaSetCreated" : "FoundNewReplicaSet";
  return { conditions: say("True", reason, message), lookAgainMs: leftMs };
}

function hasMoved(before: Counts, counts: Counts): boolean {
  return (
    counts.updated > before.updated ||
    counts.replicas - counts.updated < before.replicas - before.updated ||
    counts.ready > before.ready ||
    counts.available > before.available
  );
}

function deadlineMs(memory: ProgressMemory, deployment: KubeObject, now: Date): number | undefined {
  const seconds = at(deployment.spec, "progressDeadlineSeconds");
  if (
    typeof seconds !== "number" ||
    textAt(conditionOf(deployment, "Progressing"), "reason") === "NewReplicaSetAvailable"
  ) {
    return undefined;
  }
  const last = memory.lastMs(deployment.metadata.uid);
  if (last !== undefined) return last + seconds * 1000 - now.getTime();
  memory.moved(deployment.metadata.uid, now);
  return seconds * 1000;
}

/** Conditions with their times: the transition only moves with the status, the update with every change. */
function withTimes(
  deployment: KubeObject,
  conditions: readonly JsonObject[],
  now: Date,
): readonly JsonObject[] {
  const known = objectsAt(deployment.status, "conditions");
  return conditions.map((condition) => {
    const old = known.find(({ type }) => type === condition["type"]);
    const time = kubeTime(now);
    const sameStatus = old !== undefined && old["status"] === condition["status"];
    const isSame =
      sameStatus && old["reason"] === condition["reason"] && old["message"] === condition["message"];
    if (isSame) return old;
    return {
      ...condition,
      lastUpdateTime: time,
      lastTransitionTime: sameStatus ? (old["lastTransitionTime"] ?? time) : time,
    };
  });
}
