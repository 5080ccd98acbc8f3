import type { JobPage } from "#common/contracts/http.ts";
import type { Reach } from "#common/domain/access.ts";
import { listJobs, rollbacksOf } from "#common/store/job-list.ts";
import type { JobFilter } from "#common/store/job-list.ts";
import type { JobSearch } from "#common/store/job-search.ts";

import type { ApiDeps } from "./deps.ts";
import { toJob } from "./read-model/job.ts";

type ReadDeps = Pick<ApiDeps, "store">;

/** A page of jobs as clients see them, newest first. */
export async function readJobs({ store }: ReadDeps, filter: JobFilter): Promise<JobPage> {
  const page = await listJobs(store.db, filter);
  const ids = page.jobs.map((row) => row.id);
  const undone = ids.length === 0 ? new Map() : await rollbacksOf(store.db, ids);
  return { jobs: page.jobs.map((row) => toJob(row, undone.get(row.id))), next: page.next };
}

const exportPage = 100;

/** Every job within reach that the search finds, newest first, as a line of JSON each; one page is in memory at a time. */
export async function* exportJobs(
  deps: ReadDeps,
  { search, within, signal }: { search: JobSearch; within: Reach; signal: AbortSignal },
): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const page = await readJobs(deps, { ...search, within, cursor, limit: exportPage });
    if (page.jobs.length > 0) yield page.jobs.map((job) => `${JSON.stringify(job)}\n`).join("");
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && !signal.aborted);
}
