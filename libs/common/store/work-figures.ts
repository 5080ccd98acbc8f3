import { sql } from "kysely";

import type { Db } from "./db.ts";
import { leaseTtlMs } from "./leases.ts";

/** How the work stands, for metrics: of all processes together, by Postgres' clock. */
export interface WorkFigures {
  /** Jobs that have not ended, by phase and gate ("" where none is closed). */
  readonly open: readonly { readonly phase: string; readonly gate: string; readonly count: number }[];
  /** Of the queued job that has been due longest without a worker taking it. */
  readonly dueSeconds: number;
  /** Of the push that has been without a known outcome longest. */
  readonly openPushSeconds: number;
  readonly lanesWithProblem: number;
  /** Workers whose heartbeat counts. */
  readonly workers: number;
  readonly deliveries: { readonly pending: number; readonly dead: number };
}

/** Reads how the work stands: over open rows alone, each by its index. */
export async function workFigures(db: Db): Promise<WorkFigures> {
  const [open, single] = await Promise.all([openJobs(db), singleFigures(db)]);
  const { dueSeconds, openPushSeconds, lanesWithProblem, workers, pending, dead } = single;
  return { open, dueSeconds, openPushSeconds, lanesWithProblem, workers, deliveries: { pending, dead } };
}

async function openJobs(db: Db): Promise<WorkFigures["open"]> {
  const { rows } = await sql<{ phase: string; gate: string; count: number }>`
    select phase, coalesce(gate, '') as gate, count(*)::integer as count from jobs
    where phase in ('queued', 'waiting', 'writing', 'rolling-out') group by 1, 2`.execute(db);
  return rows;
}

interface SingleFigures extends Omit<WorkFigures, "open" | "deliveries"> {
  readonly pending: number;
  readonly dead: number;
}

const none: SingleFigures = {
  dueSeconds: 0,
  openPushSeconds: 0,
  lanesWithProblem: 0,
  workers: 0,
  pending: 0,
  dead: 0,
};

async function singleFigures(db: Db): Promise<SingleFigures> {
  const { rows } = await sql<SingleFigures>`select
    coalesce((select extract(epoch from clock_timestamp() - min(due_at)) from jobs
      where due_at <= clock_timestamp() and phase = 'queued'), 0)::float8 as "dueSeconds",
    coalesce((select extract(epoch from clock_timestamp() - min(created_at)) from push_intents
      where state = 'open'), 0)::float8 as "openPushSeconds",
    (select count(*) from lanes where problem is not null)::integer as "lanesWithProblem",
    (select count(*) from workers
      where beat_at > clock_timestamp() - ${leaseTtlMs} * interval '1 millisecond')::integer as workers,
    (select count(*) from deliveries where state = 'pending')::integer as pending,
    (select count(*) from deliveries where state = 'dead')::integer as dead`.execute(db);
  return rows[0] ?? none;
}
