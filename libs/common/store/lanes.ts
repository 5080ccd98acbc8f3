import { sql } from "kysely";
import type { UpdateObject } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";
import { leaseTtlMs, ownerIsGone } from "./leases.ts";
import type { Database, JobErrorRow, LaneRow } from "./schema.ts";

export interface NewLane {
  readonly id: string;
  readonly url: string;
  readonly branch: string;
  readonly laneRef: string;
}

/** Makes the lane's row when it is new; a known lane stays as it is. */
export async function ensureLane(db: Db, lane: NewLane): Promise<void> {
  await db
    .insertInto("lanes")
    .values({ id: lane.id, url: lane.url, branch: lane.branch, lane_ref: lane.laneRef })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function getLane(db: Db, laneId: string): Promise<LaneRow | undefined> {
  return db.selectFrom("lanes").selectAll().where("id", "=", laneId).executeTakeFirst();
}

/** Records what the lane ref holds at the host; null when we do not know. */
export async function setLaneValue(db: Db, change: { laneId: string; value: string | null }): Promise<void> {
  await changeLane(db, change.laneId, { lane_value: change.value });
}

/** Records what keeps late pushes out at this host, and what the lane's ref holds. */
export async function setLaneGuard(
  db: Db,
  guard: { laneId: string; level: LaneRow["level"]; value: string | null },
): Promise<void> {
  await changeLane(db, guard.laneId, { level: guard.level, lane_value: guard.value });
}

/** Records the branch's tip as just seen and read. */
export async function moveTip(db: Db, change: { laneId: string; tip: string }): Promise<void> {
  const seen = { tip: change.tip, tip_seen_at: sql<Date>`clock_timestamp()`, problem: null };
  await changeLane(db, change.laneId, seen);
}

/** The host was asked and shows the tip we know: no problem, and the next look in so many ms. */
export async function confirmTip(
  db: Db,
  /** `askedAt`: by Postgres' clock, before the host was asked. A lane that was woken since stays due. */
  change: { laneId: string; nextInMs: number; askedAt: Date },
): Promise<void> {
  const seen = { tip_seen_at: sql<Date>`clock_timestamp()`, problem: null };
  const due_at = sql<Date>`case when due_at > ${change.askedAt} then due_at else ${fromNow(change.nextInMs)} end`;
  await changeLane(db, change.laneId, { ...seen, due_at });
}

export interface LaneProblem {
  readonly laneId: string;
  readonly problem: JobErrorRow | null;
  /** When to look at the lane again. */
  readonly nextInMs?: number;
}

/** Why the lane does not move, for people; null when it does. */
export async function setLaneProblem(db: Db, { laneId, problem, nextInMs }: LaneProblem): Promise<void> {
  const due = nextInMs === undefined ? {} : { due_at: fromNow(nextInMs) };
  await changeLane(db, laneId, { problem: problem === null ? null : JSON.stringify(problem), ...due });
}

/** Nobody need look at the lane's branch before that long from now (its jobs have due times of their own). */
export async function deferLane(db: Db, laneId: string, ms: number): Promise<void> {
  await changeLane(db, laneId, { due_at: fromNow(ms) });
}

/** Somebody should look at the lane now: a webhook says that its branch moved. */
export async function wakeLane(db: Db, laneId: string): Promise<void> {
  await changeLane(db, laneId, { due_at: fromNow(0) });
}

/** Lanes that want a worker now and that no living worker holds: an open intent, due jobs, or a poll. */
export async function dueLanes(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select lanes.id from lanes left join leases on leases.id = 'lane:' || lanes.id
    where ${ownerIsGone("leases.owner", leaseTtlMs)} and (
      lanes.due_at <= clock_timestamp()
      or exists (select 1 from push_intents where lane_id = lanes.id and state = 'open')
      or exists (select 1 from jobs where lane_id = lanes.id and phase in ('queued', 'writing')
                 and kind <> 'restart' and due_at <= clock_timestamp()))
    order by random() limit ${limit}`.execute(db);
  return rows.map((row) => row.id);
}

/** Environments with a rollout or a restart to look at now, and that no living worker holds. */
export async function dueEnvironments(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ environment: string }>`
    select due.environment from (
      select distinct environment from jobs where due_at <= clock_timestamp()
        and (phase = 'rolling-out' or (phase = 'queued' and kind = 'restart'))) as due
    left join leases on leases.id = 'environment:' || due.environment
    where ${ownerIsGone("leases.owner", leaseTtlMs)}
    order by random() limit ${limit}`.execute(db);
  return rows.map((row) => row.environment);
}

async function changeLane(db: Db, laneId: string, change: UpdateObject<Database, "lanes">): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable("lanes")
    .set(change)
    .where("id", "=", laneId)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new SlipwayError("INTERNAL", { detail: `no lane ${laneId}` });
}

function fromNow(ms: number) {
  return sql<Date>`clock_timestamp() + ${ms} * interval '1 millisecond'`;
}
