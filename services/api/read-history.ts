import type { HistoryEntry, WorkloadHistory } from "#common/contracts/http.ts";
import type { Reach } from "#common/domain/access.ts";
import { idsWithin, rollbacksOf, workloadHistory } from "#common/store/job-list.ts";
import type { HistoryFilter } from "#common/store/job-list.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "./deps.ts";

/** What a workload was brought to, by jobs of ours that reached git, newest first. */
export async function readHistory(
  { store }: Pick<ApiDeps, "store">,
  asked: HistoryFilter & { readonly sees: Reach },
): Promise<WorkloadHistory> {
  const { workload, environment } = asked;
  const page = await workloadHistory(store.db, asked);
  const ids = page.jobs.map((job) => job.id);
  const [undone, whole] = await Promise.all([
    rollbacksOf(store.db, ids),
    idsWithin(store.db, ids, asked.sees),
  ]);
  const entries = page.jobs.map((job) => {
    const entry = toEntry(job, { workload, undoneBy: undone.get(job.id)?.id ?? null });
    // What was said of a job is about all that it touched.
    return whole.has(job.id) ? entry : { ...entry, message: null };
  });
  return { workload, environment, entries, next: page.next };
}

function toEntry(job: JobRow, of: { workload: string; undoneBy: string | null }): HistoryEntry {
  const own = job.results.filter(({ workload, result }) => workload === of.workload && result !== "skip");
  return {
    job: job.id,
    kind: job.kind,
    phase: job.phase,
    outcome: job.outcome,
    automatic: job.automatic || job.origin === "automation",
    createdAt: job.created_at.toISOString(),
    finishedAt: job.finished_at?.toISOString() ?? null,
    commit: job.commit_sha ?? "",
    requestedBy: job.requested_by,
    message: job.message,
    containers: own.map(({ container, policy, from, to }) => ({
      container,
      ...(policy !== undefined && { policy }),
      from,
      to,
    })),
    rollback: { of: job.rollback_of, by: of.undoneBy },
  };
}
