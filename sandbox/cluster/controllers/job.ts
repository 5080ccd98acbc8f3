import { at, numberAt, objectsAt, textAt, type JsonObject } from "../json.ts";
import { kubeTime, type KubeObject } from "../object.ts";
import type { Hands } from "./hands.ts";
import { conditionOf, isActive, isReady, podFrom, podsOf, withoutZeros } from "./pods-of.ts";

/** Runs the pods of a Job until enough have succeeded or too many have failed. */
export function reconcileJob(hands: Hands, job: KubeObject): undefined {
  const isOver = conditionOf(job, "Complete") !== undefined || conditionOf(job, "Failed") !== undefined;
  if (job.metadata.deletionTimestamp !== undefined || isOver || at(job.spec, "suspend") === true)
    return undefined;
  const pods = podsOf(hands, job);
  const inPhase = (phase: string): number =>
    pods.filter((pod) => textAt(pod.status, "phase") === phase).length;
  const succeeded = inPhase("Succeeded");
  const failed = inPhase("Failed");
  const wanted = numberAt(job.spec, "completions") || 1;
  const tooMany = failed > numberAt(job.spec, "backoffLimit");
  const active = pods.filter(isActive);
  if (succeeded < wanted && !tooMany) {
    const free = Math.min(numberAt(job.spec, "parallelism"), wanted - succeeded) - active.length;
    for (let missing = free; missing > 0; missing -= 1) {
      hands.create(podFrom(job, { name: `${job.metadata.name}-${hands.suffix()}`, labels: {} }));
    }
  }
  if (tooMany) for (const pod of active) hands.remove(pod);
  writeStatus(hands, job, { succeeded, failed, isDone: succeeded >= wanted, tooMany });
  return undefined;
}

interface JobCounts {
  readonly succeeded: number;
  readonly failed: number;
  readonly isDone: boolean;
  readonly tooMany: boolean;
}

function writeStatus(hands: Hands, job: KubeObject, { succeeded, failed, isDone, tooMany }: JobCounts): void {
  const latest = hands.fresh(job);
  if (latest === undefined) return;
  const pods = podsOf(hands, job).filter(isActive);
  const now = kubeTime(hands.now());
  const startTime = textAt(latest.status, "startTime") || now;
  const conditions = [
    ...objectsAt(latest.status, "conditions"),
    ...(isDone
      ? [finished("SuccessCriteriaMet", now, doneReason), finished("Complete", now, doneReason)]
      : []),
    ...(tooMany ? [finished("FailureTarget", now, failedReason), finished("Failed", now, failedReason)] : []),
  ];
  const status = {
    ...withoutZeros({ active: pods.length, ready: pods.filter(isReady).length, succeeded, failed }),
    startTime,
    ...(isDone ? { completionTime: now } : {}),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  hands.updateStatus({ ...latest, status });
}

const doneReason = { reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };
const failedReason = {
  reason: "BackoffLimitExceeded",
  message: "Job has reached the specified backoff limit",
};

function finished(type: string, time: string, why: JsonObject): JsonObject {
  return { type, status: "True", lastProbeTime: time, lastTransitionTime: time, ...why };
}
