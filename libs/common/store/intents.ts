import { sql } from "kysely";
import type { Selectable } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";
import type { PushIntentsTable, StoredDraft, StoredPlan } from "./schema.ts";

export interface IntentCommit {
  readonly jobId: string;
  readonly commit: string;
  readonly draft: StoredDraft;
  readonly plan: StoredPlan;
}

export interface NewIntent {
  readonly id: string;
  readonly laneId: string;
  readonly fence: bigint;
  readonly base: string;
  readonly tip: string;
  /** The proposal branch that is made; null: the lane's own branch is moved. */
  readonly proposal: string | null;
  /** What the lane ref holds: an attempt lands only from there. */
  readonly laneOld: string;
  /** From base to tip. */
  readonly commits: readonly IntentCommit[];
}

export interface PushAttempt {
  readonly number: number;
  /** What the lane ref becomes if this one lands. */
  readonly laneNew: string;
  readonly fence: bigint;
  /** What the host said; null while nobody heard it. */
  readonly answer: string | null;
}

/** A recorded push with everything tried so far. */
export interface OpenIntent extends NewIntent {
  readonly attempts: readonly PushAttempt[];
}

export interface Intent extends OpenIntent {
  readonly state: "open" | "landed" | "sealed" | "refused";
  readonly createdAt: Date;
}

/**
 * Records what is about to be pushed. The point of no return: in the same fenced transaction, under
 * the jobs' row locks (`lockJobs`), whoever calls has re-read what could forbid it.
 */
export async function recordIntent(tx: Db, intent: NewIntent): Promise<void> {
  await tx
    .insertInto("push_intents")
    .values({
      id: intent.id,
      lane_id: intent.laneId,
      fence: intent.fence,
      base_sha: intent.base,
      tip_sha: intent.tip,
      proposal: intent.proposal,
      lane_old: intent.laneOld,
    })
    .execute();
  const commits = intent.commits.map((commit, index) => ({
    intent_id: intent.id,
    position: index + 1,
    job_id: commit.jobId,
    commit_sha: commit.commit,
    draft: JSON.stringify(commit.draft),
    plan: JSON.stringify(commit.plan),
  }));
  await tx.insertInto("intent_commits").values(commits).execute();
}

/** The lane's intent that is not resolved: until it is, the lane does nothing else. */
export async function openIntent(db: Db, laneId: string): Promise<Intent | undefined> {
  const intent = await db
    .selectFrom("push_intents")
    .selectAll()
    .where("lane_id", "=", laneId)
    .where("state", "=", "open")
    .executeTakeFirst();
  return intent === undefined ? undefined : withDetails(db, intent);
}

export async function getIntent(db: Db, id: string): Promise<Intent | undefined> {
  const intent = await db.selectFrom("push_intents").selectAll().where("id", "=", id).executeTakeFirst();
  return intent === undefined ? undefined : withDetails(db, intent);
}

async function withDetails(db: Db, row: Selectable<PushIntentsTable>): Promise<Intent> {
  const commits = await db
    .selectFrom("intent_commits")
    .select(["job_id as jobId", "commit_sha as commit", "draft", "plan"])
    .where("intent_id", "=", row.id)
    .orderBy("position")
    .execute();
  const attempts = await db
    .selectFrom("push_attempts")
    .select(["number", "lane_new as laneNew", "fence", "answer"])
    .where("intent_id", "=", row.id)
    .orderBy("number")
    .execute();
  const { id, fence, state } = row;
  const shas = { base: row.base_sha, tip: row.tip_sha, proposal: row.proposal, laneOld: row.lane_old };
  return { id, laneId: row.lane_id, fence, ...shas, state, createdAt: row.created_at, commits, attempts };
}

/**
 * Records one try to push before it is made, with the lane ref's fresh value; its number. None is made
 * any more once one of the intent's jobs has ended (`lockEnded` keeps them from ending meanwhile).
 */
export async function addAttempt(
  tx: Db,
  attempt: { intentId: string; laneNew: string; fence: bigint },
): Promise<number> {
  // Two of them at once are kept apart by the lease; the primary key would refuse the second.
  const { rows } = await sql<{ number: number }>`
    insert into push_attempts (intent_id, number, lane_new, fence)
    select id, 1 + coalesce((select max(number) from push_attempts where intent_id = ${attempt.intentId}), 0),
      ${attempt.laneNew}, ${attempt.fence}
    from push_intents where id = ${attempt.intentId} and state = 'open' and not exists (
      select 1 from intent_commits join jobs on jobs.id = intent_commits.job_id
      where intent_commits.intent_id = push_intents.id and jobs.finished_at is not null)
    returning number`.execute(tx);
  const number = rows[0]?.number;
  if (number === undefined)
    throw new SlipwayError("INTERNAL", { detail: "the intent is over, or a job of it" });
  return number;
}

/** Records what the host said, word for word; an attempt without an answer may still land. */
export async function answerAttempt(
  tx: Db,
  answered: { intentId: string; number: number; answer: string },
): Promise<void> {
  await tx
    .updateTable("push_attempts")
    .set({ answer: answered.answer })
    .where("intent_id", "=", answered.intentId)
    .where("number", "=", answered.number)
    .execute();
}

/** Ends an open intent; once only. */
export async function resolveIntent(
  tx: Db,
  resolved: { id: string; state: "landed" | "sealed" | "refused" },
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable("push_intents")
    .set({ state: resolved.state, resolved_at: sql<Date>`clock_timestamp()` })
    .where("id", "=", resolved.id)
    .where("state", "=", "open")
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new SlipwayError("INTERNAL", { detail: "the intent is not open" });
}

/** A commit that some intent of a job recorded, with the base it was made on. */
export interface RecordedCommit {
  readonly jobId: string;
  readonly base: string;
  readonly commit: string;
  readonly plan: StoredPlan;
}

/** Every commit that any intent recorded for these jobs, oldest first: at most one of a job ever landed. */
export async function recordedCommits(db: Db, jobIds: readonly string[]): Promise<RecordedCommit[]> {
  return db
    .selectFrom("intent_commits")
    .innerJoin("push_intents", "push_intents.id", "intent_commits.intent_id")
    .select(["job_id as jobId", "base_sha as base", "commit_sha as commit", "plan"])
    .where(sql<boolean>`job_id = any(${[...jobIds]}::uuid[])`)
    .orderBy("push_intents.created_at")
    .execute();
}

/** Every commit ever recorded for the job, oldest first: any of them in the branch is an earlier push of it. */
export async function recordedCommitsOf(db: Db, jobId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("intent_commits")
    .innerJoin("push_intents", "push_intents.id", "intent_commits.intent_id")
    .select("commit_sha")
    .where("job_id", "=", jobId)
    .orderBy("push_intents.created_at")
    .execute();
  return rows.map((row) => row.commit_sha);
}
