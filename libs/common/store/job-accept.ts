import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { auditRow } from "./audit.ts";
import type { AuditEntry } from "./audit.ts";
import type { Db } from "./db.ts";
import type { JobRow, NewJobRow } from "./schema.ts";

export interface IdempotencyKey {
  readonly principal: string;
  readonly operation: string;
  readonly key: string;
  /** Hash of the validated body after defaults. */
  readonly bodyHash: string;
}

export interface Acceptance {
  readonly job: NewJobRow;
  readonly idempotency?: IdempotencyKey;
  /** Written together with the job, and only with it. */
  readonly audit?: AuditEntry;
}

/** accepted: the job is in · replayed: the same request made this job · conflict: another request did. */
export type Accepted =
  | { readonly kind: "accepted"; readonly job: JobRow }
  | { readonly kind: "replayed"; readonly jobId: string }
  | { readonly kind: "conflict"; readonly jobId: string };

/**
 * Takes a job in: key, job, first step and audit row in one statement, so it is atomic outside of a
 * transaction too. It only inserts and locks no row that others share; an equal key in flight is
 * waited for.
 */
export async function acceptJob(db: Db, acceptance: Acceptance): Promise<Accepted> {
  const job = await insertAll(db, acceptance);
  if (job !== undefined) return { kind: "accepted", job };
  const { idempotency } = acceptance;
  const earlier = idempotency && (await findKey(db, idempotency));
  if (earlier === undefined) throw new SlipwayError("INTERNAL", { detail: "the job was not inserted" });
  const kind = earlier.body_hash === idempotency?.bodyHash ? "replayed" : "conflict";
  return { kind, jobId: earlier.job_id };
}

/** The job that a key made, for authorising and answering before a body is even planned. */
export async function findKey(db: Db, key: Omit<IdempotencyKey, "bodyHash">) {
  return db
    .selectFrom("idempotency_keys")
    .select(["job_id", "body_hash"])
    .where("principal", "=", key.principal)
    .where("operation", "=", key.operation)
    .where("key", "=", key.key)
    .where("created_at", ">", keyLimit)
    .executeTakeFirst();
}

/** Older keys are free again, whether they are swept up already or not. */
export const keyLimit = sql<Date>`clock_timestamp() - interval '24 hours'`;

async function insertAll(db: Db, { job, idempotency, audit }: Acceptance): Promise<JobRow | undefined> {
  const first = { last_step: 1, last_seq: 1n };
  const { rows } = await sql<JobRow>`
    with key_row as (${keyInsert(job.id, idempotency)}),
    job_row as (${insertSelect("jobs", { ...job, ...first }, "key_row")}),
    step_row as (
      insert into steps (job_id, number, seq, text, ended_at, outcome)
      select ${job.id}, 1, 1, 'Submitted job.', clock_timestamp(), 'ok' from key_row),
    event_row as (
      insert into events (environment, kind, job_id, data)
      select ${job.environment}, ${`job.${job.phase}`}, ${job.id}, ${firstEvent(job)} from key_row),
    audit_row as (${audit === undefined ? sql`select 1` : insertSelect("audit", auditRow(audit), "key_row")})
    select * from job_row`.execute(db);
  return rows[0];
}

function keyInsert(jobId: string, key: IdempotencyKey | undefined) {
  if (key === undefined) return sql`select 1`;
  return sql`
    insert into idempotency_keys (principal, operation, key, body_hash, job_id)
    values (${key.principal}, ${key.operation}, ${key.key}, ${key.bodyHash}, ${jobId})
    on conflict (principal, operation, key) do update
      set body_hash = excluded.body_hash, job_id = excluded.job_id, created_at = clock_timestamp()
      where idempotency_keys.created_at <= ${keyLimit}
    returning job_id`;
}

function firstEvent({ phase }: NewJobRow): string {
  return JSON.stringify({ phase, outcome: null, waitingFor: null, commit: null });
}

function insertSelect(table: string, row: object, from: string) {
  const columns = Object.entries(row).filter(([, value]) => value !== undefined);
  return sql`
    insert into ${sql.table(table)} (${sql.join(columns.map(([name]) => sql.ref(name)))})
    select ${sql.join(columns.map(([, value]) => sql.val(value)))} from ${sql.table(from)} returning *`;
}
