import { sql } from "kysely";

import type { Db } from "./db.ts";
import type { JobRow } from "./schema.ts";

/**
 * Of these jobs those that are open and of whose push this database knows nothing. When the branch has
 * a commit of one all the same, the database was restored from before that push.
 */
export async function forgottenJobs(
  db: Db,
  of: { readonly laneId: string; readonly ids: readonly string[] },
): Promise<JobRow[]> {
  if (of.ids.length === 0) return [];
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("lane_id", "=", of.laneId)
    .where(sql<boolean>`id::text = any(${[...of.ids]}::text[])`)
    .where("phase", "in", ["queued", "waiting", "writing"])
    .where("intent", "=", false)
    .where("commit_sha", "is", null)
    .where(sql<boolean>`not exists (select 1 from intent_commits where job_id = jobs.id)`)
    .execute();
}
