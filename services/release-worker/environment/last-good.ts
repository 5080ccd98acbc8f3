import { listJobs } from "#common/store/job-list.ts";
import type { JobRow, RecordedChange } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";

/** Jobs of a workload that are looked through for the last good one. */
const historyLimit = 200;

type Past = Pick<JobRow, "phase" | "changes">;

/**
 * CORRECTNESS 25: an automatic rollback goes to the last good. The changes of a failed job, with
 * each `from` followed back past jobs that did not succeed; what would change nothing is left out.
 */
export async function lastGoodChanges(db: Db, failed: JobRow): Promise<readonly RecordedChange[]> {
  const histories = new Map<string, readonly Past[]>();
  for (const workload of new Set(failed.changes.map((change) => change.workload))) {
    const { jobs } = await listJobs(db, { environment: failed.environment, workload, limit: historyLimit });
    histories.set(
      workload,
      jobs.filter((job) => job.accepted < failed.accepted),
    );
  }
  return failed.changes
    .map((change) => ({ ...change, from: lastGood(change, histories.get(change.workload) ?? []) }))
    .filter((change) => change.from !== change.to);
}

/** The newest value before the change that a job brought to health, or that no job wrote. Newest first. */
export function lastGood(change: RecordedChange, history: readonly Past[]): string {
  let from = change.from;
  for (const job of history) {
    const wrote = job.changes.find((candidate) => isSameField(candidate, change) && candidate.to === from);
    if (wrote === undefined) continue;
    if (job.phase === "succeeded") return from;
    from = wrote.from;
  }
  return from;
}

/** Workloads whose document the cluster refused or did not know: the job wrote them to git alone. */
export function neverApplied(job: Pick<JobRow, "targets">): ReadonlySet<string> {
  const refused = job.targets.filter((target) => target.verdict === "bad" && target.uid === null);
  return new Set(refused.map((target) => target.workload));
}

function isSameField(a: RecordedChange, b: RecordedChange): boolean {
  return a.path === b.path && a.workload === b.workload && a.container === b.container && a.field === b.field;
}
