import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";

/**
 * What happened in an environment, written in the transaction of what it tells about. Read in the order
 * of commits, so that one that commits late is not skipped (CORRECTNESS 31).
 */
export interface EventRow {
  /** Where it stands among all events; what a reader goes on from. */
  readonly place: string;
  readonly id: bigint;
  readonly at: Date;
  readonly environment: string;
  /** `job.<phase>`, or what others write. */
  readonly kind: string;
  readonly jobId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface NewEvent {
  readonly environment: string;
  readonly kind: string;
  readonly jobId?: string;
  /** Facts for programs; never secrets. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Tells of something that no job's move tells of; in the transaction of what it tells. */
export async function writeEvent(tx: Db, { environment, kind, jobId, data }: NewEvent): Promise<void> {
  await tx
    .insertInto("events")
    .values({ environment, kind, job_id: jobId ?? null, data: JSON.stringify(data) })
    .execute();
}

export interface EventPage {
  readonly events: readonly EventRow[];
  /** Give it back as `after`. */
  readonly next: string;
}

/** Events of an environment after a place, oldest first. */
export async function readEvents(
  db: Db,
  from: { environment: string; after: string; limit: number },
): Promise<EventPage> {
  const [xid, id] = readPlace(from.after);
  const { rows } = await sql<Omit<EventRow, "place"> & { xid: string }>`
    select xid::text, id, at, environment, kind, job_id as "jobId", data from events
    where environment = ${from.environment} and xid < pg_snapshot_xmin(pg_current_snapshot())
      and (xid, id) > (${xid}::xid8, ${id}::bigint)
    order by events.xid, id limit ${from.limit}`.execute(db);
  const events = rows.map(({ xid: at, ...row }) => ({ ...row, place: `${at}-${row.id}` }));
  return { events, next: events.at(-1)?.place ?? from.after };
}

/** The place after everything that can be read now. */
export async function placeNow(db: Db): Promise<string> {
  const { rows } = await sql<{ xid: string }>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xid`.execute(db);
  return `${rows[0]?.xid ?? "0"}-0`;
}

/** Whether everything that came after this place is still kept. */
export async function isPlaceKept(db: Db, environment: string, place: string): Promise<boolean> {
  const [xid, id] = readPlace(place);
  const { rows } = await sql<{ kept: boolean }>`
    select ${xid}::xid8 <= pg_snapshot_xmin(pg_current_snapshot()) and (
      exists (select 1 from events where environment = ${environment}
        and (xid, id) <= (${xid}::xid8, ${id}::bigint))
      or not exists (select 1 from events where environment = ${environment})) as kept`.execute(db);
  return rows[0]?.kept === true;
}

const placePattern = /^(\d{1,19})-(\d{1,18})$/;

function readPlace(place: string): readonly [string, string] {
  const [, xid, id] = placePattern.exec(place) ?? [];
  if (xid !== undefined && id !== undefined) return [xid, id];
  throw new SlipwayError("CURSOR_INVALID", { detail: "it is not the id of an event of this stream" });
}

/** How the move of a job becomes its event, in the statement that moves it. */
export const jobEventColumns = ["environment", "kind", "job_id", "data"] as const;

export const jobEvent = [
  "environment" as const,
  sql<string>`'job.' || phase`.as("kind"),
  sql<string>`id`.as("job_id"),
  sql<string>`jsonb_build_object('phase', phase, 'outcome', outcome, 'waitingFor', waiting_for,
    'commit', commit_sha)`.as("data"),
] as const;
