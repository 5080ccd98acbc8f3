import * as jobs from "#common/store/jobs.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";

/** Under the job's lock: whoever cancelled it while it was planned was first. True where that ended it. */
export async function endedByCancel(tx: Db, jobId: string): Promise<boolean> {
  const [now] = await jobs.lockJobs(tx, [jobId]);
  if (now?.cancel_requested_at === null) return false;
  await steps.endOpenSteps(tx, jobId, { outcome: "skipped", detail: "cancelled" });
  await jobs.moveJob(tx, { id: jobId, event: "cancelled" });
  return true;
}
