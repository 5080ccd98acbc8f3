import { sql } from "kysely";

import type { Db } from "./db.ts";

/** What lets automation decide anew: rows that are only inserted, and deleted by the decision that saw them. */

/** An environment is to be decided anew, in the transaction of what changed. */
export async function wakeAutomation(
  tx: Db,
  { environment, why }: { readonly environment: string; readonly why: string },
): Promise<void> {
  await tx.insertInto("automation_wakes").values({ environment, why }).execute();
}

/** News of an image repository: every environment that declares it is to be decided anew. */
export async function wakeAutomationOfImage(db: Db, key: string): Promise<void> {
  await sql`
    insert into automation_wakes (environment, why)
    select distinct environment, ${`news of ${key}`} from declared_workloads
    where repositories && array[${key}]::text[]`.execute(db);
}

/** An environment whose decision is due, with the wakes that it will have seen. */
export interface DueDecision {
  readonly environment: string;
  readonly wakes: readonly bigint[];
  readonly whys: readonly string[];
}

/** How long an environment settles: after the last news, and at most. */
export interface Settling {
  readonly environment: string;
  readonly settleMs: number;
  readonly longestMs: number;
}

const mostWakes = 10_000;

/**
 * Which of these environments are to be decided now: their news have settled, or nobody looked for too
 * long. One that is not known yet is due at once.
 */
export async function dueDecisions(db: Db, asked: readonly Settling[]): Promise<DueDecision[]> {
  const { rows } = await sql<Omit<DueDecision, "wakes"> & { readonly wakes: readonly string[] }>`
    with asked as (
      select * from unnest(${asked.map(({ environment }) => environment)}::text[],
        ${asked.map(({ settleMs }) => settleMs)}::float8[], ${asked.map(({ longestMs }) => longestMs)}::float8[])
        as asked (environment, settle, longest)),
    news as (
      select environment, min(at) as first, max(at) as last, array_agg(id::text) as ids,
        array_agg(distinct why) as whys
      from (select w.* from asked cross join lateral (
        select * from automation_wakes where automation_wakes.environment = asked.environment
        order by at limit ${mostWakes}) as w) as seen
      group by environment)
    select asked.environment, coalesce(news.ids, '{}') as wakes, coalesce(news.whys, '{}') as whys
    from asked left join news using (environment) left join automation using (environment)
    where automation.environment is null or automation.due_at <= clock_timestamp()
      or news.last <= clock_timestamp() - asked.settle * interval '1 millisecond'
      or news.first <= clock_timestamp() - asked.longest * interval '1 millisecond'
    order by asked.environment`.execute(db);
  return rows.map((row) => ({ ...row, wakes: row.wakes.map((id) => BigInt(id)) }));
}

/** Ends a decision: its wakes go, and the environment is looked at again by itself after so long. */
export async function noteDecision(
  tx: Db,
  decided: { readonly environment: string; readonly wakes: readonly bigint[]; readonly nextInMs: number },
): Promise<void> {
  const { environment, wakes, nextInMs } = decided;
  await sql`delete from automation_wakes where id = any(${wakes.map(String)}::bigint[])`.execute(tx);
  await sql`
    insert into automation (environment, due_at, decided_at)
    values (${environment}, clock_timestamp() + ${nextInMs} * interval '1 millisecond', clock_timestamp())
    on conflict (environment) do update
      set due_at = excluded.due_at, decided_at = excluded.decided_at`.execute(tx);
}

/** Where automation is off nobody reads them. */
export async function dropWakesOfOthers(
  db: Db,
  { environments, most }: { readonly environments: readonly string[]; readonly most: number },
): Promise<void> {
  await sql`
    delete from automation_wakes where id in (
      select id from automation_wakes where environment <> all(${[...environments]}::text[])
      limit ${most} for update skip locked)`.execute(db);
}
