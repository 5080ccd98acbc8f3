import { sql } from "kysely";

import { isTerminal } from "../domain/job.ts";
import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { RecordedCommit } from "./intents.ts";
import { lockJobs, moveJob } from "./jobs.ts";
import type { JobErrorRow, JobRow } from "./schema.ts";
import { appendSteps, endOpenSteps } from "./steps.ts";

/**
 * Jobs that people end while nobody can tell what became of their push (CORRECTNESS 5f). The intent
 * stays open: only looking at the git host resolves it, and until then nothing of it is pushed again.
 */
const endableAfterMs = 30 * 60_000;

/** How long a job that was ended is looked for in the branch. */
const lookedForDays = 7;
const maxLookedFor = 64;

/** ended · over: it had ended · too-early: its push is too young · no-push: none is under way. */
export type EndAnswer = "ended" | "over" | "too-early" | "no-push";

export interface EndRequest {
  readonly id: string;
  readonly by: string;
  readonly message: string | null;
  readonly error: JobErrorRow;
}

/** Ends a job whose push has had no known outcome for half an hour, by Postgres' clock. */
export async function requestEnd(db: Db, request: EndRequest): Promise<EndAnswer> {
  return inTransaction(db, async (tx) => {
    const [job] = await lockJobs(tx, [request.id]);
    if (job === undefined || isTerminal(job.phase)) return "over";
    const push = await openPushOf(tx, job.id);
    if (!job.intent || push === undefined) return "no-push";
    if (!push.endable) return "too-early";
    await endOpenSteps(tx, job.id, { outcome: "failed", detail: job.waiting_for ?? "no answer to its push" });
    const text = `Ended by ${request.by}: the outcome of its push is unknown.`;
    const why = request.message === null ? {} : { detail: request.message };
    await appendSteps(tx, job.id, [{ text, outcome: "failed", ...why }]);
    await moveJob(tx, { id: job.id, event: "outcome-unknown", patch: { error: request.error } });
    return "ended";
  });
}

export interface OpenPush {
  /** From when on its jobs may be ended. */
  readonly endableFrom: Date;
  /** Whether that time has come. */
  readonly endable: boolean;
}

/** The push of a job that is not resolved yet. */
export async function openPushOf(db: Db, jobId: string): Promise<OpenPush | undefined> {
  return db
    .selectFrom("push_intents")
    .innerJoin("intent_commits", "intent_commits.intent_id", "push_intents.id")
    .select([endableFrom.as("endableFrom"), sql<boolean>`${endableFrom} <= clock_timestamp()`.as("endable")])
    .where("job_id", "=", jobId)
    .where("state", "=", "open")
    .executeTakeFirst();
}

const endableFrom = sql<Date>`push_intents.created_at + ${endableAfterMs} * interval '1 millisecond'`;

/** Locks the jobs of an intent until the transaction ends, and tells which of them people have ended. */
export async function lockEnded(tx: Db, jobIds: readonly string[]): Promise<ReadonlySet<string>> {
  const locked = await lockJobs(tx, jobIds);
  return new Set(locked.filter((job) => isTerminal(job.phase)).map((job) => job.id));
}

/** True for a job whose push may have landed without anybody knowing, so far. */
export function mayHaveLanded(job: Pick<JobRow, "outcome" | "commit_sha">): boolean {
  return job.outcome === "outcome-unknown" && job.commit_sha === null;
}

/**
 * Commits of the lane's ended jobs whose intent is resolved, and that are on no branch as far as we
 * know: where nothing keeps late pushes out, a copy may still bring them.
 */
export async function commitsThatMayLandLate(db: Db, laneId: string): Promise<RecordedCommit[]> {
  return (
    db
      .selectFrom("jobs")
      .innerJoin("intent_commits", "intent_commits.job_id", "jobs.id")
      .innerJoin("push_intents", "push_intents.id", "intent_commits.intent_id")
      .select([
        "intent_commits.job_id as jobId",
        "base_sha as base",
        "intent_commits.commit_sha as commit",
        "plan",
      ])
      .where("jobs.lane_id", "=", laneId)
      .where("jobs.outcome", "=", "outcome-unknown")
      .where("jobs.commit_sha", "is", null)
      .where("jobs.finished_at", ">", sql<Date>`clock_timestamp() - ${lookedForDays} * interval '1 day'`)
      .where("push_intents.state", "<>", "open")
      // A proposal is on no branch until people merge it, and then they wanted it.
      .where("push_intents.proposal", "is", null)
      .orderBy("jobs.finished_at", "desc")
      .limit(maxLookedFor)
      .execute()
  );
}
