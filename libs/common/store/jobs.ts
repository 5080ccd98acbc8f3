import { sql } from "kysely";
import type { UpdateObject } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { isTerminal, mustMove } from "../domain/job.ts";
import type { Gate, JobEvent, JobMove, JobPhase } from "../domain/job.ts";
import { wakeAutomation } from "./automation-wakes.ts";
import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import { jobEvent, jobEventColumns } from "./events.ts";
import { noteEnding } from "./job-endings.ts";
import type { EndedJob } from "./job-endings.ts";
import type { Database, JobRow } from "./schema.ts";
import { endOpenSteps } from "./steps.ts";

type JobColumns = UpdateObject<Database, "jobs">;

/** At most so many jobs share a push. */
export const batchLimit = 64;

export async function getJob(db: Db, id: string): Promise<JobRow | undefined> {
  return db.selectFrom("jobs").selectAll().where("id", "=", id).executeTakeFirst();
}

/** As `getJob`, or JOB_NOT_FOUND. */
export async function mustGetJob(db: Db, id: string): Promise<JobRow> {
  const job = await getJob(db, id);
  if (job === undefined) throw new SlipwayError("JOB_NOT_FOUND", { detail: id });
  return job;
}

/** Locks rows until the transaction ends, in one order for everybody, and tells how they stand now. */
export async function lockJobs(tx: Db, ids: readonly string[]): Promise<JobRow[]> {
  return tx.selectFrom("jobs").selectAll().where(idIn(ids)).orderBy("id").forNoKeyUpdate().execute();
}

/** The lane's next jobs, locked: rollbacks, then manual ones, then automation; each in the order accepted. */
export async function takeQueuedJobs(tx: Db, from: { laneId: string; limit: number }): Promise<JobRow[]> {
  return tx
    .selectFrom("jobs")
    .selectAll()
    .where("lane_id", "=", from.laneId)
    .where("phase", "=", "queued")
    .where("kind", "<>", "restart")
    .where("due_at", "<=", sql<Date>`clock_timestamp()`)
    .orderBy("priority")
    .orderBy("accepted")
    .limit(Math.min(from.limit, batchLimit))
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
}

/** Whether the lane has a job that could be taken now. */
export async function hasDueJobs(db: Db, laneId: string): Promise<boolean> {
  const due = await db
    .selectFrom("jobs")
    .select("id")
    .where("lane_id", "=", laneId)
    .where("phase", "=", "queued")
    .where("kind", "<>", "restart")
    .where("due_at", "<=", sql<Date>`clock_timestamp()`)
    .limit(1)
    .executeTakeFirst();
  return due !== undefined;
}

/** The lane's jobs in a phase that is not the end, in the order accepted. */
export async function jobsOfLane(
  db: Db,
  of: { laneId: string; phase: JobPhase; intent?: boolean },
): Promise<JobRow[]> {
  const jobs = db
    .selectFrom("jobs")
    .selectAll()
    .where("lane_id", "=", of.laneId)
    .where("due_at", "is not", null)
    .where("phase", "=", of.phase)
    .orderBy("accepted");
  return (of.intent === undefined ? jobs : jobs.where("intent", "=", of.intent)).execute();
}

/** The environment's jobs whose rollout is being judged, in the order accepted. */
export async function rollingOutJobs(db: Db, environment: string): Promise<JobRow[]> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("environment", "=", environment)
    .where("due_at", "is not", null)
    .where("phase", "=", "rolling-out")
    .orderBy("accepted")
    .execute();
}

/** The environment's restarts that have not begun: they need no lane, so none takes them. */
export async function queuedRestarts(db: Db, environment: string): Promise<JobRow[]> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("environment", "=", environment)
    .where("phase", "=", "queued")
    .where("kind", "=", "restart")
    .where("due_at", "<=", sql<Date>`clock_timestamp()`)
    .orderBy("accepted")
    .limit(batchLimit)
    .execute();
}

