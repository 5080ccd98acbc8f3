import { mayHaveLanded } from "#common/store/ended-jobs.ts";
import * as ended from "#common/store/ended-jobs.ts";
import type { IntentCommit } from "#common/store/intents.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { acceptAutomaticRollback, type BegunRollback } from "../accept-rollback.ts";
import { toErrorRow } from "../error-row.ts";
import { changedResults } from "./adopt.ts";
import { landedAs } from "./earlier-push.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * Jobs that a person ended while nobody could tell what became of their push (CORRECTNESS 5f). Of
 * what is found out later they are told; what landed late is undone by a rollback of its own, begun
 * in the transaction that marks it.
 */
export type LateCommit = Pick<IntentCommit, "jobId" | "commit" | "plan">;

/** The commit of an ended job is on the branch; its environment's cluster was not touched for it. */
export async function landLate(tx: Db, context: LaneContext, late: LateCommit): Promise<void> {
  const { jobId, commit, plan } = late;
  const [job] = await jobs.lockJobs(tx, [jobId]);
  if (job === undefined || !mayHaveLanded(job)) return;
  const short = commit.slice(0, 7);
  const undo = await beginUndo(tx, context, { ...job, changes: plan.changes });
  await steps.appendSteps(tx, jobId, [
    { text: `Pushed commit: ${job.headline}`, detail: `${short}, found after the job was ended` },
    ...(undo === undefined ? [] : [{ text: undo.headline, detail: `job ${undo.id.slice(-8)}` }]),
  ]);
  const error = {
    ...toErrorRow("JOB_OUTCOME_UNKNOWN", `its commit ${short} landed late`),
    hint: undo === undefined ? "nothing of it is undone by itself" : `job ${undo.id.slice(-8)} undoes it`,
  };
  const results = changedResults(plan.results);
  const patch = { commit_sha: commit, results, changes: plan.changes, error };
  await jobs.moveJob(tx, { id: jobId, event: "landed-late", patch });
}

/** What an automatic rollback wrote late is what was good before: undoing it would bring the bad back. */
async function beginUndo(tx: Db, context: LaneContext, job: JobRow): Promise<BegunRollback | undefined> {
  if (job.automatic || job.changes.length === 0) return undefined;
  const message = `Job ${job.id.slice(-8)} landed late, after it had been ended.`;
  return acceptAutomaticRollback(tx, context.deps, { job, message });
}

/** Its intent is over, and the commit is not on the branch. */
export async function tellNotLanded(tx: Db, jobId: string, text: string): Promise<void> {
  await steps.appendSteps(tx, jobId, [{ text }]);
  const job = await jobs.mustGetJob(tx, jobId);
  if (job.error !== null) await jobs.patchJob(tx, jobId, { error: { ...job.error, hint: text } });
}

/** Looks for ended jobs' commits in a tip that this process has not looked through yet. */
export async function noticeLateCommits(context: LaneContext, tip: string): Promise<void> {
  const { deps, lane, lease } = context;
  for (const recorded of await ended.commitsThatMayLandLate(deps.store.db, lane.id)) {
    const commit = await landedAs(context, recorded, tip);
    if (commit === undefined) continue;
    deps.log.warn("a push that had been given up landed late", { lane: lane.id, job: recorded.jobId });
    await deps.store.fenced(lease, (tx) => landLate(tx, context, { ...recorded, commit }));
    deps.store.hint(recorded.jobId);
  }
}
