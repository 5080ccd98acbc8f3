import { shortName } from "#common/domain/plan.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";

/** Over this many workloads the log has one step per kind of act; the rest is in the results. */
export const maxNamedSteps = 50;

type StepsOf = Pick<JobRow, "id" | "kind" | "targets">;

/** "Rollout of shop/web." or "Restart of shop/web." */
export function targetStepText({ kind }: Pick<JobRow, "kind">, { workload }: RolloutTarget): string {
  return `${kind === "restart" ? "Restart" : "Rollout"} of ${shortName(workload)}.`;
}

/** The open steps of what is to be judged now. */
export function openTargetSteps(job: Pick<JobRow, "kind" | "targets">): steps.NewStep[] {
  const pending = job.targets.filter((target) => target.verdict === "pending");
  if (pending.length <= maxNamedSteps)
    return pending.map((target) => ({ text: targetStepText(job, target), open: true }));
  const what = job.kind === "restart" ? "Restart" : "Rollout";
  return [{ text: `${what} of ${pending.length} services.`, open: true }];
}

/** Ends the steps of targets that have a verdict now and had none in the job's row. */
export async function endTargetSteps(tx: Db, job: StepsOf, targets: readonly RolloutTarget[]): Promise<void> {
  if (targets.length > maxNamedSteps) return;
  const open = await steps.openSteps(tx, job.id);
  for (const [index, target] of targets.entries()) {
    if (target.verdict === job.targets[index]?.verdict) continue;
    const named = targetStepText(job, target);
    const step = open.find((candidate) => candidate.text === named);
    const outcome = target.verdict === "good" ? "ok" : target.verdict === "bad" ? "failed" : "skipped";
    const detail = target.reason === null ? {} : { detail: target.reason };
    if (step !== undefined)
      await steps.endStep(tx, { jobId: job.id, number: step.number, outcome, ...detail });
    if (target.verdict === "good") {
      const text = `${shortName(target.workload)} is healthy.`;
      await steps.appendSteps(tx, job.id, [{ text, outcome }]);
    }
  }
}