/** The lane's jobs whose proposal waits for people to merge it. */
export async function jobsWaitingForMerge(db: Db, laneId: string): Promise<JobRow[]> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("lane_id", "=", laneId)
    .where("phase", "=", "waiting")
    .where("gate", "=", "merge")
    .orderBy("accepted")
    .limit(1000)
    .execute();
}

/** The one automatic rollback of a job, when there is one. */
export async function automaticRollbackOf(db: Db, jobId: string): Promise<JobRow | undefined> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("rollback_of", "=", jobId)
    .where("automatic", "=", true)
    .executeTakeFirst();
}

/**
 * How many automatic rollbacks an environment has begun lately; what landed late says nothing of its health.
 * Until the transaction ends nobody else counts: of two that fail at once, each must see the other's.
 */
export async function countAutomaticRollbacks(
  tx: Db,
  of: { environment: string; withinMs: number },
): Promise<number> {
  const lock = `automatic rollbacks of ${of.environment}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`.execute(tx);
  const row = await tx
    .selectFrom("jobs")
    .select(({ fn }) => fn.countAll<bigint>().as("count"))
    .where("environment", "=", of.environment)
    .where("automatic", "=", true)
    .where(sql<boolean>`not exists (
      select 1 from jobs as undone where undone.id = jobs.rollback_of and undone.outcome = 'landed-late')`)
    .where("created_at", ">", sql<Date>`clock_timestamp() - ${of.withinMs} * interval '1 millisecond'`)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

type PatchColumn =
  | "approvals"
  | "attempt"
  | "changes"
  | "commit_sha"
  | "crashes"
  | "error"
  | "gate"
  | "gate_until"
  | "headline"
  | "outcome"
  | "plan_hash"
  | "results"
  | "targets"
  | "unknown_since"
  | "waiting_for";

/** Columns to set, as values; `dueInMs`: when somebody should look at the job again, by Postgres' clock. */
export type JobPatch = Partial<Pick<JobRow, PatchColumn>> & { readonly dueInMs?: number };

export interface JobChange {
  readonly id: string;
  readonly event: JobEvent;
  readonly patch?: JobPatch;
}

/**
 * Moves a job by the table of `domain/job.ts`, under its row lock; an illegal move is thrown. Gate and
 * `waiting_for` are cleared unless given; the job is due at once unless `dueInMs` says later.
 */
export async function moveJob(tx: Db, change: JobChange): Promise<JobRow> {
  return inTransaction(tx, async (tx) => {
    const job = await lockJob(tx, change.id);
    return writeMove(tx, job, change);
  });
}

/** Sets columns without moving the job. */
export async function patchJob(tx: Db, id: string, patch: JobPatch): Promise<JobRow> {
  const { dueInMs, ...columns } = patch;
  const due = dueInMs === undefined ? {} : { due_at: fromNow(dueInMs) };
  return updateJob(tx, id, { ...asSql(columns), ...due });
}

/** cancelled: it is over · requested: its worker stops before the push · too-late: roll back · over: it had ended. */
export type CancelAnswer = "cancelled" | "requested" | "too-late" | "over";

/** Cancels a job that has not begun, asks a worker to before its intent is recorded, else says why not. */
export async function requestCancel(db: Db, request: { id: string; by: string }): Promise<CancelAnswer> {
  return inTransaction(db, async (tx) => {
    const job = await lockJob(tx, request.id);
    if (isTerminal(job.phase)) return "over";
    if (job.phase === "rolling-out" || job.intent) return "too-late";
    await updateJob(tx, job.id, {
      cancel_requested_by: request.by,
      cancel_requested_at: sql<Date>`coalesce(cancel_requested_at, clock_timestamp())`,
    });
    if (job.phase === "writing") return "requested";
    await endOpenSteps(tx, job.id, { outcome: "skipped", detail: `cancelled by ${request.by}` });
    await writeMove(tx, job, { id: job.id, event: "cancelled" });
    return "cancelled";
  });
}

/** One more time that a worker ended while it wrote this job; how often it has been. */
export async function countCrash(tx: Db, id: string): Promise<number> {
  const job = await updateJob(tx, id, { crashes: sql<number>`crashes + 1` });
  return job.crashes;
}

async function lockJob(tx: Db, id: string): Promise<JobRow> {
  const [job] = await lockJobs(tx, [id]);
  if (job === undefined) throw new SlipwayError("JOB_NOT_FOUND", { detail: id });
  return job;
}

async function writeMove(tx: Db, job: JobRow, change: JobChange): Promise<JobRow> {
  const gate = (job.gate ?? undefined) as Gate | undefined;
  const state = {
    phase: job.phase,
    intent: job.intent,
    ...(gate === undefined ? {} : { gate }),
    ...(job.outcome === null ? {} : { outcome: job.outcome }),
  };
  const move = mustMove(state, change.event);
  const { dueInMs = 0, outcome, ...columns } = change.patch ?? {};
  const moved = await updateAndTell(tx, job.id, {
    gate: null,
    gate_until: null,
    waiting_for: null,
    ...asSql(columns),
    phase: move.phase,
    intent: move.intent ?? false,
    ...times(move, { dueInMs, outcome: outcome ?? undefined }),
  });
  if (isTerminal(moved.phase) && !isTerminal(job.phase)) noteEnding(tx, endingOf(moved));
  await wakeByMove(tx, moved);
  return moved;
}

function endingOf(job: JobRow): EndedJob {
  const endedAt = job.finished_at ?? job.created_at;
  const seconds = (endedAt.getTime() - job.created_at.getTime()) / 1_000;
  return { kind: job.kind, outcome: job.outcome ?? job.phase, seconds };
}

/** What has ended is at no workload any more; what waits for people lets automation think again. */
async function wakeByMove(tx: Db, { id, environment, origin, phase }: JobRow): Promise<void> {
  const waits = phase === "waiting" && origin === "automation";
  if (!waits && !isTerminal(phase)) return;
  await wakeAutomation(tx, { environment, why: `job ${id.slice(-8)} ${waits ? "waits" : "ended"}` });
}

function times(move: JobMove, given: { dueInMs: number; outcome: string | undefined }): JobColumns {
  if (isTerminal(move.phase)) {
    const outcome = given.outcome ?? move.outcome ?? move.phase;
    return { outcome, due_at: null, finished_at: sql<Date>`coalesce(finished_at, clock_timestamp())` };
  }
  const begins = move.phase === "writing" || move.phase === "rolling-out";
  const started = begins ? { started_at: sql<Date>`coalesce(started_at, clock_timestamp())` } : {};
  return { ...started, due_at: fromNow(given.dueInMs) };
}

/** The move and the event that tells of it, in one statement. */
async function updateAndTell(tx: Db, id: string, columns: JobColumns): Promise<JobRow> {
  const job = await tx
    .with("moved", (db) => db.updateTable("jobs").set(columns).where("id", "=", id).returningAll())
    .with("told", (db) =>
      db.insertInto("events").columns(jobEventColumns).expression(db.selectFrom("moved").select(jobEvent)),
    )
    .selectFrom("moved")
    .selectAll()
    .executeTakeFirst();
  if (job === undefined) throw new SlipwayError("JOB_NOT_FOUND", { detail: id });
  return job;
}

async function updateJob(tx: Db, id: string, columns: JobColumns): Promise<JobRow> {
  const job = await tx
    .updateTable("jobs")
    .set(columns)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (job === undefined) throw new SlipwayError("JOB_NOT_FOUND", { detail: id });
  return job;
}

function asSql(patch: Omit<JobPatch, "dueInMs">): JobColumns {
  const { approvals, changes, error, results, targets, ...plain } = patch;
  const json = { approvals, changes, error, results, targets };
  const texts = Object.entries(json)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => [column, value === null ? null : JSON.stringify(value)]);
  return { ...plain, ...(Object.fromEntries(texts) as JobColumns) };
}

function fromNow(ms: number) {
  return sql<Date>`clock_timestamp() + ${ms} * interval '1 millisecond'`;
}

function idIn(ids: readonly string[]) {
  return sql<boolean>`id = any(${[...ids]}::uuid[])`;
}
