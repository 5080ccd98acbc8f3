import type { Db } from "./db.ts";

/** Who did what, why, from where, with which outcome. */
export interface AuditEntry {
  /** As people read it. */
  readonly principal: string;
  /** As it is told from others of that name: a token's id, or an issuer's subject. */
  readonly principalId?: string | undefined;
  readonly operation: string;
  readonly environment?: string | null;
  readonly jobId?: string | null;
  readonly outcome: string;
  /** Why, in the words of whoever asked. */
  readonly reason?: string | null | undefined;
  readonly address?: string | undefined;
  readonly requestId?: string | null;
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  /** Facts for later readers; never secrets. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What it is about, where that is not the whole environment. */
  readonly workloads?: readonly string[] | null | undefined;
}

/** Appends to the audit log, in the transaction of what it tells about. */
export async function writeAudit(db: Db, entry: AuditEntry): Promise<void> {
  await db.insertInto("audit").values(auditRow(entry)).execute();
}

/** The entry as its row. */
export function auditRow(entry: AuditEntry) {
  const { before, after, workloads } = entry;
  return {
    principal: entry.principal,
    principal_id: entry.principalId ?? null,
    operation: entry.operation,
    environment: entry.environment ?? null,
    job_id: entry.jobId ?? null,
    outcome: entry.outcome,
    reason: entry.reason ?? null,
    address: entry.address ?? null,
    request_id: entry.requestId ?? null,
    before: before === undefined ? null : JSON.stringify(before),
    after: after === undefined ? null : JSON.stringify(after),
    detail: JSON.stringify(entry.detail ?? {}),
    workloads: workloads == null ? null : [...workloads],
  };
}
