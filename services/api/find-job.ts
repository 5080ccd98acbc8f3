import type { Job } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { findJobByShortId, rollbacksOf } from "#common/store/job-list.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";

import { toJob } from "./read-model/job.ts";

const wholeId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The job with this id, or whose id ends with these eight characters; JOB_NOT_FOUND. */
export async function findJob(store: Pick<Store, "db">, text: string): Promise<JobRow> {
  if (wholeId.test(text)) return mustGetJob(store.db, text.toLowerCase());
  const found = /^[0-9a-f]{8}$/i.test(text) ? await findJobByShortId(store.db, text) : undefined;
  if (found !== undefined) return found;
  throw new SlipwayError("JOB_NOT_FOUND", {
    detail: `"${text}"`,
    hint: "slipway jobs lists them; give the whole id or its last eight characters",
  });
}

/** The job as clients see it, with the link to its newest rollback. */
export async function withRollback(store: Pick<Store, "db">, row: JobRow): Promise<Job> {
  const undone = await rollbacksOf(store.db, [row.id]);
  return toJob(row, undone.get(row.id));
}
