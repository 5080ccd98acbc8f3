import { nobody } from "#common/domain/owner.ts";
import { shortName } from "#common/domain/plan.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget, StoredPlan } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { holdPassedOver } from "./hold-passed-over.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

export interface AdoptedCommit {
  readonly jobId: string;
  readonly commit: string;
  readonly plan: StoredPlan;
  readonly event: "adopted" | "earlier-push-found";
}

/** The job's commit is on the branch: recorded, with its changes, and on to the rollout. */
export async function adopt(tx: Db, context: LaneContext, commit: AdoptedCommit): Promise<void> {
  const { plan, jobId } = commit;
  const job = await jobs.mustGetJob(tx, jobId);
  const targets = rolloutTargets(context, job.environment, plan.targets);
  await steps.endOpenSteps(tx, jobId, { outcome: "ok" });
  await steps.appendSteps(tx, jobId, [
    { text: `Pushed commit: ${job.headline}`, outcome: "ok", detail: commit.commit.slice(0, 7) },
  ]);
  await holdPassedOver(tx, environmentNamed(context, job.environment), { job, results: plan.results });
  if (targets.length > 0) await steps.appendSteps(tx, jobId, [{ text: regradeText(targets), open: true }]);
  await jobs.moveJob(tx, {
    id: jobId,
    event: targets.length === 0 ? "adopted-committed" : commit.event,
    patch: {
      commit_sha: commit.commit,
      results: changedResults(plan.results),
      changes: plan.changes,
      targets,
      ...(targets.length === 0 ? {} : { dueInMs: 0 }),
    },
  });
}

/** The seed's line; a change of policies rolls nothing out. */
export function regradeText(targets: readonly RolloutTarget[]): string {
  const names = targets.map((target) => shortName(target.workload)).join(", ");
  const isPolicy = targets.every((target) => target.policiesOnly === true);
  return isPolicy
    ? `Bring the annotations of ${targets.length} service(s) to the cluster: ${names}.`
    : `Regrade ${targets.length} service(s): ${names}.`;
}

/** What is rolled out now; in `hand-off` somebody else applies it all, and we only watch. */
export function rolloutTargets(
  context: LaneContext,
  environment: string,
  targets: readonly RolloutTarget[],
): readonly RolloutTarget[] {
  if (environmentNamed(context, environment)?.mode !== "hand-off") return targets;
  return targets.map((target) => ({ ...target, handedOff: nobody }));
}

/** What was planned is on the branch. */
export function changedResults(results: JobRow["results"]): JobRow["results"] {
  return results.map((result) => (result.result === "change" ? { ...result, result: "changed" } : result));
}
