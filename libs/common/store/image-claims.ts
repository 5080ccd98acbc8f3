import { sql } from "kysely";

import { ago, fromNow } from "./db-time.ts";
import type { Db } from "./db.ts";
import type { RepositoryRow } from "./images.ts";

/** Which scanner scans what: claims of repositories that are due. */

/** A host with repositories that are due, and that may be asked. */
export interface DueHost {
  readonly host: string;
  readonly due: number;
}

const mostHosts = 1_000;

/** The host whose repository waits longest comes first; hosts that are left alone are absent. */
export async function dueHosts(db: Db): Promise<DueHost[]> {
  const { rows } = await sql<DueHost>`
    select r.host, count(*)::integer as due
    from image_repositories r left join registry_hosts h on h.host = r.host
    where r.due_at <= clock_timestamp()
      and coalesce(greatest(h.left_alone_until, h.silent_until), '-infinity') <= clock_timestamp()
    group by r.host order by min(r.due_at) limit ${mostHosts}`.execute(db);
  return rows;
}

export interface Claim {
  /** The scanner that claims. */
  readonly by: string;
  /** How long it has before another may look too; it renews its claims meanwhile. */
  readonly claimMs: number;
}

/** How many repositories of a host the claimer has a place for. */
export interface Places {
  readonly host: string;
  readonly free: number;
}

/** Claims due repositories, of each host those that wait longest: nobody else is given them meanwhile. */
export async function claimDue(db: Db, claim: Claim, places: readonly Places[]): Promise<RepositoryRow[]> {
  if (places.length === 0) return [];
  const hosts = places.map(({ host }) => host);
  const free = places.map((place) => place.free);
  const { rows } = await sql<RepositoryRow>`
    with chosen as (
      select due.key from unnest(${hosts}::text[], ${free}::integer[]) as place (host, free)
      cross join lateral (
        select key from image_repositories
        where host = place.host and due_at <= clock_timestamp()
        order by due_at limit place.free for update skip locked) as due)
    update image_repositories r set due_at = ${fromNow(claim.claimMs)}, claimed_by = ${claim.by}
    from chosen where r.key = chosen.key
    returning r.*`.execute(db);
  return rows;
}

/** Claims this one if it is due. */
export async function claimOne(db: Db, claim: Claim, key: string): Promise<RepositoryRow | undefined> {
  const { rows } = await sql<RepositoryRow>`
    update image_repositories set due_at = ${fromNow(claim.claimMs)}, claimed_by = ${claim.by}
    where key = ${key} and due_at <= clock_timestamp()
    returning *`.execute(db);
  return rows[0];
}

/** Claims this one whether it is due or not: somebody asks for it. */
export async function claimAsked(db: Db, claim: Claim, key: string): Promise<RepositoryRow | undefined> {
  const { rows } = await sql<RepositoryRow>`
    update image_repositories set due_at = ${fromNow(claim.claimMs)}, claimed_by = ${claim.by},
      asked_at = clock_timestamp()
    where key = ${key}
    returning *`.execute(db);
  return rows[0];
}

/** Claims that have not ended last longer; what was woken meanwhile, or is another's, stays as it is. */
export async function renewClaims(db: Db, claim: Claim, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    update image_repositories set due_at = ${fromNow(claim.claimMs)}
    where key = any(${[...keys]}::text[]) and claimed_by = ${claim.by} and due_at > clock_timestamp()`.execute(
    db,
  );
}

/** Whatever the scanner still has is due for others. */
export async function releaseClaims(db: Db, by: string): Promise<void> {
  await sql`update image_repositories set due_at = clock_timestamp(), claimed_by = null
    where claimed_by = ${by} and due_at > clock_timestamp()`.execute(db);
}

/** How the schedule stands. */
export interface ScheduleSummary {
  /** Repositories by why they are scanned as often as they are. */
  readonly byReason: ReadonlyMap<string, number>;
  /** Of the repository that waits longest for its scan. */
  readonly lateMs: number;
  /** Since the last scan of the repository that was scanned longest ago, of those that can be read. */
  readonly oldestMs: number;
  /** Hosts that are left alone now, because they refused or did not answer. */
  readonly leftAlone: readonly string[];
}

/** Reads how the schedule stands, for metrics. */
export async function scheduleSummary(db: Db): Promise<ScheduleSummary> {
  const { rows } = await sql<{ reason: string; count: number; lateMs: number; oldestMs: number }>`
    select coalesce(interval_reason, 'never-scanned') as reason, count(*)::integer as count,
      max(greatest(0, extract(epoch from clock_timestamp() - due_at)) * 1000)::float8 as "lateMs",
      coalesce(max(extract(epoch from clock_timestamp() - scanned_at)) * 1000, 0)::float8 as "oldestMs"
    from image_repositories where due_at is not null group by 1`.execute(db);
  const alone = await sql<{ host: string }>`
    select host from registry_hosts
    where greatest(left_alone_until, silent_until) > clock_timestamp() order by host limit ${mostHosts}`.execute(
    db,
  );
  return {
    byReason: new Map(rows.map(({ reason, count }) => [reason, count])),
    lateMs: Math.max(0, ...rows.map((row) => row.lateMs)),
    oldestMs: Math.max(0, ...rows.map((row) => row.oldestMs)),
    leftAlone: alone.rows.map(({ host }) => host),
  };
}

/** Repositories that nobody wanted for so long are no longer looked at (what is known of them stays). */
export async function coolRepositories(db: Db, unwantedForMs: number): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable("image_repositories")
    .set({ due_at: null })
    .where("due_at", "is not", null)
    .where(sql<boolean>`coalesce(wanted_at, '-infinity') < ${ago(unwantedForMs)}`)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
