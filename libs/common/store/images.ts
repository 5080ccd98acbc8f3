import { sql } from "kysely";
import type { Insertable, Selectable } from "kysely";

import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";
import { standInTime } from "./stand-in-time.ts";

export type RepositoryRow = Selectable<Database["image_repositories"]>;

/** One tag with what its digest says of itself; what was not read yet is null. */
export interface ImageRow {
  readonly tag: string;
  readonly digest: string | null;
  readonly firstSeenAt: Date;
  readonly movedAt: Date | null;
  readonly kind: string | null;
  readonly createdAt: Date | null;
  readonly createdFrom: string | null;
  /** When it was seen to appear, where that stands in for a date. */
  readonly seenAt: Date | null;
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly sizeBytes: bigint | null;
}

export interface RepositoryImages extends RepositoryRow {
  /** Newest first; those without a date last, by tag. */
  readonly images: readonly ImageRow[];
}

/** Says that somebody uses these repositories; new ones are due at once, cold ones again. */
export async function wantRepositories(db: Db, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    insert into image_repositories (key, wanted_at, due_at)
    select key, clock_timestamp(), clock_timestamp() from unnest(${[...new Set(keys)]}::text[]) as key
    order by key
    on conflict (key) do update set wanted_at = excluded.wanted_at,
      due_at = coalesce(image_repositories.due_at, excluded.due_at)`.execute(db);
}

/** Makes one repository due now, since somebody asked. */
export async function wakeRepository(db: Db, key: string): Promise<void> {
  await db
    .updateTable("image_repositories")
    .set({ due_at: sql<Date>`clock_timestamp()`, asked_at: sql<Date>`clock_timestamp()` })
    .where("key", "=", key)
    .execute();
}

export interface Listing {
  readonly key: string;
  readonly etag: string | null;
  /** The listing; undefined when the registry says that nothing changed (304). */
  readonly tags?: readonly { readonly tag: string; readonly digest?: string }[];
  /** False when the listing was cut: then absent tags are not taken as gone. */
  readonly complete: boolean;
}

export interface RecordedListing {
  /** It differs from the listing before; the first one differs from nothing. */
  readonly changed: boolean;
  /** By Postgres' clock. */
  readonly at: Date;
}

/** Records one listing: tags that are gone go, new ones come, a digest that changed is a move. */
export async function recordListing(db: Db, listing: Listing): Promise<RecordedListing> {
  const { key, tags, etag, complete } = listing;
  if (tags === undefined) return { changed: false, at: await noteListed(db, key, {}) };
  return inTransaction(db, async (tx) => {
    const before = await tx
      .selectFrom("image_repositories")
      .select("first_scanned_at as first")
      .where("key", "=", key)
      .forUpdate()
      .executeTakeFirst();
    const at = await noteListed(tx, key, { etag, complete });
    const added = await upsertTags(tx, key, tags);
    const removed = complete ? await removeOtherTags(tx, key, tags) : 0;
    const changed = added + removed > 0 && before !== undefined && before.first !== null;
    if (changed) await noteChange(tx, key);
    return { changed, at };
  });
}

/** Tells when that was. */
async function noteListed(
  db: Db,
  key: string,
  listed: { readonly etag?: string | null; readonly complete?: boolean },
): Promise<Date> {
  const { at } = await db
    .updateTable("image_repositories")
    .set({
      ...listed,
      scanned_at: sql<Date>`clock_timestamp()`,
      // The transaction's time, as with the tags that come with it.
      first_scanned_at: sql<Date>`coalesce(first_scanned_at, now())`,
      failures: 0,
      problem: null,
    })
    .where("key", "=", key)
    .returning("scanned_at as at")
    .executeTakeFirstOrThrow();
  return at ?? new Date(0);
}

/** What is known of the repository has changed just now. */
export async function noteChange(db: Db, key: string): Promise<void> {
  await db
    .updateTable("image_repositories")
    .set({ changed_at: sql<Date>`clock_timestamp()`, reading: true })
    .where("key", "=", key)
    .execute();
}

/** Tells how many are new or moved. */
async function upsertTags(
  tx: Db,
  key: string,
  tags: readonly { tag: string; digest?: string }[],
): Promise<number> {
  const digests = tags.map((tag) => tag.digest ?? null);
  const { numAffectedRows } = await sql`
    insert into image_tags as known (repository, tag, first_seen_at, digest, digest_seen_at)
    select ${key}, listed.tag, now(), listed.digest, case when listed.digest is not null then clock_timestamp() end
    from unnest(${tags.map((tag) => tag.tag)}::text[], ${digests}::text[]) as listed (tag, digest)
    order by listed.tag
    on conflict (repository, tag) do update set
      digest = excluded.digest, digest_seen_at = excluded.digest_seen_at,
      moved_at = case when known.digest <> excluded.digest then clock_timestamp() else known.moved_at end
    where excluded.digest is not null and known.digest is distinct from excluded.digest`.execute(tx);
  return Number(numAffectedRows ?? 0n);
}

async function removeOtherTags(tx: Db, key: string, tags: readonly { tag: string }[]): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("image_tags")
    .where("repository", "=", key)
    .where(sql<boolean>`tag <> all(${tags.map((tag) => tag.tag)}::text[])`)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

export type NewManifest = Omit<
  Insertable<Database["image_manifests"]>,
  "platforms" | "labels" | "first_seen_at"
> & {
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

/** As `saveManifests`, of one. */
export async function saveManifest(db: Db, manifest: NewManifest): Promise<void> {
  await saveManifests(db, [manifest]);
}

/** Keeps what digests say of themselves; that never changes, so the first word stays. */
export async function saveManifests(db: Db, manifests: readonly NewManifest[]): Promise<void> {
  if (manifests.length === 0) return;
  // In one order, so that scanners which read the same images never wait for each other in a circle.
  const rows = manifests.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  await db
    .insertInto("image_manifests")
    .values(
      rows.map(({ platforms, labels, ...plain }) => ({
        ...plain,
        platforms: JSON.stringify(platforms),
        labels: JSON.stringify(labels),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Those of these digests that have not said anything of themselves yet. */
export async function undescribed(db: Db, digests: readonly string[]): Promise<ReadonlySet<string>> {
  if (digests.length === 0) return new Set();
  const { rows } = await sql<{ digest: string }>`
    select digest from unnest(${[...new Set(digests)]}::text[]) as digest
    where not exists (select from image_manifests m where m.digest = digest.digest)`.execute(db);
  return new Set(rows.map(({ digest }) => digest));
}

/** A tag whose digest, or whose digest's manifest, has not been read. */
export interface UnreadTag {
  readonly tag: string;
  readonly digest: string | null;
  /** It came after the first listing: it is news. */
  readonly late: boolean;
}

/** What has not been read of a repository; newest seen first. */
export async function missingManifests(db: Db, key: string, limit = 1_000): Promise<UnreadTag[]> {
  const { rows } = await sql<UnreadTag>`
    select t.tag, t.digest, coalesce(t.first_seen_at > r.first_scanned_at, false) as late
    from image_tags t join image_repositories r on r.key = t.repository
      left join image_manifests m on m.digest = t.digest
    where t.repository = ${key} and m.digest is null
    order by t.first_seen_at desc limit ${limit}`.execute(db);
  return rows;
}

/** Every tag of a repository, with what is known of the tag itself. */
export async function tagsOf(
  db: Db,
  key: string,
): Promise<{ tag: string; digest: string | null; moved_at: Date | null }[]> {
  return db
    .selectFrom("image_tags")
    .select(["tag", "digest", "moved_at"])
    .where("repository", "=", key)
    .orderBy("tag")
    .execute();
}

/** Records what a tag points at now; adds the tag when it is new. */
export async function setTagDigest(db: Db, tag: { key: string; tag: string; digest: string }): Promise<void> {
  await setTagDigests(db, tag.key, [tag]);
}

/** Records what each of these tags points at now; adds those that are new. */
export async function setTagDigests(
  db: Db,
  key: string,
  tags: readonly { readonly tag: string; readonly digest: string }[],
): Promise<void> {
  if (tags.length > 0) await upsertTags(db, key, tags);
}

/** The registry no longer knows this tag. */
export async function removeTag(db: Db, tag: { key: string; tag: string }): Promise<void> {
  await db.deleteFrom("image_tags").where("repository", "=", tag.key).where("tag", "=", tag.tag).execute();
}

/** What is known of these repositories; those never wanted are absent. */
export async function imagesOf(db: Db, keys: readonly string[]): Promise<Map<string, RepositoryImages>> {
  const wanted = [...new Set(keys)];
  const repositories = await db
    .selectFrom("image_repositories")
    .selectAll()
    .where(sql<boolean>`key = any(${wanted}::text[])`)
    .execute();
  const { rows } = await sql<ImageRow & { repository: string }>`
    select t.repository, t.tag, t.digest, t.first_seen_at as "firstSeenAt", t.moved_at as "movedAt",
      m.kind, m.created_at as "createdAt", m.created_from as "createdFrom",
      coalesce(m.platforms, '[]') as platforms, coalesce(m.labels, '{}') as labels, m.size_bytes as "sizeBytes",
      ${standInTime} as "seenAt"
    from image_tags t join image_repositories r on r.key = t.repository
      left join image_manifests m on m.digest = t.digest
    where t.repository = any(${wanted}::text[])
    order by m.created_at desc nulls last, t.tag desc`.execute(db);
  const images = Map.groupBy(rows, (row) => row.repository);
  return new Map(repositories.map((row) => [row.key, { ...row, images: images.get(row.key) ?? [] }]));
}
