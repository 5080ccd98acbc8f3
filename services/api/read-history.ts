import type { HistoryEntry, WorkloadHistory } from "#common/contracts/http.ts";
import { rollbacksOf, workloadHistory } from "#common/store/job-list.ts";
import type { HistoryFilter } from "#common/store/job-list.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "./deps.ts";

/** What a workload was brought to, by jobs of ours that reached git, newest first. */
export async function readHistory(
  { store }: Pick<ApiDeps, "store">,
  asked: HistoryFilter,
): Promise<WorkloadHistory> {
  const { workload, environment } = asked;
  const page = await workloadHistory(store.db, asked);
  const undone = await rollbacksOf(
    store.db,
    page.jobs.map((job) => job.id),
  );
  const entries = page.jobs.map((job) =>
    toEntry(job, { workload, undoneBy: undone.get(job.id)?.id ?? null }),
  );
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
