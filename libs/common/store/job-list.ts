import { sql } from "kysely";

import type { Reach } from "../domain/access.ts";
import { SlipwayError } from "../domain/errors.ts";
import type { JobPhase } from "../domain/job.ts";
import type { Db } from "./db.ts";
import { jobConditions } from "./job-search.ts";
import type { JobSearch } from "./job-search.ts";
import type { JobRow } from "./schema.ts";
import { isWithinReach } from "./within.ts";

export interface JobFilter extends JobSearch {
  /** Only jobs all of whose workloads lie within. */
  readonly within: Reach;
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
    .where((eb) => eb.and(jobConditions(eb, filter)))
    .where(jobsWithin(filter.within) ?? sql<boolean>`true`);
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
  at: { readonly environment: string; readonly prefix: string; readonly within: Reach },
): Promise<JobRow[]> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("environment", "=", at.environment)
    .where("commit_sha", "like", `${at.prefix}%`)
    .where(jobsWithin(at.within) ?? sql<boolean>`true`)
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
export async function findJobByShortId(db: Db, last8: string, within: Reach): Promise<JobRow | undefined> {
  if (last8.length !== shortIdLength) return undefined;
  const jobs = await db
    .selectFrom("jobs")
    .selectAll()
    .where(sql<boolean>`right(id::text, 8) = ${last8.toLowerCase()}`)
    .where(jobsWithin(within) ?? sql<boolean>`true`)
    .limit(2)
    .execute();
  if (jobs.length > 1) throw new SlipwayError("JOB_AMBIGUOUS", { detail: last8 });
  return jobs[0];
}

/** The job, when all of its workloads lie within. */
export async function findJobWithin(db: Db, id: string, within: Reach): Promise<JobRow | undefined> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("id", "=", id)
    .where(jobsWithin(within) ?? sql<boolean>`true`)
    .executeTakeFirst();
}

/** The workloads a job is about; null where it is about all of its environment, or nobody knows yet. */
export async function touchedWorkloads(db: Db, id: string): Promise<readonly string[] | null> {
  const row = await db
    .selectFrom("jobs")
    .select(touched.as("touched"))
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.touched ?? null;
}

/** Of these jobs, those all of whose workloads lie within. */
export async function idsWithin(db: Db, ids: readonly string[], within: Reach): Promise<ReadonlySet<string>> {
  const condition = jobsWithin(within);
  if (condition === undefined) return new Set(ids);
  const rows = await db
    .selectFrom("jobs")
    .select("id")
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .where(condition)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

const touched = sql<readonly string[] | null>`touched_workloads(jobs)`;

function jobsWithin(within: Reach) {
  return isWithinReach(within, { environment: sql.ref("jobs.environment"), workloads: touched });
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
