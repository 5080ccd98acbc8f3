import { sql } from "kysely";

import type { ResolvedChoice } from "../domain/plan-choice.ts";
import type { Db } from "./db.ts";
import { lockJobs } from "./jobs.ts";
import type { JobRow } from "./schema.ts";

/** What the first planning of a job chose. */
export interface FirstChoice {
  readonly jobId: string;
  readonly resolved: readonly ResolvedChoice[];
}

/**
 * Records what jobs chose when they were planned first; the rows as they are then. What was recorded
 * before stays: it is chosen once (CORRECTNESS 13).
 */
export async function recordChoices(tx: Db, choices: readonly FirstChoice[]): Promise<JobRow[]> {
  const ids = choices.map(({ jobId }) => jobId);
  await lockJobs(tx, ids);
  const texts = choices.map(({ resolved }) => JSON.stringify(resolved));
  const { rows } = await sql<JobRow>`
    update jobs set resolved = coalesce(jobs.resolved, chosen.resolved::jsonb)
    from unnest(${ids}::uuid[], ${texts}::text[]) as chosen (id, resolved)
    where jobs.id = chosen.id returning jobs.*`.execute(tx);
  return rows;
}
