import { sql } from "kysely";

import type { Db } from "#common/store/store.ts";

/** What nobody may do to the audit log. */
export const forbiddenActs = {
  changed: (db: Db) => sql`update audit set principal = 'nobody'`.execute(db),
  deleted: (db: Db) => sql`delete from audit`.execute(db),
  emptied: (db: Db) => sql`truncate audit`.execute(db),
};

/** An entry that was written so many days ago, with the outcome "old". */
export async function addOldEntry(db: Db, days: number, operation: string): Promise<void> {
  await sql`insert into audit (at, principal, operation, outcome)
    values (clock_timestamp() - make_interval(days => ${days}::int), 'tester', ${operation}, 'old')`.execute(
    db,
  );
}

/** Lets a job end once more, with these results. */
export async function endAgain(db: Db, id: string, results: readonly object[]): Promise<void> {
  await sql`update jobs set phase = 'writing', outcome = null, finished_at = null,
    results = ${JSON.stringify(results)}::jsonb where id = ${id}`.execute(db);
  await sql`update jobs set phase = 'succeeded', outcome = 'succeeded',
    finished_at = clock_timestamp(), due_at = null where id = ${id}`.execute(db);
}
