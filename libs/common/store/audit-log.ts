import { sql } from "kysely";
import type { ExpressionBuilder, Selectable } from "kysely";

import type { Reach } from "../domain/access.ts";
import { SlipwayError } from "../domain/errors.ts";
import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";
import type { AuditTable } from "./schema-access.ts";
import { isWithinReach } from "./within.ts";

export type AuditLogRow = Selectable<AuditTable>;

export interface AuditFilter {
  /** A name, or the id behind it. */
  readonly principal?: string | undefined;
  readonly operation?: string | undefined;
  readonly outcome?: string | undefined;
  readonly environment?: string | undefined;
  readonly job?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Only what is about parts within; what is about no environment lies within everything alone. */
  readonly within: Reach;
}

export interface AuditList {
  readonly rows: readonly AuditLogRow[];
  /** Where to go on; null at the end. */
  readonly next: string | null;
}

/** Entries, newest first. */
export async function readAudit(
  db: Db,
  filter: AuditFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<AuditList> {
  const { limit, cursor } = page;
  const rows = await db
    .selectFrom("audit")
    .selectAll()
    .where((eb) => eb.and(conditions(eb, filter)))
    .where((eb) => (cursor === undefined ? eb.lit(true) : eb("id", "<", placeIn(cursor, /^(\d{1,18})$/)[0])))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const kept = rows.slice(0, limit);
  return { rows: kept, next: rows.length > limit ? String(kept.at(-1)?.id) : null };
}

/**
 * Entries, oldest first, to go on from later: only those before which nothing can be committed any more.
 * `next` is never null while there are rows.
 */
export async function exportAudit(
  db: Db,
  filter: AuditFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<AuditList> {
  const { limit, cursor } = page;
  // Above the newest transaction: brought back from a backup of another server.
  const settled = sql<boolean>`(xid < pg_snapshot_xmin(pg_current_snapshot())
    or xid >= pg_snapshot_xmax(pg_current_snapshot()))`;
  let query = db
    .selectFrom("audit")
    .selectAll()
    .where((eb) => eb.and(conditions(eb, filter)))
    .where(settled);
  if (cursor !== undefined) {
    const [xid, id] = placeIn(cursor, /^(\d{1,18}) (\d{1,18})$/);
    query = query.where(sql<boolean>`(xid, id) > (${String(xid)}::xid8, ${String(id)}::bigint)`);
  }
  const rows = await query.orderBy("xid").orderBy("id").limit(limit).execute();
  const last = rows.at(-1);
  return { rows, next: last === undefined ? null : placeOf(last) };
}

/** Where an export goes on after this row. */
export function placeOf({ xid, id }: Pick<AuditLogRow, "xid" | "id">): string {
  return `${xid} ${id}`;
}

const sweepRows = 5_000;
const mostSweeps = 200;

/** Deletes what is older than it must be kept; how many rows. Nobody else can delete any. */
export async function sweepAudit(db: Db, keepDays: number): Promise<number> {
  let swept = 0;
  for (let turn = 0; turn < mostSweeps; turn += 1) {
    const some = await inTransaction(db, (tx) => sweepSome(tx, keepDays));
    swept += some;
    if (some < sweepRows) break;
  }
  return swept;
}

async function sweepSome(tx: Db, keepDays: number): Promise<number> {
  await sql`select set_config('slipway.audit_sweep', 'on', true)`.execute(tx);
  const { numAffectedRows = 0n } = await sql`
    delete from audit where id in (
      select id from audit where at < clock_timestamp() - make_interval(days => ${keepDays}::int)
      order by at limit ${sweepRows} for update skip locked)`.execute(tx);
  return Number(numAffectedRows);
}

function conditions(eb: ExpressionBuilder<Database, "audit">, filter: AuditFilter) {
  const { principal, operation, outcome, environment, job, since, until } = filter;
  const within = isWithinReach(filter.within, {
    environment: sql.ref("audit.environment"),
    workloads: sql.ref("audit.workloads"),
  });
  return [
    principal === undefined
      ? []
      : eb.or([eb("principal", "=", principal), eb("principal_id", "=", principal)]),
    operation === undefined ? [] : eb("operation", "=", operation),
    outcome === undefined ? [] : eb("outcome", "=", outcome),
    environment === undefined ? [] : eb("environment", "=", environment),
    job === undefined ? [] : eb("job_id", "=", job),
    since === undefined ? [] : eb("at", ">=", since),
    until === undefined ? [] : eb("at", "<", until),
    within === undefined ? [] : within,
  ].flat();
}

function placeIn(cursor: string, shape: RegExp): readonly [bigint, bigint] {
  const [, first, second = "0"] = shape.exec(cursor) ?? [];
  if (first === undefined) throw new SlipwayError("CURSOR_INVALID");
  return [BigInt(first), BigInt(second)];
}
