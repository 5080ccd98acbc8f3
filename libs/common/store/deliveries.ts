import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { DeliveryRow, JobRow } from "./schema.ts";

/** Notifications on their way: one row for each event and receiver, in order for each job. */

/** An event of which nobody was told yet, with its job as it is now. */
export interface UntoldEvent {
  readonly id: bigint;
  readonly at: Date;
  readonly environment: string;
  readonly kind: string;
  readonly jobId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly job: JobRow | undefined;
}

export interface NewDelivery {
  readonly id: string;
  readonly receiver: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Any fixed number: who spreads events holds it until its transaction ends. */
const spreadLock = 7_274_413;

/**
 * Makes deliveries of events that nobody was told of, oldest first; how many events there were. One
 * process at a time: of one job the rows are then in the order of its moves.
 */
export async function spreadEvents(
  db: Db,
  o: { most: number; toDeliveries: (event: UntoldEvent) => readonly NewDelivery[] },
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${spreadLock}) as mine`.execute(tx);
    if (rows[0]?.mine !== true) return 0;
    const events = await untold(tx, o.most);
    if (events.length === 0) return 0;
    const made = events.flatMap((event) => o.toDeliveries(event).map((one) => toRow(event, one)));
    if (made.length > 0) await tx.insertInto("deliveries").values(made).execute();
    const ids = events.map((event) => event.id);
    await sql`update events set told = true where id = any(${ids}::bigint[])`.execute(tx);
    return events.length;
  });
}

async function untold(tx: Db, most: number): Promise<readonly UntoldEvent[]> {
  const events = await tx
    .selectFrom("events")
    .select(["id", "at", "environment", "kind", "job_id as jobId", "data"])
    .where("told", "=", false)
    .orderBy("id")
    .limit(most)
    .execute();
  const ids = [...new Set(events.flatMap(({ jobId }) => jobId ?? []))];
  const jobs = await tx
    .selectFrom("jobs")
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .execute();
  const byId = new Map(jobs.map((job) => [job.id, job]));
  return events.map((event) => ({ ...event, job: byId.get(event.jobId ?? "") }));
}

function toRow(event: UntoldEvent, { id, receiver, body }: NewDelivery) {
  const { environment, kind, jobId } = event;
  const subject = jobId ?? environment;
  return { id, receiver, event_id: event.id, subject, environment, kind, body: JSON.stringify(body) };
}

/**
 * The next deliveries of a receiver, taken for `claimMs`: whoever does not end them by then loses them
 * to another. What is told of one job waits for what was to be told of it before.
 */
export async function claimDeliveries(
  db: Db,
  o: { receiver: string; most: number; claimMs: number },
): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    update deliveries set attempt = attempt + 1,
      due_at = clock_timestamp() + ${o.claimMs} * interval '1 millisecond'
    where id in (
      select id from deliveries as next
      where receiver = ${o.receiver} and state = 'pending' and due_at <= clock_timestamp()
        and not exists (select 1 from deliveries as before
          where before.receiver = next.receiver and before.subject = next.subject
            and before.state = 'pending' and before.event_id < next.event_id)
      order by due_at limit ${o.most} for update skip locked)
      and state = 'pending' and due_at <= clock_timestamp()
    returning *`.execute(db);
  return rows;
}

/** It came, or is given up; a try that another one has taken over by now changes nothing. */
export async function endDelivery(
  db: Db,
  end: Pick<DeliveryRow, "id" | "attempt"> & { state: "delivered" | "dead"; problem: string | null },
): Promise<void> {
  await db
    .updateTable("deliveries")
    .set({ state: end.state, problem: end.problem, ended_at: sql<Date>`clock_timestamp()` })
    .where("id", "=", end.id)
    .where("attempt", "=", end.attempt)
    .where("state", "=", "pending")
    .execute();
}

/** It is tried again later. */
export async function putOffDelivery(
  db: Db,
  later: Pick<DeliveryRow, "id" | "attempt"> & { inMs: number; problem: string },
): Promise<void> {
  await db
    .updateTable("deliveries")
    .set({
      problem: later.problem,
      due_at: sql<Date>`clock_timestamp() + ${later.inMs} * interval '1 millisecond'`,
    })
    .where("id", "=", later.id)
    .where("attempt", "=", later.attempt)
    .where("state", "=", "pending")
    .execute();
}

export interface DeliveryFilter {
  readonly state?: DeliveryRow["state"] | undefined;
  readonly receiver?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Deliveries, newest event first. */
export async function listDeliveries(
  db: Db,
  { state, receiver, cursor, limit }: DeliveryFilter,
): Promise<{ deliveries: DeliveryRow[]; next: string | null }> {
  let query = db.selectFrom("deliveries").selectAll();
  if (state !== undefined) query = query.where("state", "=", state);
  if (receiver !== undefined) query = query.where("receiver", "=", receiver);
  if (cursor !== undefined) {
    const [event, id] = readCursor(cursor);
    query = query.where(sql<boolean>`(event_id, id) < (${event}::bigint, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy("event_id", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const deliveries = rows.slice(0, limit);
  const last = deliveries.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { deliveries, next: more ? writeCursor(`${last.event_id} ${last.id}`) : null };
}

/** Sends it once more, from the first try on, whatever became of it; DELIVERY_NOT_FOUND. */
export async function redeliver(db: Db, id: string): Promise<DeliveryRow> {
  const row = await db
    .updateTable("deliveries")
    .set({ state: "pending", attempt: 0, ended_at: null, due_at: sql<Date>`clock_timestamp()` })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new SlipwayError("DELIVERY_NOT_FOUND", { detail: id });
  return row;
}

function writeCursor(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function readCursor(cursor: string): readonly [string, string] {
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  const [, event, id] = /^([1-9]\d{0,17}) ([0-9a-f-]{36})$/.exec(text) ?? [];
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id ?? "");
  if (event === undefined || id === undefined || !isUuid || writeCursor(text) !== cursor) {
    throw new SlipwayError("CURSOR_INVALID");
  }
  return [event, id];
}
