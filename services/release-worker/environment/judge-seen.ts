import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { isOurs, judgeTarget, type Verdict } from "./judge-target.ts";
import { nextPatience, type Patience } from "./patience.ts";

/** Judges a target by the newest sight of it, together with what this turn saw of it before. */
export function judgeSeen(
  context: EnvironmentContext,
  job: Pick<JobRow, "id">,
  { target, seen }: { target: RolloutTarget; seen: Workload | undefined },
): Verdict {
  const { rolloutDeadline, healthyFor: healthyForMs = 0 } = context.environment;
  const deadlineMs = target.deadlineMs ?? rolloutDeadline;
  const clock = context.clocks.get(job.id);
  const { workload, spentMs } = target;
  const before = clock?.patience.get(workload) ?? fromRow(target);
  const rollout = isOurs(target, seen) ? seen.rollout : undefined;
  const patience = rollout === undefined ? undefined : nextPatience(before, rollout, spentMs);
  if (patience === undefined) clock?.patience.delete(workload);
  else clock?.patience.set(workload, patience);
  const hasMoved = before !== undefined && patience !== undefined && patience.movedMs > before.movedMs;
  // What was wrong before pods went on explains nothing any more.
  if (hasMoved && (target.trouble ?? "") !== "") clock?.troubles.set(workload, "");
  const known = hasMoved ? { ...target, trouble: "" } : target;
  return judgeTarget({ target: known, seen, jobId: job.id, deadlineMs, healthyForMs, patience });
}

/** What a turn hands on to the next: only that it is healthy, and since when. */
export function withHealth(target: RolloutTarget, patience: Patience | undefined): RolloutTarget {
  const { healthySinceMs: _, ...others } = target;
  const sinceMs = target.verdict === "pending" ? patience?.healthySinceMs : undefined;
  return sinceMs === undefined ? others : { ...others, healthySinceMs: sinceMs };
}

function fromRow({ healthySinceMs, spentMs }: RolloutTarget): Patience | undefined {
  if (healthySinceMs === undefined) return undefined;
  const healthy = { completeAtMs: healthySinceMs, healthySinceMs };
  const failing = { failingSinceMs: undefined, failingSeenMs: undefined };
  return { atMs: spentMs, ...healthy, ...failing, movedMs: spentMs, mostUpdated: 0, mostAvailable: 0 };
}
