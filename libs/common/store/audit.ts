import type { Db } from "./db.ts";

/** Who did what, with which outcome. */
export interface AuditEntry {
  readonly principal: string;
  readonly operation: string;
  readonly environment?: string | null;
  readonly jobId?: string | null;
  readonly outcome: string;
  readonly requestId?: string | null;
  /** Facts for later readers; never secrets. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Appends to the audit log, in the transaction of what it tells about. */
export async function writeAudit(db: Db, entry: AuditEntry): Promise<void> {
  await db.insertInto("audit").values(auditRow(entry)).execute();
}

/** The entry as its row. */
export function auditRow(entry: AuditEntry) {
  return {
    principal: entry.principal,
    operation: entry.operation,
    environment: entry.environment ?? null,
    job_id: entry.jobId ?? null,
    outcome: entry.outcome,
    request_id: entry.requestId ?? null,
    detail: JSON.stringify(entry.detail ?? {}),
  };
}
