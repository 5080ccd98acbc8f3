import type { RolloutTarget } from "#common/store/schema.ts";
import { sameImage } from "#common/domain/image-ref.ts";
import { RolloutPhase, type Rollout, type Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { failingGraceMs, isFailing, isStarting, nextPatience, type Patience } from "./patience.ts";

/** What a fresh observation of the cluster says about one target of a job. */
export type Verdict =
  | { readonly kind: "pending"; readonly progress: string; readonly trouble?: string }
  /** The note: what a person should know of a rollout that is over. */
  | { readonly kind: "good"; readonly note?: string }
  | { readonly kind: "bad"; readonly reason: string }
  | { readonly kind: "superseded"; readonly by: string | null };

export interface Observation {
  readonly target: RolloutTarget;
  /** What the watcher shows; undefined when the workload is not there. */
  readonly seen: Workload | undefined;
  readonly jobId: string;
  readonly deadlineMs: number;
  /** It counts once it stayed complete for so long. */
  readonly healthyForMs?: number;
  /** What earlier looks saw; without it this is the first. */
  readonly patience?: Patience | undefined;
}

/**
 * CORRECTNESS 21: only an observation with the applied uid, at least the applied generation and the
 * committed images is judged; anything else is either older than our apply or somebody else's act.
 */
export function judgeTarget(observation: Observation): Verdict {
  const { target, seen, jobId, deadlineMs } = observation;
  if (seen === undefined) return { kind: "bad", reason: "the workload was deleted" };
  if (target.uid !== null && seen.uid !== target.uid) {
    return { kind: "bad", reason: "the workload was deleted and made anew" };
  }
  if (isOlder(target, seen)) return { kind: "pending", progress: "waiting to be seen" };
  if (!holdsImages(target, seen)) return otherImages({ target, seen, jobId, deadlineMs });
  if (seen.rollout === undefined) return { kind: "pending", progress: "no status yet" };
  return judgeSettling(observation, seen, seen.rollout);
}

/** Whether this is a sight of what was applied, with our images: what patience counts by. */
export function isOurs(target: RolloutTarget, seen: Workload | undefined): seen is Workload {
  if (seen === undefined || (target.uid !== null && seen.uid !== target.uid)) return false;
  return !isOlder(target, seen) && holdsImages(target, seen);
}

function isOlder(target: RolloutTarget, seen: Workload): boolean {
  return seen.generation < BigInt(target.generation ?? 0);
}

function judgeSettling(observation: Observation, seen: Workload, rollout: Rollout): Verdict {
  const { target, deadlineMs } = observation;
  const patience = observation.patience ?? nextPatience(undefined, rollout, target.spentMs);
  if (rollout.phase === RolloutPhase.ROLLOUT_PHASE_COMPLETE) return judgeHealthy(observation, seen, patience);
  const why = [rollout.reason, rollout.message].filter((text) => text !== "").join(": ");
  if (rollout.phase === RolloutPhase.ROLLOUT_PHASE_FAILED) return { kind: "bad", reason: why };
  const failingForMs = target.spentMs - (patience.failingSinceMs ?? target.spentMs);
  const isTooLong = failingForMs >= failingGraceMs || target.spentMs >= deadlineMs;
  if (isFailing(rollout) && isTooLong) return { kind: "bad", reason: why };
  const { trouble = "" } = target;
  const isCause = why !== "" && !isStarting(rollout);
  if (target.spentMs >= deadlineMs) return late(deadlineMs, isCause || trouble === "" ? why : trouble);
  const counts = countsOf(seen.kind, rollout);
  if (isCause) return { kind: "pending", progress: `${counts}, ${why}`, trouble: why };
  if (trouble !== "") return { kind: "pending", progress: `${counts}, ${trouble}` };
  return { kind: "pending", progress: why === "" ? counts : `${counts}, ${startingText(rollout)}` };
}

/** A deadline does not strike what is well and only has to stay so for a while. */
function judgeHealthy(
  { target, healthyForMs = 0 }: Observation,
  seen: Workload,
  patience: Patience,
): Verdict {
  const left = leftAsItWas(seen);
  // What runs no pods, or has run them to their end, cannot fall ill again.
  const counts = (seen.rollout?.desired ?? 0) > 0 && seen.kind !== "job";
  if (healthyForMs === 0 || !counts)
    return left === undefined ? { kind: "good" } : { kind: "good", note: left };
  const healthyMs = target.spentMs - (patience.healthySinceMs ?? target.spentMs);
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  const wanted = `${seconds(healthyForMs)} s`;
  if (healthyMs < healthyForMs)
    return { kind: "pending", progress: `healthy for ${seconds(healthyMs)} of ${wanted}` };
  return { kind: "good", note: [`healthy for ${wanted}`, left ?? ""].filter(Boolean).join("; ") };
}

/** Some kinds take a new template in and leave the pods that run alone. */
function leftAsItWas({ kind, rollout }: Workload): string | undefined {
  if (kind === "replicaset" || kind === "replicationcontroller")
    return "pods that run keep the old image until they are deleted";
  return rollout?.reason === "OnDelete" || rollout?.reason === "Partition" ? rollout.message : undefined;
}

function countsOf(kind: string, { updated, desired, available }: Rollout): string {
  if (kind === "job") return `${available} of ${desired} succeeded`;
  if (updated < desired || desired === 0) return `${updated} of ${desired} updated`;
  return `${updated} of ${desired} updated, ${Math.min(available, desired)} available`;
}

/** `front-end-6c9: ContainerCreating`: the message begins with the pod's name. */
function startingText({ reason, message }: Rollout): string {
  const [pod = ""] = message.split(": ");
  return pod === "" ? reason : `${pod}: ${reason}`;
}

function holdsImages(target: RolloutTarget, seen: Workload): boolean {
  return Object.entries(target.images).every(([container, image]) => {
    const running = seen.containers.find((candidate) => candidate.name === container);
    return running !== undefined && sameImage(running.image, image);
  });
}

/** At a newer generation it is a newer job's image, or somebody's by hand; at ours something changed our apply. */
function otherImages(o: {
  target: RolloutTarget;
  seen: Workload;
  jobId: string;
  deadlineMs: number;
}): Verdict {
  const { target, seen, jobId, deadlineMs } = o;
  if (seen.generation === BigInt(target.generation ?? 0) && seen.appliedJob === jobId) {
    const running = seen.containers.map((container) => container.image).join(", ");
    return target.spentMs >= deadlineMs
      ? late(deadlineMs, `the cluster holds other images than were applied: ${running}`)
      : { kind: "pending", progress: "waiting to be seen" };
  }
  const byJob = seen.appliedJob !== "" && seen.appliedJob !== jobId ? seen.appliedJob : null;
  return { kind: "superseded", by: byJob };
}

function late(deadlineMs: number, why: string): Verdict {
  const after = `not healthy after ${Math.round(deadlineMs / 1000)} s`;
  return { kind: "bad", reason: why === "" ? after : `${after}: ${why}` };
}
