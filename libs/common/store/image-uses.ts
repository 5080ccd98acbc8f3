import { sql } from "kysely";

import type { Db } from "./db.ts";
import type { DeclaredRow } from "./manifests.ts";

/** Who uses image repositories, by what git declares. */

const mostWorkloads = 1_000;
const mostOfRules = 20_000;

/** The workloads that git declares with an image of this repository. */
export async function declaredWith(db: Db, key: string): Promise<readonly DeclaredRow[]> {
  return db
    .selectFrom("declared_workloads")
    .selectAll()
    .where(sql<boolean>`repositories && array[${key}]::text[]`)
    .orderBy("environment")
    .orderBy("workload")
    .limit(mostWorkloads)
    .execute();
}

/** The workloads that git declares in these environments. */
export async function declaredIn(db: Db, environments: readonly string[]): Promise<readonly DeclaredRow[]> {
  if (environments.length === 0) return [];
  return db
    .selectFrom("declared_workloads")
    .selectAll()
    .where("environment", "in", environments)
    .limit(mostOfRules)
    .execute();
}

export interface Automated {
  /** Environments where annotations alone tell. */
  readonly plain: readonly string[];
  /** What is automated in the others. */
  readonly keys: readonly string[];
  /** What has become automated is due in so long, each at another moment. */
  readonly withinMs: number;
}

/** Marks the repositories whose new images are released by themselves, and no others. */
export async function markAutomated(db: Db, { plain, keys, withinMs }: Automated): Promise<void> {
  await sql`
    with automated as (
      select unnest(${[...keys]}::text[]) as key
      union
      select unnest(repositories) from declared_workloads
      where environment = any(${[...plain]}::text[]) and (policies->>'automated')::boolean
        and not (policies->>'locked')::boolean and policies->>'hold' is null)
    update image_repositories r set automated = not r.automated,
      due_at = case when r.automated then r.due_at
        else least(r.due_at, clock_timestamp() + random() * ${withinMs} * interval '1 millisecond') end
    where r.due_at is not null
      and r.automated <> (r.key in (select key from automated))`.execute(db);
}

/**
 * Somebody wants to see all images of these: what was left unread is due now, unless somebody asked just
 * before. Tells which they are.
 */
export async function askForUnread(db: Db, keys: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    update image_repositories
    set read_all = true, asked_at = clock_timestamp(), due_at = clock_timestamp()
    where key = any(${[...keys]}::text[]) and due_at is not null and problem is null and not read_all
      and coalesce(asked_at, '-infinity') < clock_timestamp() - interval '10 seconds'
      and exists (
        select from image_tags t left join image_manifests m on m.digest = t.digest
        where t.repository = key and m.digest is null)
    returning key`.execute(db);
  return rows.map(({ key }) => key);
}
