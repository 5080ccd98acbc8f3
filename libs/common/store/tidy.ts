import { sql } from "kysely";
import type { RawBuilder } from "kysely";

import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import { keyLimit } from "./job-accept.ts";

/** Any fixed number: who tidies holds it until its transaction ends. */
const tidyLock = 7_274_412;

const keepEventsDays = 7;
const keepDeadDays = 30;

export interface Tidied {
  readonly jobs: number;
  readonly keys: number;
  readonly events: number;
  readonly deliveries: number;
}

export interface Tidying {
  readonly keepJobsMs: number;
  /** Rows of each kind in one go; what is left is for the next. */
  readonly most: number;
}

/**
 * Deletes what is kept no longer, a bounded part at a time; undefined where another process is at it.
 * A job stays while anything still leans on it: it is open, its push is, a hold names it, its undoing is kept.
 */
export async function tidyHistory(db: Db, { keepJobsMs, most }: Tidying): Promise<Tidied | undefined> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${tidyLock}) as mine`.execute(tx);
    if (rows[0]?.mine !== true) return undefined;
    const jobs = await deleted(
      tx,
      sql`delete from jobs where id in (
        select id from jobs as old
        where finished_at < clock_timestamp() - ${keepJobsMs} * interval '1 millisecond'
          and not exists (select 1 from holds where holds.job_id = old.id and lifted_at is null)
          and not exists (select 1 from jobs as undoing where undoing.rollback_of = old.id)
          and not exists (select 1 from intent_commits join push_intents on push_intents.id = intent_id
            where intent_commits.job_id = old.id and state = 'open')
        order by finished_at limit ${most} for update skip locked)`,
    );
    if (jobs > 0) await deleted(tx, emptyIntents(most));
    const keys = await deleted(
      tx,
      sql`delete from idempotency_keys where ctid in (
        select ctid from idempotency_keys where created_at <= ${keyLimit} order by created_at limit ${most})`,
    );
    const events = await deleted(
      tx,
      sql`delete from events where id in (
        select id from events where told and at < clock_timestamp() - ${keepEventsDays} * interval '1 day'
        order by at limit ${most})`,
    );
    const deliveries = await deleted(
      tx,
      sql`delete from deliveries where id in (
        select id from deliveries where ended_at < clock_timestamp() - interval '1 day' *
          case state when 'dead' then ${keepDeadDays}::int else ${keepEventsDays}::int end
        -- Of a receiver that the settings name no more.
        or state = 'pending' and created_at < clock_timestamp() - ${keepDeadDays} * interval '1 day'
        limit ${most})`,
    );
    return { jobs, keys, events, deliveries };
  });
}

/** Intents that are over, of jobs that are all gone. */
function emptyIntents(most: number): RawBuilder<unknown> {
  return sql`delete from push_intents where id in (
    select id from push_intents where state <> 'open'
      and not exists (select 1 from intent_commits where intent_id = push_intents.id)
    order by created_at limit ${most})`;
}

async function deleted(tx: Db, statement: RawBuilder<unknown>): Promise<number> {
  return Number((await statement.execute(tx)).numAffectedRows ?? 0n);
}
