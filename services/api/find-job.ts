import type { Job } from "#common/contracts/http.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { findJobByShortId, findJobWithin, rollbacksOf, touchedWorkloads } from "#common/store/job-list.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";

import { refuseBeyond, seesOf } from "./access/allowed.ts";
import type { Asker } from "./releases/asker.ts";
import { toJob } from "./read-model/job.ts";

const shortId = /^[0-9a-f]{8}$/i;
const wholeId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The job with this id, or whose id ends with these eight characters. JOB_NOT_FOUND, also where any of its
 * workloads lies beyond what somebody sees: a job is seen whole or not at all.
 */
export async function findJob(store: Pick<Store, "db">, text: string, sees: Reach): Promise<JobRow> {
  const found = wholeId.test(text)
    ? await findJobWithin(store.db, text.toLowerCase(), sees)
    : shortId.test(text)
      ? await findJobByShortId(store.db, text, sees)
      : undefined;
  if (found !== undefined) return found;
  throw new SlipwayError("JOB_NOT_FOUND", {
    detail: `"${text}"`,
    hint: "slipway jobs lists them; give the whole id or its last eight characters",
  });
}

/** The job of a request that acts on it: FORBIDDEN unless the asker may act on all that it touches. */
export async function findJobToAct(store: Pick<Store, "db">, text: string, asker: Asker): Promise<JobRow> {
  const job = await findJob(store, text, seesOf(asker));
  const { environment } = job;
  refuseBeyond(asker, { environment, workloads: await touchedWorkloads(store.db, job.id) });
  return job;
}

/** The job as clients see it, with the link to its newest rollback. */
export async function withRollback(store: Pick<Store, "db">, row: JobRow): Promise<Job> {
  const undone = await rollbacksOf(store.db, [row.id]);
  return toJob(row, undone.get(row.id));
}
