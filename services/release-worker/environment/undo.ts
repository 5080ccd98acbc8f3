import { laneSubject } from "#common/contracts/queue.ts";
import { errorCatalogue } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { shortName } from "#common/domain/plan.ts";
import * as holds from "#common/store/holds.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import type { EnvironmentContext } from "./environment-context.ts";

/** More than this in ten minutes means that something else is broken: people must look. */
const maxAutomaticPerTenMinutes = 5;

/**
 * CORRECTNESS 26: the failing verdict, the rollback job and the hold are one transaction. The
 * original stays rolling-out until the rollback ends. False: no rollback is wanted.
 */
export async function beginAutomaticRollback(
  tx: Db,
  context: EnvironmentContext,
  failed: { job: JobRow; results: JobRow["results"]; why: string },
): Promise<boolean> {
  const { job, results, why } = failed;
  const { deps, environment } = context;
  const wanted = job.origin === "automation" || environment.onFailure === "rollback";
  if (job.kind !== "release" || !wanted || job.changes.length === 0) return false;
  const recent = await jobs.countAutomaticRollbacks(tx, { environment: job.environment, withinMs: 600_000 });
  if (recent >= maxAutomaticPerTenMinutes) return false;
  const id = deps.newId();
  const names = [...new Set(job.targets.map((target) => shortName(target.workload)))];
  const headline = `Rollback: ${names.slice(0, 5).join(", ")} to the previous images`;
  await acceptJob(tx, {
    job: {
      id,
      kind: "rollback",
      environment: job.environment,
      lane_id: job.lane_id,
      settings_revision: job.settings_revision,
      phase: "queued",
      priority: 0,
      origin: "rollback",
      headline,
      spec: JSON.stringify({ kind: "rollback", of: job.id, override: [] }),
      message: `The rollout failed: ${why}`,
      requested_by: job.requested_by,
      rollback_of: job.id,
      automatic: true,
    },
  });
  for (const target of job.targets.filter((candidate) => candidate.verdict === "bad")) {
    for (const [container, image] of Object.entries(target.images)) {
      const hold = { environment: job.environment, workload: target.workload, container, image };
      await holds.setHold(tx, { ...hold, job_id: job.id, reason: target.reason ?? why });
    }
  }
  await steps.appendSteps(tx, job.id, [{ text: headline, open: true, detail: `job ${id.slice(-8)}` }]);
  const patch = { targets: job.targets, results, waiting_for: `rollback ${id.slice(-8)}` };
  await jobs.patchJob(tx, job.id, patch);
  await deps.ring(laneSubject(job.lane_id));
  return true;
}

/** Ends a job whose rollback has ended; called for every rolling-out job whose targets are all judged. */
export async function settleUndone(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease } = context;
  const rollback = await jobs.automaticRollbackOf(deps.store.db, job.id);
  if (rollback === undefined || !isTerminal(rollback.phase)) return;
  const undone = rollback.phase === "succeeded" && rollback.outcome !== "nothing-to-do";
  const bad = job.targets.filter((target) => target.verdict === "bad");
  const error = {
    code: "ROLLOUT_FAILED",
    title: errorCatalogue.ROLLOUT_FAILED.title,
    detail: bad.map((target) => `${shortName(target.workload)}: ${target.reason ?? "failed"}`).join("; "),
    hint: undone ? "the previous images are back; a hold keeps automation from trying again" : null,
  };
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: undone ? "ok" : "failed" });
    const event = undone ? "rolled-back" : "target-bad";
    await jobs.moveJob(tx, { id: job.id, event, patch: { error, waiting_for: null } });
  });
  deps.store.hint(job.id);
}
