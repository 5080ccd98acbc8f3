import { errorCatalogue, type ErrorCode } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import * as holds from "#common/store/holds.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobErrorRow, JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { vainEnd } from "./hand-off-end.ts";
import { beginAutomaticRollback } from "./undo.ts";

/**
 * Ends a job whose targets all have their verdict (CORRECTNESS 22), or begins its undoing, in the
 * transaction that records the last verdict. True: a rollback was begun, and its lane should be rung
 * after the commit.
 */
export async function endJob(tx: Db, context: EnvironmentContext, job: JobRow): Promise<boolean> {
  const { targets } = job;
  const bad = targets.filter((target) => target.verdict === "bad");
  const good = targets.filter((target) => target.verdict === "good");
  await steps.endOpenSteps(tx, job.id, { outcome: bad.length === 0 ? "ok" : "failed" });
  const results = job.results.map((result) => withVerdict(job, result));
  const patch = { targets, results, waiting_for: null, unknown_since: null };
  if (bad.length === 0) {
    const event = good.length > 0 ? "all-good" : endWithoutGood(job);
    await jobs.moveJob(tx, { id: job.id, event, patch });
    if (job.kind === "release" && job.origin === "manual") await clearHolds(tx, job, good);
    return false;
  }
  const vain = vainEnd(job, bad);
  if (vain !== undefined) {
    await jobs.moveJob(tx, { id: job.id, event: "target-bad", patch: { ...patch, ...vain } });
    return false;
  }
  const why = bad.map((target) => `${shortName(target.workload)}: ${target.reason ?? "failed"}`).join("; ");
  const undoing = await beginAutomaticRollback(tx, context, { job, results, why });
  if (undoing === "begun") return true;
  const error = errorOf(bad, why, hintOf(job, bad, undoing));
  await jobs.moveJob(tx, { id: job.id, event: "target-bad", patch: { ...patch, error } });
  return false;
}

/** A sync that found everything as git says had nothing to do. */
function endWithoutGood({ kind, targets }: JobRow): "nothing-to-do" | "all-superseded" {
  const overtaken = targets.some((target) => target.verdict === "superseded");
  return kind === "sync" && !overtaken ? "nothing-to-do" : "all-superseded";
}

/** A person who brings an image that runs knows better than the rollback that stopped automation. */
async function clearHolds(tx: Db, job: JobRow, good: readonly RolloutTarget[]): Promise<void> {
  for (const { workload, images } of good) {
    for (const container of Object.keys(images)) {
      const { id: except, environment, requested_by: by } = job;
      await holds.liftHolds(tx, { environment, workload, container, by, except });
    }
  }
}

function withVerdict({ kind, targets }: JobRow, result: JobRow["results"][number]) {
  const target = targets.find((candidate) => candidate.workload === result.workload);
  if (target === undefined || result.result === "skip") return result;
  if (target.verdict === "bad") return { ...result, result: "failed" as const, detail: target.reason };
  // What a sync found to be different stays worth telling.
  const detail = target.reason ?? (kind === "sync" ? result.detail : null);
  return { ...result, result: "changed" as const, detail };
}

/** What we never applied has no uid: the API server refused it, or it is not there. */
function wasRefused(target: RolloutTarget): boolean {
  return target.uid === null && target.handedOff === undefined;
}

function hintOf(job: JobRow, bad: readonly RolloutTarget[], undoing: "unwanted" | "too-many"): string {
  if (job.kind === "restart") return "nothing was written to git; the template is what it was";
  if (job.kind === "sync") return "git says what was applied: mend it there, then sync again";
  const undo = `undo it: slipway rollback ${job.id.slice(-8)}`;
  if (undoing === "too-many")
    return `too many automatic rollbacks in ten minutes, no more are begun; look first, then ${undo}`;
  const refused = bad.filter(wasRefused).map((target) => shortName(target.workload));
  if (refused.length === 0) return `the commit stays in git; ${undo}`;
  return `git holds what the cluster refused (${refused.join(", ")}); ${undo}`;
}

const refusals = ["APPLY_CONFLICT", "APPLY_FORBIDDEN", "APPLY_REFUSED"] as const satisfies ErrorCode[];

/** Where everything bad was refused in one way, that is the error; the row keeps only its words. */
function errorOf(bad: readonly RolloutTarget[], why: string, hint: string): JobErrorRow {
  const refused = refusals.find((code) =>
    bad.every((target) => wasRefused(target) && target.reason?.startsWith(errorCatalogue[code].title)),
  );
  const code = refused ?? "ROLLOUT_FAILED";
  return { code, title: errorCatalogue[code].title, detail: why, hint };
}
