import type { RolloutTarget } from "#common/store/schema.ts";
import { tryParseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import { RolloutPhase, type Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** What a fresh observation of the cluster says about one target of a job. */
export type Verdict =
  | { readonly kind: "pending"; readonly progress: string; readonly trouble?: string }
  | { readonly kind: "good" }
  | { readonly kind: "bad"; readonly reason: string }
  | { readonly kind: "superseded"; readonly by: string | null };

/** A failing pod that recovers within this time was only starting. */
const failingGraceMs = 20_000;
const failingReasons = [
  "ImagePullBackOff",
  "ErrImagePull",
  "CrashLoopBackOff",
  "InvalidImageName",
  "CreateContainerConfigError",
];

export interface Observation {
  readonly target: RolloutTarget;
  /** What the watcher shows; undefined when the workload is not there. */
  readonly seen: Workload | undefined;
  readonly jobId: string;
  readonly deadlineMs: number;
}

/**
 * CORRECTNESS 21: only an observation with the applied uid, at least the applied generation and the
 * committed images is judged; anything else is either older than our apply or somebody else's act.
 */
export function judgeTarget({ target, seen, jobId, deadlineMs }: Observation): Verdict {
  if (seen === undefined) return { kind: "bad", reason: "the workload was deleted" };
  if (target.uid !== null && seen.uid !== target.uid) {
    return { kind: "bad", reason: "the workload was deleted and made anew" };
  }
  const generation = BigInt(target.generation ?? 0);
  if (seen.generation < generation) return { kind: "pending", progress: "waiting to be seen" };
  if (!holdsImages(target, seen)) return otherImages({ target, seen, jobId, deadlineMs });
  const rollout = seen.rollout;
  if (rollout === undefined) return { kind: "pending", progress: "no status yet" };
  const counts = `${rollout.updated} of ${rollout.desired} updated`;
  if (rollout.phase === RolloutPhase.ROLLOUT_PHASE_COMPLETE) return { kind: "good" };
  const why = [rollout.reason, rollout.message].filter((text) => text !== "").join(": ");
  if (rollout.phase === RolloutPhase.ROLLOUT_PHASE_FAILED) return { kind: "bad", reason: why };
  if (failingReasons.includes(rollout.reason) && target.spentMs >= Math.min(failingGraceMs, deadlineMs)) {
    return { kind: "bad", reason: why };
  }
  if (target.spentMs >= deadlineMs) return late(deadlineMs, why === "" ? (target.trouble ?? "") : why);
  if (why === "") return { kind: "pending", progress: counts };
  return { kind: "pending", progress: `${counts}, ${why}`, trouble: why };
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

function sameImage(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [tryParseImageRef(a), tryParseImageRef(b)];
  if (left === undefined || right === undefined) return false;
  return (
    repositoryKey(left) === repositoryKey(right) && left.tag === right.tag && left.digest === right.digest
  );
}
