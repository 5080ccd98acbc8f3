import { shortName } from "#common/domain/plan.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";
import type { WorkerDeps } from "./deps.ts";
import { undoneOf } from "./environment/last-good.ts";

/** The one automatic rollback of a job, as its own log names it. */
export interface BegunRollback {
  readonly id: string;
  readonly headline: string;
}

/**
 * Takes in the automatic rollback of a job, in the transaction that says why it is undone. It goes
 * first in its lane; the caller rings that after the commit.
 */
export async function acceptAutomaticRollback(
  tx: Db,
  deps: Pick<WorkerDeps, "newId">,
  undone: { job: JobRow; message: string },
): Promise<BegunRollback> {
  const { job, message } = undone;
  const id = deps.newId();
  const headline = rollbackHeadline(job);
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
      message,
      requested_by: job.requested_by,
      rollback_of: job.id,
      automatic: true,
    },
  });
  return { id, headline };
}

function rollbackHeadline(job: JobRow): string {
  const undone = job.outcome === "landed-late" ? undefined : undoneOf(job);
  const images = job.changes.filter(
    ({ field, workload }) => field === "image" && undone?.has(workload) !== false,
  );
  const names = [...new Set(images.map((change) => shortName(change.workload)))];
  const shown = names.length > 5 ? [...names.slice(0, 4), `${names.length - 4} more`] : names;
  return `Rollback: ${shown.join(", ")} to the previous ${images.length === 1 ? "image" : "images"}`;
}
