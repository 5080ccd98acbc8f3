import { everything } from "#common/domain/access.ts";
import { listJobs } from "#common/store/job-list.ts";
import type { JobRow, RecordedChange } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";

/** Jobs of a workload that are looked through for the last good one. */
const historyLimit = 200;

type Past = Pick<JobRow, "phase" | "changes"> &
  Partial<Pick<JobRow, "outcome" | "targets" | "origin" | "kind" | "spec">>;
/** Why a job is undone. */
type Undone = "failed" | "landed-late";

/**
 * CORRECTNESS 25: an automatic rollback goes to the last good. The changes of a failed job, with
 * each `from` followed back past jobs that did not succeed; what would change nothing is left out.
 * A job that landed late was never judged: its batch may still be rolling out below it, so that only
 * what is known to be bad is passed.
 */
export async function lastGoodChanges(db: Db, failed: JobRow): Promise<readonly RecordedChange[]> {
  const histories = new Map<string, readonly Past[]>();
  for (const workload of new Set(failed.changes.map((change) => change.workload))) {
    const { jobs } = await listJobs(db, {
      environment: failed.environment,
      workload,
      within: everything,
      limit: historyLimit,
    });
    histories.set(
      workload,
      jobs.filter((job) => job.accepted < failed.accepted),
    );
  }
  const why = failed.outcome === "landed-late" ? "landed-late" : "failed";
  const undone = why === "failed" ? undoneOf(failed) : undefined;
  return failed.changes
    .filter(({ workload }) => undone?.has(workload) !== false)
    .map((change) => ({ ...change, from: lastGood(change, histories.get(change.workload) ?? [], why) }))
    .filter((change) => change.from !== change.to);
}

/** The newest value before the change that a job brought to health, or that no job wrote. Newest first. */
export function lastGood(change: RecordedChange, history: readonly Past[], why: Undone = "failed"): string {
  let from = change.from;
  for (const job of history) {
    const wrote = job.changes.find((candidate) => isSameField(candidate, change) && candidate.to === from);
    if (wrote === undefined) continue;
    if (why === "failed" ? wasGood(job, change) : isNotBad(job, change)) return from;
    from = wrote.from;
  }
  return from;
}

/**
 * What a failed job undoes with its bad workloads. Automation brings in one job what has nothing to do with
 * each other, so only groups go back together; undefined for a person's release, which was asked for as one.
 */
export function undoneOf({
  origin,
  kind,
  spec,
  targets = [],
}: Partial<Pick<JobRow, "origin" | "kind" | "spec" | "targets">>): ReadonlySet<string> | undefined {
  if (origin !== "automation" || kind !== "release" || spec?.kind !== "release") return undefined;
  const bad = new Set(targets.filter(({ verdict }) => verdict === "bad").map(({ workload }) => workload));
  const containers = spec.only?.containers ?? [];
  const groups = new Set(
    containers.filter(({ workload }) => bad.has(workload)).flatMap((c) => c.group ?? []),
  );
  const mates = containers.filter(({ group }) => group !== undefined && groups.has(group));
  return new Set([...bad, ...mates.map(({ workload }) => workload)]);
}

/** Also where others of the same automated job failed. */
function wasGood(past: Past, { workload }: RecordedChange): boolean {
  if (past.phase === "succeeded") return true;
  if (past.phase !== "rolled-back" || undoneOf(past)?.has(workload) !== false) return false;
  return past.targets?.some((one) => one.workload === workload && one.verdict === "good") === true;
}

function isNotBad(past: Past, { workload }: RecordedChange): boolean {
  if (past.phase === "rolled-back") return false;
  if (past.phase === "failed") return past.outcome === "outcome-unknown";
  return (past.targets ?? []).every((target) => target.workload !== workload || target.verdict !== "bad");
}

/** Workloads whose document the cluster refused or did not know: the job wrote them to git alone. */
export function neverApplied(job: Pick<JobRow, "targets">): ReadonlySet<string> {
  // What was handed off may still be applied by its owner, later than anybody waited.
  const refused = job.targets.filter(
    (target) => target.verdict === "bad" && target.uid === null && target.handedOff === undefined,
  );
  return new Set(refused.map((target) => target.workload));
}

function isSameField(a: RecordedChange, b: RecordedChange): boolean {
  return a.path === b.path && a.workload === b.workload && a.container === b.container && a.field === b.field;
}
