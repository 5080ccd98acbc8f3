import { sql } from "kysely";

import { fromNow } from "./db-time.ts";
import type { Db } from "./db.ts";
import type { RepositoryRow } from "./images.ts";
import type { JobErrorRow } from "./schema.ts";

/** When a repository is scanned again, and by what that was decided. */

/** What the pace of a repository goes by. */
export interface PaceFacts {
  readonly now: Date;
  /** When its tags changed last; before the first change the date of its newest image. */
  readonly changedAt: Date;
  readonly askedAt: Date | null;
  readonly automated: boolean;
}

export async function paceFacts(db: Db, key: string): Promise<PaceFacts | undefined> {
  const { rows } = await sql<PaceFacts>`
    select now, automated, asked_at as "askedAt", least(now, coalesce(changed_at, (
        select max(m.created_at) from image_tags t join image_manifests m on m.digest = t.digest
        where t.repository = r.key and m.created_at <= now), now)) as "changedAt"
    from image_repositories r, (select clock_timestamp() as now) as clock
    where key = ${key}`.execute(db);
  return rows[0];
}

/** The pace as it was decided. */
export interface Pace {
  readonly intervalMs: number;
  readonly reason: string;
  /** Until the next scan: the interval, give or take. */
  readonly nextDueMs: number;
}

/** What of a row tells, when its scan ends, what came to pass meanwhile. */
export type ScannedRow = Pick<RepositoryRow, "key" | "asked_at" | "claimed_by">;

export interface Settling extends Pace {
  /** The row as the scan began with it: whoever asked since wants another scan at once. */
  readonly row: ScannedRow;
  readonly changedAt: Date;
  /** There is more to read than was read now. */
  readonly reading: boolean;
  /** And it is everything, for somebody who wants to see all images. */
  readonly readAll: boolean;
  /** How the look for moved tags stands. */
  readonly moves: { readonly scans: number; readonly looked?: { readonly after: string | null } };
}

/** Ends a scan that went well. */
export async function settleScan(
  db: Db,
  { row, changedAt, reading, readAll, moves, ...pace }: Settling,
): Promise<void> {
  const { looked } = moves;
  await db
    .updateTable("image_repositories")
    .set({
      ...paceColumns(row, pace),
      changed_at: sql<Date>`greatest(changed_at, ${changedAt}::timestamptz)`,
      reading,
      read_all: readAll,
      moves_scans: moves.scans,
      ...(looked === undefined
        ? { moves_at: sql<Date>`coalesce(moves_at, clock_timestamp())` }
        : { moves_at: sql<Date>`clock_timestamp()`, moves_after: looked.after }),
    })
    .where("key", "=", row.key)
    .execute();
}

export interface ScanFailure extends Pace {
  readonly row: ScannedRow;
  readonly problem: JobErrorRow;
}

/** Records why a repository could not be scanned, and when to try again. */
export async function recordScanFailure(db: Db, { row, problem, ...pace }: ScanFailure): Promise<void> {
  await db
    .updateTable("image_repositories")
    .set({
      ...paceColumns(row, pace),
      failures: sql<number>`failures + 1`,
      problem: JSON.stringify(problem),
    })
    .where("key", "=", row.key)
    .execute();
}

function paceColumns({ asked_at: asked, claimed_by: claimedBy }: ScannedRow, pace: Pace) {
  // Dates of ours end at milliseconds, those of Postgres do not.
  const since = sql<boolean>`coalesce(date_trunc('milliseconds', asked_at) > coalesce(${asked}::timestamptz, '-infinity'), false)`;
  // Whoever claimed it since, for somebody who asked, scans it already: due once more would be one scan too many.
  const others = sql<boolean>`(claimed_by is not null and claimed_by is distinct from ${claimedBy}::text
    and due_at > clock_timestamp())`;
  return {
    due_at: sql<Date>`case when ${others} then due_at when ${since} then clock_timestamp()
      else ${fromNow(pace.nextDueMs)} end`,
    interval_ms: pace.intervalMs,
    interval_reason: pace.reason,
    claimed_by: sql<string | null>`case when ${others} then claimed_by end`,
  };
}
