import { sql } from "kysely";

import type { TriedContainer } from "../domain/automation-tries.ts";
import type { Db } from "./db.ts";
import type { JobRow } from "./schema.ts";

/** What automation has to know of jobs. */

const mostTries = 5_000;

/** Containers of automated jobs of the last week that ended without their image; newest first. */
export async function triedContainers(db: Db, environment: string): Promise<TriedContainer[]> {
  const { rows } = await sql<TriedContainer>`
    with ended as materialized (
      select id, phase, outcome, error, spec, results, approvals, cancel_requested_by, finished_at from jobs
      where environment = ${environment} and origin = 'automation'
        and finished_at > clock_timestamp() - interval '7 days'
        and (phase in ('failed', 'cancelled', 'rolled-back') or results @> '[{"result":"skip"}]')),
    skips as (
      select ended.id, r->>'workload' as workload, r->>'container' as container, min(r->>'reason') as reason
      from ended cross join lateral jsonb_array_elements(results) as r
      where r->>'result' = 'skip' group by 1, 2, 3)
    select c->>'workload' as workload, c->>'container' as container, c->>'image' as image, ended.id as job,
      ended.outcome, error->>'code' as code, error->>'detail' as detail, skips.reason as skipped,
      cancel_requested_by as "cancelledBy", finished_at as "endedAt",
      (select a->>'by' from jsonb_array_elements(approvals) as a where a->>'verdict' = 'rejected' limit 1)
        as "rejectedBy"
    from ended cross join lateral jsonb_array_elements(spec->'only'->'containers') as c
      left join skips on skips.id = ended.id and skips.workload = c->>'workload'
        and skips.container = c->>'container'
    where phase in ('failed', 'cancelled', 'rolled-back') or skips.reason is not null
    order by finished_at desc limit ${mostTries}`.execute(db);
  return rows;
}

/** Jobs that have not ended, as far as they are about workloads. */
export type OpenJob = Pick<JobRow, "id" | "kind" | "origin" | "phase" | "gate" | "spec" | "targets">;

export async function openJobs(db: Db, environment: string): Promise<OpenJob[]> {
  return db
    .selectFrom("jobs")
    .select(["id", "kind", "origin", "phase", "gate", "spec", "targets"])
    .where("environment", "=", environment)
    .where("due_at", "is not", null)
    .orderBy("accepted")
    .execute();
}

/** What Slipway itself wrote last for a container. */
export interface LastWrite {
  readonly workload: string;
  readonly container: string;
  readonly job: string;
  readonly phase: JobRow["phase"];
  readonly to: string | null;
  readonly endedAt: Date | null;
}

/** The last committed change of each of these containers; those without any are absent. */
export async function lastWrites(
  db: Db,
  of: {
    readonly environment: string;
    readonly containers: readonly { readonly workload: string; readonly container: string }[];
  },
): Promise<LastWrite[]> {
  const workloads = of.containers.map(({ workload }) => workload);
  const containers = of.containers.map(({ container }) => container);
  const { rows } = await sql<LastWrite>`
    select asked.workload, asked.container, wrote.id as job, wrote.phase, wrote.image as "to",
      wrote.finished_at as "endedAt"
    from unnest(${workloads}::text[], ${containers}::text[]) as asked (workload, container)
    cross join lateral (
      select jobs.id, jobs.phase, jobs.finished_at, r->>'to' as image
      from jobs cross join lateral jsonb_array_elements(jobs.results) as r
      where jobs.environment = ${of.environment} and jobs.commit_sha is not null
        and jobs.results @> jsonb_build_array(jsonb_build_object('workload', asked.workload,
          'container', asked.container))
        and r->>'workload' = asked.workload and r->>'container' = asked.container
        and r->>'result' <> 'skip' and r->>'to' is not null
      order by jobs.accepted desc limit 1) as wrote`.execute(db);
  return rows;
}

/** When these repositories were read last; those never read are absent. */
export async function scanTimes(db: Db, keys: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const rows = await db
    .selectFrom("image_repositories")
    .select(["key", "scanned_at as at"])
    .where(sql<boolean>`key = any(${[...keys]}::text[])`)
    .where("scanned_at", "is not", null)
    .execute();
  return new Map(rows.flatMap(({ key, at }) => (at === null ? [] : [[key, at] as const])));
}
