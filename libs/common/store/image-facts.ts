import { sql } from "kysely";

import type { KnownImage } from "../domain/tag.ts";
import type { Db } from "./db.ts";
import type { JobErrorRow } from "./schema.ts";

/** What lists need of an image repository: tags with digest and date, nothing else. */
export interface RepositoryFacts {
  /** False until it was listed once. */
  readonly scanned: boolean;
  readonly images: readonly KnownImage[];
}

/**
 * A text for each repository that is another one whenever a tag came, went, moved or was described:
 * two equal ones mean that what was read before still holds.
 */
export async function imageFingerprints(db: Db, keys: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ key: string; print: string }>`
    select r.key, concat_ws(' ', r.scanned_at is not null, count(t.tag), count(m.digest),
      max(t.first_seen_at), max(t.digest_seen_at)) as print
    from image_repositories r left join image_tags t on t.repository = r.key
      left join image_manifests m on m.digest = t.digest
    where r.key = any(${[...keys]}::text[])
    group by r.key`.execute(db);
  return new Map(rows.map(({ key, print }) => [key, print]));
}

/** The tags of these repositories; those never wanted are absent. */
export async function repositoryFacts(
  db: Db,
  keys: readonly string[],
): Promise<Map<string, RepositoryFacts>> {
  const { rows } = await sql<FactsRow>`
    select r.key, r.scanned_at is not null as scanned, t.tags, t.digests, t.created
    from image_repositories r left join lateral (
      select array_agg(t.tag) as tags, array_agg(coalesce(t.digest, '')) as digests,
        array_agg(extract(epoch from m.created_at)::float8) as created
      from image_tags t left join image_manifests m on m.digest = t.digest
      where t.repository = r.key
    ) t on true
    where r.key = any(${[...keys]}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.key, { scanned: row.scanned, images: imagesOf(row) }]));
}

/** How scanning goes of a repository; one that nobody wanted yet is absent. */
export interface RepositoryState {
  readonly key: string;
  readonly scanned: boolean;
  readonly problem: JobErrorRow | null;
}

export async function repositoryStates(db: Db, keys: readonly string[]): Promise<RepositoryState[]> {
  return db
    .selectFrom("image_repositories")
    .select(["key", "problem", sql<boolean>`scanned_at is not null`.as("scanned")])
    .where(sql<boolean>`key = any(${[...keys]}::text[])`)
    .orderBy("key")
    .execute();
}

interface FactsRow {
  readonly key: string;
  readonly scanned: boolean;
  readonly tags: readonly string[] | null;
  readonly digests: readonly string[] | null;
  /** Seconds; null where the image's date is not known. */
  readonly created: readonly (number | null)[] | null;
}

function imagesOf({ tags, digests, created }: FactsRow): readonly KnownImage[] {
  return (tags ?? []).map((tag, at) => {
    const digest = digests?.[at] ?? "";
    const seconds = created?.[at] ?? null;
    return {
      tag,
      ...(digest !== "" && { digest }),
      ...(seconds !== null && { createdAt: new Date(Math.round(seconds * 1000)) }),
    };
  });
}
