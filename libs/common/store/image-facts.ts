import { sql } from "kysely";

import type { KnownImage } from "../domain/tag-filter.ts";
import type { Db } from "./db.ts";
import { standInTime } from "./stand-in-time.ts";
import type { JobErrorRow } from "./schema.ts";

/** One tag, with when it was first seen here. */
export interface SeenImage extends KnownImage {
  readonly firstSeenAt: Date;
  /** Where `createdAt` is from. */
  readonly createdFrom?: string;
  /** When its tag was seen to point at something else than before. */
  readonly movedAt?: Date;
}

/** What lists need of an image repository: tags with digest and dates, nothing else. */
export interface RepositoryFacts {
  /** False until it was listed once. */
  readonly scanned: boolean;
  /** It was never listed, and the last try told why. */
  readonly unreadable?: boolean;
  readonly images: readonly SeenImage[];
}

/** How scanning goes of a repository. */
export interface RepositoryState {
  readonly key: string;
  readonly scannedAt: Date | null;
  readonly problem: JobErrorRow | null;
  /** How often it is scanned, and why so; null before the first scan. */
  readonly intervalMs: number | null;
  readonly intervalReason: string | null;
}

export interface Fingerprint extends RepositoryState {
  /** False where the registry's list was cut short. */
  readonly complete: boolean;
  /** Tags of which nothing but the name is known. */
  readonly unread: number;
  /** Another text whenever a tag came, went, moved or was described: two equal ones mean that nothing did. */
  readonly print: string;
}

/** What tells whether facts that were read before still hold; repositories never wanted are absent. */
export async function imageFingerprints(db: Db, keys: readonly string[]): Promise<Fingerprint[]> {
  const { rows } = await sql<Fingerprint>`
    select r.key, r.scanned_at as "scannedAt", r.problem, r.complete,
      r.interval_ms as "intervalMs", r.interval_reason as "intervalReason",
      (count(t.tag) - count(m.digest))::integer as unread,
      concat_ws(' ', r.scanned_at is not null, r.problem is not null, count(t.tag), count(m.digest),
        max(t.first_seen_at), max(t.digest_seen_at)) as print
    from image_repositories r left join image_tags t on t.repository = r.key
      left join image_manifests m on m.digest = t.digest
    where r.key = any(${[...keys]}::text[])
    group by r.key order by r.key`.execute(db);
  return rows;
}

/** The tags of these repositories that are no artifacts; repositories never wanted are absent. */
export async function repositoryFacts(
  db: Db,
  keys: readonly string[],
): Promise<Map<string, RepositoryFacts>> {
  const { rows } = await sql<FactsRow>`
    select r.key, r.scanned_at is not null as scanned,
      r.scanned_at is null and r.problem is not null as unreadable, t.tags, t.digests, t.created, t.sources, t.seen, t.moved,
      t.platforms, t.stand_ins
    from image_repositories r left join lateral (
      select array_agg(t.tag) as tags, array_agg(coalesce(t.digest, '')) as digests,
        array_agg(floor(extract(epoch from m.created_at) * 1000)::float8) as created,
        array_agg(m.created_from) as sources,
        array_agg(floor(extract(epoch from t.first_seen_at) * 1000)::float8) as seen,
        array_agg(floor(extract(epoch from t.moved_at) * 1000)::float8) as moved,
        array_agg(floor(extract(epoch from ${standInTime}) * 1000)::float8) as stand_ins,
        array_agg(case when m.platforms = '[]' then null else m.platforms::text end) as platforms
      from image_tags t left join image_manifests m on m.digest = t.digest
      where t.repository = r.key and m.kind is distinct from 'artifact'
    ) t on true
    where r.key = any(${[...keys]}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.key, factsOf(row)]));
}

function factsOf(row: FactsRow): RepositoryFacts {
  const { scanned, unreadable } = row;
  return { scanned, ...(unreadable && { unreadable }), images: imagesOf(row) };
}

interface FactsRow {
  readonly key: string;
  readonly scanned: boolean;
  readonly unreadable: boolean;
  readonly tags: readonly string[] | null;
  readonly digests: readonly string[] | null;
  /** Milliseconds, as pg itself cuts them; null where the image's date is not known. */
  readonly created: readonly (number | null)[] | null;
  readonly sources: readonly (string | null)[] | null;
  readonly seen: readonly number[] | null;
  readonly moved: readonly (number | null)[] | null;
  /** When those without a date were seen to appear. */
  readonly stand_ins: readonly (number | null)[] | null;
  /** As JSON; null where none is known. */
  readonly platforms: readonly (string | null)[] | null;
}

function imagesOf(row: FactsRow): readonly SeenImage[] {
  const { tags, digests, created, sources, seen, moved, platforms } = row;
  // Most images of a repository run on the same platforms: one list for all of them.
  const lists = new Map([...new Set(platforms)].map((text) => [text, readList(text)]));
  return (tags ?? []).map((tag, at) => {
    const digest = digests?.[at] ?? "";
    const createdMs = created?.[at] ?? null;
    const createdFrom = sources?.[at] ?? null;
    const movedMs = moved?.[at] ?? null;
    const seenMs = row.stand_ins?.[at] ?? null;
    return {
      tag,
      ...(digest !== "" && { digest }),
      ...(createdMs !== null && { createdAt: new Date(createdMs) }),
      ...(createdFrom !== null && { createdFrom }),
      ...(seenMs !== null && { seenAt: new Date(seenMs) }),
      ...(movedMs !== null && { movedAt: new Date(movedMs) }),
      ...(lists.get(platforms?.[at] ?? null) && { platforms: lists.get(platforms?.[at] ?? null) }),
      firstSeenAt: new Date(seen?.[at] ?? 0),
    };
  });
}

function readList(text: string | null): readonly string[] | undefined {
  return text === null ? undefined : (JSON.parse(text) as readonly string[]);
}
