import { sql } from "kysely";
import { Client } from "pg";

import { connectionConfig } from "#common/store/db.ts";
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

/** As if no worker had given a sign of life for a minute. */
export async function silenceWorkers(db: Db): Promise<void> {
  await sql`update workers set beat_at = clock_timestamp() - interval '1 minute'`.execute(db);
}

/** As if this one worker had given no sign of life for a minute. */
export async function silenceWorker(db: Db, id: string): Promise<void> {
  await sql`update workers set beat_at = clock_timestamp() - interval '1 minute' where id = ${id}`.execute(
    db,
  );
}

/** As if all that is known of a repository had been seen an hour ago. */
export async function makeOlder(db: Db, key: string): Promise<void> {
  await sql`update image_tags set first_seen_at = first_seen_at - interval '1 hour'
    where repository = ${key}`.execute(db);
}

/** Locks a job's row in a session of its own while the work runs, as a transaction that hangs does. */
export async function whileJobIsLocked<T>(
  databaseUrl: string,
  jobId: string,
  work: () => Promise<T>,
): Promise<T> {
  const other = new Client(connectionConfig(databaseUrl));
  await other.connect();
  try {
    await other.query("begin");
    await other.query("select 1 from jobs where id = $1 for update", [jobId]);
    return await work();
  } finally {
    await other.end();
  }
}

/** Forges the recorded messages of a job's commits. */
export async function changeDrafts(db: Db, jobId: string, by: { from: string; to: string }): Promise<void> {
  await sql`update intent_commits set draft = jsonb_set(draft, '{message}',
    to_jsonb(replace(draft->>'message', ${by.from}, ${by.to}))) where job_id = ${jobId}`.execute(db);
}

/** The recorded dates of a job's commits, oldest first. */
export async function draftDates(db: Db, jobId: string): Promise<{ author: string; committer: string }[]> {
  const { rows } = await sql<{ author: string; committer: string }>`
    select draft->'author'->>'at' author, draft->'committer'->>'at' committer
    from intent_commits where job_id = ${jobId} order by position`.execute(db);
  return rows;
}

/** No image repository is due for an hour; `cold` is one that nobody wants any more. */
export async function postponeScans(db: Db, cold = ""): Promise<void> {
  await sql`update image_repositories
    set due_at = case when key <> ${cold} then clock_timestamp() + interval '1 hour' end`.execute(db);
}

/** As if the interval of every image repository had passed. */
export async function makeScansDue(db: Db): Promise<void> {
  await sql`update image_repositories set due_at = clock_timestamp() where due_at is not null`.execute(db);
}

/** Keys of the image repositories that are due, in their order. */
export async function dueScans(db: Db): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select key from image_repositories where due_at <= clock_timestamp() order by key`.execute(db);
  return rows.map(({ key }) => key);
}

/** As if all jobs waited for their images, to be looked at in an hour. */
export async function letWaitForImages(db: Db): Promise<void> {
  await sql`update jobs set phase = 'waiting', gate = 'image',
    due_at = clock_timestamp() + interval '1 hour'`.execute(db);
}

/** As if a job had been accepted so many minutes earlier. */
export async function ageJob(db: Db, id: string, minutes: number): Promise<void> {
  await sql`update jobs set created_at = created_at - ${minutes} * interval '1 minute' where id = ${id}`.execute(
    db,
  );
}

/** As a job stands when somebody cancels it while a worker plans it. */
export async function markCancelled(db: Db, id: string): Promise<void> {
  await sql`update jobs set cancel_requested_at = clock_timestamp(), cancel_requested_by = 'tester'
    where id = ${id}`.execute(db);
}

/** How many image repositories scanners have claimed, and hold still. */
export async function claimedScans(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from image_repositories
    where claimed_by is not null and due_at > clock_timestamp()`.execute(db);
  return rows[0]?.count ?? 0;
}

/** No lane is due by itself for an hour. */
export async function putOffPolls(db: Db): Promise<void> {
  await sql`update lanes set due_at = clock_timestamp() + interval '1 hour'`.execute(db);
}
