import { recordChoices } from "#common/store/job-choices.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import type { LaneContext } from "./lane-context.ts";

/** A job and what came of planning it; without a plan when it could not be planned. */
interface Planned {
  readonly job: JobRow;
  readonly plan?: JobPlan;
}

/**
 * CORRECTNESS 13: what was chosen at a job's first planning is on record before anything is made of
 * the plan. Whatever ends that (the worker's death, a moved tip, a cluster that is away) then leads to
 * a second planning that reads it. Returns the jobs that have it now, by id.
 */
export async function recordFirstChoices(
  context: LaneContext,
  planned: readonly Planned[],
): Promise<ReadonlyMap<string, JobRow>> {
  const { deps, lease } = context;
  const choices = planned.flatMap(({ job, plan }) =>
    plan === undefined || job.spec.kind !== "release" || job.resolved !== null
      ? []
      : [{ jobId: job.id, resolved: plan.resolved }],
  );
  if (choices.length === 0) return new Map();
  deps.fault("after-plan");
  const rows = await deps.store.fenced(lease, (tx) => recordChoices(tx, choices));
  deps.fault("after-choice");
  return new Map(rows.map((job) => [job.id, job]));
}
