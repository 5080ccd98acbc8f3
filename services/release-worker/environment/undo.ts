import { errorCatalogue } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { shortName } from "#common/domain/plan.ts";
import * as holds from "#common/store/holds.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { acceptAutomaticRollback } from "../accept-rollback.ts";
import type { EnvironmentContext } from "./environment-context.ts";

/** More than this in ten minutes means that something else is broken: people must look. */
const maxAutomaticPerTenMinutes = 5;

/**
 * CORRECTNESS 26: the failing verdict, the rollback job and the hold are one transaction. The
 * original stays rolling-out until the rollback ends. The caller rings the lane after the commit.
 */
export async function beginAutomaticRollback(
  tx: Db,
  context: EnvironmentContext,
  failed: { job: JobRow; results: JobRow["results"]; why: string },
): Promise<"begun" | "unwanted" | "too-many"> {
  const { job, results, why } = failed;
  const { deps } = context;
  const wanted = job.targets.some((target) => target.verdict === "bad" && asksForUndo(context, job, target));
  if (job.kind !== "release" || !wanted || job.changes.length === 0) return "unwanted";
  const recent = await jobs.countAutomaticRollbacks(tx, { environment: job.environment, withinMs: 600_000 });
  if (recent >= maxAutomaticPerTenMinutes) {
    deps.log.error("too many automatic rollbacks: no more are begun", {
      environment: job.environment,
      recent,
    });
    return "too-many";
  }
  const message = `The rollout failed: ${why}`;
  const { id, headline } = await acceptAutomaticRollback(tx, deps, { job, message });
  for (const target of job.targets.filter(failedItself)) {
    for (const [container, image] of Object.entries(target.images)) {
      const hold = { environment: job.environment, workload: target.workload, container, image };
      await holds.setHold(tx, { ...hold, job_id: job.id, reason: target.reason ?? why });
    }
  }
  await steps.appendSteps(tx, job.id, [{ text: headline, open: true, detail: `job ${id.slice(-8)}` }]);
  const waiting = { waiting_for: `rollback ${id.slice(-8)}`, unknown_since: null };
  await jobs.patchJob(tx, job.id, { targets: job.targets, results, ...waiting });
  return "begun";
}

/** What automation brought is always taken back; else the workload's policy goes before the environment's word. */
function asksForUndo(
  { environment }: EnvironmentContext,
  { origin }: JobRow,
  { autoRollback }: RolloutTarget,
): boolean {
  return origin === "automation" || (autoRollback ?? environment.onFailure === "rollback");
}

/** What its owner did not bring says nothing against the image. */
function failedItself({ verdict, handedOff }: RolloutTarget): boolean {
  return verdict === "bad" && handedOff?.inVain === undefined;
}

/** Ends a job whose rollback has ended; false when it has none, so that it must end by its verdicts. */
export async function settleUndone(context: EnvironmentContext, job: JobRow): Promise<boolean> {
  const { deps, lease } = context;
  const rollback = await jobs.automaticRollbackOf(deps.store.db, job.id);
  if (rollback === undefined) return false;
  if (!isTerminal(rollback.phase)) return true;
  const undone = rollback.phase === "succeeded" && rollback.outcome !== "nothing-to-do";
  const bad = job.targets.filter((target) => target.verdict === "bad");
  const error = {
    code: "ROLLOUT_FAILED",
    title: errorCatalogue.ROLLOUT_FAILED.title,
    detail: bad.map((target) => `${shortName(target.workload)}: ${target.reason ?? "failed"}`).join("; "),
    hint: hintOf(rollback),
  };
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: undone ? "ok" : "failed" });
    const event = undone ? "rolled-back" : "target-bad";
    await jobs.moveJob(tx, { id: job.id, event, patch: { error, waiting_for: null } });
  });
  deps.store.hint(job.id);
  return true;
}

function hintOf(rollback: JobRow): string {
  if (rollback.outcome === "nothing-to-do") return "a newer release has replaced its images already";
  if (rollback.phase === "succeeded")
    return "the previous images are back; a hold keeps automation from trying again";
  return `its rollback ${rollback.id.slice(-8)} ended ${rollback.outcome ?? rollback.phase}`;
}
