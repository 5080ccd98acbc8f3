import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";
import { noteStepEndings } from "./job-endings.ts";
import type { EndedStep } from "./job-endings.ts";
import type { StepRow } from "./schema.ts";

/**
 * A job's log. Numbers are gapless and in order of commit: they are given under the job's row lock.
 * Every insert and every change gets the job's next `seq`, which is what followers read by.
 */
export interface NewStep {
  readonly text: string;
  /** ok unless said otherwise; none while open. */
  readonly outcome?: StepOutcome;
  readonly detail?: string;
  /** It goes on: ended by `endStep`. */
  readonly open?: boolean;
}

export type StepOutcome = "ok" | "failed" | "skipped";

export const stepLimit = 500;

/** Appends steps and tells their numbers; what would exceed 500 in a job is dropped, from the end. */
export async function appendSteps(tx: Db, jobId: string, steps: readonly NewStep[]): Promise<number[]> {
  if (steps.length === 0) return [];
  const numbers = await insertSteps(tx, jobId, steps);
  if (numbers.length > 0) return numbers;
  const room = stepLimit - (await lastStep(tx, jobId));
  return room >= steps.length ? [] : insertSteps(tx, jobId, steps.slice(0, Math.max(0, room)));
}

async function insertSteps(tx: Db, jobId: string, steps: readonly NewStep[]): Promise<number[]> {
  const count = steps.length;
  if (count === 0) return [];
  const outcomes = steps.map((step) => (step.open === true ? null : (step.outcome ?? "ok")));
  const { rows } = await sql<{ number: number }>`
    with job as (
      update jobs set last_step = last_step + ${count}, last_seq = last_seq + ${count}
      where id = ${jobId} and last_step + ${count} <= ${stepLimit}
      returning id, last_step, last_seq)
    insert into steps (job_id, number, seq, text, outcome, detail, ended_at)
    select job.id, job.last_step - ${count} + new.position, job.last_seq - ${count} + new.position,
      new.text, new.outcome, new.detail, case when new.outcome is not null then clock_timestamp() end
    from job, unnest(
      ${steps.map((step) => step.text)}::text[], ${outcomes}::text[],
      ${steps.map((step) => step.detail ?? null)}::text[])
      with ordinality as new (text, outcome, detail, position)
    returning number`.execute(tx);
  return rows.map((row) => row.number).sort((a, b) => a - b);
}

async function lastStep(tx: Db, jobId: string): Promise<number> {
  const job = await tx.selectFrom("jobs").select("last_step").where("id", "=", jobId).executeTakeFirst();
  if (job === undefined) throw new SlipwayError("JOB_NOT_FOUND", { detail: jobId });
  return job.last_step;
}

export interface StepEnd {
  readonly jobId: string;
  readonly number: number;
  readonly outcome: StepOutcome;
  /** Left as it was when not given. */
  readonly detail?: string;
}

/** Ends an open step; one that has ended stays as it is. */
export async function endStep(tx: Db, end: StepEnd): Promise<void> {
  const { rows } = await sql<EndedStep>`
    with job as (
      update jobs set last_seq = last_seq + 1
      where id = ${end.jobId} and exists (
        select 1 from steps where job_id = ${end.jobId} and number = ${end.number} and ended_at is null)
      returning last_seq)
    update steps set seq = job.last_seq, ended_at = clock_timestamp(), outcome = ${end.outcome},
      detail = coalesce(${end.detail ?? null}, detail)
    from job where job_id = ${end.jobId} and number = ${end.number} and ended_at is null
    returning ${whatEnded}`.execute(tx);
  noteStepEndings(tx, rows);
}

const whatEnded = sql`steps.text, steps.outcome,
  extract(epoch from steps.ended_at - steps.started_at)::float8 as seconds`;

/** Tells how an open step goes on, for example `2 of 3 updated`. The same detail again changes nothing. */
export async function updateStep(
  tx: Db,
  step: { jobId: string; number: number; detail: string },
): Promise<void> {
  await sql`
    with job as (
      update jobs set last_seq = last_seq + 1
      where id = ${step.jobId} and exists (
        select 1 from steps where job_id = ${step.jobId} and number = ${step.number}
          and ended_at is null and detail is distinct from ${step.detail})
      returning last_seq)
    update steps set seq = job.last_seq, detail = ${step.detail}
    from job where job_id = ${step.jobId} and number = ${step.number} and ended_at is null`.execute(tx);
}

/** Ends whatever is still open, for example when the job ends. */
export async function endOpenSteps(
  tx: Db,
  jobId: string,
  end: { outcome: StepOutcome; detail?: string },
): Promise<void> {
  const { rows } = await sql<EndedStep>`
    with open as (
      select number, row_number() over (order by number) as position, count(*) over () as total
      from steps where job_id = ${jobId} and ended_at is null),
    job as (
      update jobs set last_seq = last_seq + (select max(total) from open)
      where id = ${jobId} and exists (select 1 from open)
      returning last_seq)
    update steps set ended_at = clock_timestamp(), outcome = ${end.outcome},
      detail = coalesce(${end.detail ?? null}, detail), seq = job.last_seq - open.total + open.position
    from job, open
    where steps.job_id = ${jobId} and steps.number = open.number and steps.ended_at is null
    returning ${whatEnded}`.execute(tx);
  noteStepEndings(tx, rows);
}

/** The steps that go on, in order. */
export async function openSteps(db: Db, jobId: string): Promise<StepRow[]> {
  return db
    .selectFrom("steps")
    .selectAll()
    .where("job_id", "=", jobId)
    .where("ended_at", "is", null)
    .orderBy("number")
    .execute();
}

export interface StepPage {
  /** In the order of the log; a changed step comes again. */
  readonly steps: StepRow[];
  /** Give it back as `after`. */
  readonly next: bigint;
}

/** Steps that came or changed since `after` (0: all). */
export async function listSteps(
  db: Db,
  jobId: string,
  page: { after: bigint; limit: number },
): Promise<StepPage> {
  const rows = await db
    .selectFrom("steps")
    .selectAll()
    .where("job_id", "=", jobId)
    .where("seq", ">", page.after)
    .orderBy("seq")
    .limit(page.limit)
    .execute();
  const next = rows.at(-1)?.seq ?? page.after;
  return { steps: rows.sort((a, b) => a.number - b.number), next };
}
