import { sql } from "kysely";

import type { Db } from "#common/store/store.ts";

/** As if this idempotency key had been given so many hours earlier than it was. */
export async function ageKeys(db: Db, key: string, hours: number): Promise<void> {
  await sql`update idempotency_keys set created_at = created_at - ${hours} * interval '1 hour'
    where key = ${key}`.execute(db);
}

/** As if a job had been asked for, and had ended if it has or been due, so many days earlier. */
export async function ageJob(db: Db, id: string, days: number): Promise<void> {
  await sql`update jobs set created_at = created_at - ${days} * interval '1 day',
    finished_at = finished_at - ${days} * interval '1 day', due_at = due_at - ${days} * interval '1 day'
    where id = ${id}`.execute(db);
}

/** As if every event had happened so many days earlier. */
export async function ageEvents(db: Db, environment: string, days: number): Promise<void> {
  await sql`update events set at = at - ${days} * interval '1 day'
    where environment = ${environment}`.execute(db);
}

/** How Postgres would find what a query asks for, line by line. */
export async function explain(
  db: Db,
  query: { sql: string; parameters: readonly unknown[] },
): Promise<string> {
  const parts = query.sql.split(/\$\d+/);
  const text = sql.join(
    parts.flatMap((part, at) =>
      at === 0 ? [sql.raw(part)] : [sql`${query.parameters[at - 1]}`, sql.raw(part)],
    ),
    sql``,
  );
  const { rows } = await sql<{ "QUERY PLAN": string }>`explain ${text}`.execute(db);
  return rows.map((row) => row["QUERY PLAN"]).join("\n");
}

export interface History {
  readonly environment: string;
  readonly laneId: string;
  readonly settings: bigint;
  readonly count: number;
}

/** So many jobs that ended, spread over a year, five hundred workloads and twenty people; and fresh statistics. */
export async function fillHistory(db: Db, of: History): Promise<void> {
  for (let from = 1; from <= of.count; from += rowsAtOnce) await fillPart(db, of, from);
  await sql`analyze jobs`.execute(db);
}

/** A statement of ours may take ten seconds, on a machine that does much else. */
const rowsAtOnce = 1_500;

async function fillPart(db: Db, of: History, from: number): Promise<void> {
  await sql`
    insert into jobs (id, kind, environment, lane_id, settings_revision, phase, outcome, origin, headline, spec,
      requested_by, created_at, finished_at, due_at, results, commit_sha, source_sha, labels)
    select gen_random_uuid(), case when n % 1000 = 0 then 'restart' else 'release' end, ${of.environment},
      ${of.laneId}, ${of.settings}, case when n % 500 = 0 then 'failed' else 'succeeded' end,
      case when n % 500 = 0 then 'failed' else 'succeeded' end, 'manual', 'Release',
      jsonb_build_object('kind', 'release', 'override', jsonb_build_array(),
        'workloads', jsonb_build_array(format('shop:deployment/w%s', n % 500))),
      format('person %s', n % 20), clock_timestamp() - (${of.count} - n) * interval '1 minute',
      clock_timestamp() - (${of.count} - n) * interval '1 minute', null,
      jsonb_build_array(jsonb_build_object('workload', format('shop:deployment/w%s', n % 500), 'container', 'c',
        'from', format('repo/w%s:%s', n % 500, n), 'to', format('repo/w%s:%s', n % 500, n + 1), 'result', 'change')),
      md5(n::text), md5((n * 7)::text), jsonb_build_object('build', n)
    from generate_series(${from}::int, ${Math.min(of.count, from + rowsAtOnce - 1)}::int) as n`.execute(db);
}
