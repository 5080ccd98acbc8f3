import { sql } from "kysely";

import type { Db } from "#common/store/store.ts";

/** What tests do to Postgres that the product never does. */

/** As if every open push had begun so many minutes ago. */
export async function ageOpenPushes(db: Db, minutes: number): Promise<void> {
  await sql`update push_intents set created_at = clock_timestamp() - ${minutes} * interval '1 minute'
    where state = 'open'`.execute(db);
}

/** Nobody records a push intent until the transaction ends; whoever wants to waits. */
export async function holdUpIntents(tx: Db): Promise<void> {
  await sql`lock table push_intents in exclusive mode`.execute(tx);
}

/** How many sessions of this database wait for a lock. */
export async function countLockWaits(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.count ?? 0;
}
