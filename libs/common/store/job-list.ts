import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { JobPhase } from "../domain/job.ts";
import type { Db } from "./db.ts";
import { jobConditions } from "./job-search.ts";
import type { JobSearch } from "./job-search.ts";
import type { JobRow } from "./schema.ts";

export interface JobFilter extends JobSearch {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface JobList {
  readonly jobs: JobRow[];
  /** Cursor of the next page; null at the end. */
  readonly next: string | null;
}

const pageLimit = 500;

/** Jobs, newest first. */
export async function listJobs(db: Db, filter: JobFilter): Promise<JobList> {
  const limit = Math.max(1, Math.min(filter.limit, pageLimit));
  let query = db
    .selectFrom("jobs")
    .selectAll()
    .where((eb) => eb.and(jobConditions(eb, filter)));
  if (filter.cursor !== undefined) query = query.where("accepted", "<", readCursor(filter.cursor));
  const rows = await query
    .orderBy("accepted", "desc")
    .limit(limit + 1)
    .execute();
  return toList(rows, limit);
}

function toList(rows: readonly JobRow[], limit: number): JobList {
  const jobs = rows.slice(0, limit);
  const last = jobs.at(-1);
  return { jobs, next: rows.length > limit && last !== undefined ? writeCursor(last.accepted) : null };
}

/** Jobs that made this commit, or that read the branch there; by its first digits, at most 100. */
export async function jobsAtCommit(
  db: Db,
  at: { readonly environment: string; readonly prefix: string },
): Promise<JobRow[]> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("environment", "=", at.environment)
    .where("commit_sha", "like", `${at.prefix}%`)
    .orderBy("accepted", "desc")
    .limit(100)
    .execute();
}

export interface HistoryFilter {
  readonly environment: string;
  /** `namespace:kind/name` */
  readonly workload: string;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Jobs that changed this workload in git, newest first; those that left it alone are none of them. */
export async function workloadHistory(db: Db, filter: HistoryFilter): Promise<JobList> {
  const { environment, workload, cursor } = filter;
  const limit = Math.max(1, Math.min(filter.limit, pageLimit));
  const changed = `$[*] ? (@.workload == ${JSON.stringify(workload)} && @.result != "skip")`;
  let rows = db
    .selectFrom("jobs")
    .selectAll()
    .where("environment", "=", environment)
    .where("commit_sha", "is not", null)
    // A sync names the commit it applied, which others wrote.
    .where("kind", "<>", "sync")
    .where(sql<boolean>`results @? ${changed}::jsonpath`);
  if (cursor !== undefined) rows = rows.where("accepted", "<", readCursor(cursor));
  return toList(
    await rows
      .orderBy("accepted", "desc")
      .limit(limit + 1)
      .execute(),
    limit,
  );
}

const shortIdLength = 8;

/** The job whose id ends with these 8 characters, as the predecessor's short ids do. */
export async function findJobByShortId(db: Db, last8: string): Promise<JobRow | undefined> {
  if (last8.length !== shortIdLength) return undefined;
  const jobs = await db
    .selectFrom("jobs")
    .selectAll()
    .where(sql<boolean>`right(id::text, 8) = ${last8.toLowerCase()}`)
    .limit(2)
    .execute();
  if (jobs.length > 1) throw new SlipwayError("JOB_AMBIGUOUS", { detail: last8 });
  return jobs[0];
}

/** A job's newest undoing. */
export interface RollbackLink {
  readonly id: string;
  readonly commit_sha: string | null;
  readonly phase: JobPhase;
  readonly automatic: boolean;
}

/** The newest rollback of each of these jobs that has one, by the id of the job it undoes. */
export async function rollbacksOf(db: Db, jobIds: readonly string[]): Promise<Map<string, RollbackLink>> {
  const rows = await db
    .selectFrom("jobs")
    .select(["id", "commit_sha", "phase", "automatic", "rollback_of"])
    .distinctOn("rollback_of")
    .where(sql<boolean>`rollback_of = any(${[...jobIds]}::uuid[])`)
    .orderBy("rollback_of")
    .orderBy("accepted", "desc")
    .execute();
  return new Map(rows.map(({ rollback_of: of, ...link }) => [of ?? "", link]));
}

function writeCursor(accepted: bigint): string {
  return Buffer.from(String(accepted)).toString("base64url");
}

function readCursor(cursor: string): bigint {
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  // Read back: base64 decoding forgives what is no base64.
  if (!/^[1-9]\d{0,17}$/.test(text) || writeCursor(BigInt(text)) !== cursor) {
    throw new SlipwayError("CURSOR_INVALID");
  }
  return BigInt(text);
}
