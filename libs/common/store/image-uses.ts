import { sql } from "kysely";

import { repositoryKey, tryParseImageRef } from "../domain/image-ref.ts";
import { filterOf } from "../domain/plan-target.ts";
import type { Db } from "./db.ts";
import type { DeclaredContainerRow, DeclaredPoliciesRow } from "./schema.ts";

/** Who uses an image repository, by what git declares. */

/** One container of the repository. */
export interface DeclaredUse {
  /** The tag that git declares, if any. */
  readonly tag: string | undefined;
  /** The container's tag filter; undefined where it has none. */
  readonly filter: string | undefined;
}

const mostWorkloads = 1_000;

/** The containers that git declares with an image of this repository. */
export async function declaredUses(db: Db, key: string): Promise<readonly DeclaredUse[]> {
  const { rows } = await sql<{ containers: DeclaredContainerRow[]; policies: DeclaredPoliciesRow }>`
    select containers, policies from declared_workloads
    where repositories && array[${key}]::text[] order by environment, workload limit ${mostWorkloads}`.execute(
    db,
  );
  return rows.flatMap(({ containers, policies }) =>
    containers.flatMap(({ name, image }) => {
      const ref = tryParseImageRef(image);
      if (ref === undefined || repositoryKey(ref) !== key) return [];
      return [{ tag: ref.tag, filter: filterOf(policies, name) }];
    }),
  );
}

/**
 * Marks the repositories whose new images are released by themselves; what has become one is due within
 * `withinMs`, each at another moment.
 */
export async function markAutomated(db: Db, withinMs: number): Promise<void> {
  await sql`
    with automated as (
      select distinct unnest(repositories) as key from declared_workloads
      where (policies->>'automated')::boolean and not (policies->>'locked')::boolean
        and policies->>'hold' is null)
    update image_repositories r set automated = not r.automated,
      due_at = case when r.automated then r.due_at
        else least(r.due_at, clock_timestamp() + random() * ${withinMs} * interval '1 millisecond') end
    where r.due_at is not null
      and r.automated is distinct from exists (select from automated where automated.key = r.key)`.execute(
    db,
  );
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
