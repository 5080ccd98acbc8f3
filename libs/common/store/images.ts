import { sql } from "kysely";
import type { Insertable, Selectable } from "kysely";

import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { Database, JobErrorRow } from "./schema.ts";
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

/** Makes one repository due now: a webhook, or a person who asks. */
export async function wakeRepository(db: Db, key: string): Promise<void> {
  await db
    .updateTable("image_repositories")
    .set({ due_at: sql<Date>`clock_timestamp()` })
    .where("key", "=", key)
    .execute();
}

export interface RepositoryClaim {
  readonly limit: number;
  /** How long the claimer has before another may look too. */
  readonly claimMs: number;
}

/** Claims due repositories: no other scanner is given them until the claim ends. */
export async function dueRepositories(db: Db, claim: RepositoryClaim): Promise<RepositoryRow[]> {
  const { rows } = await sql<RepositoryRow>`
    update image_repositories set due_at = ${fromNow(claim.claimMs)}
    where key in (
      select key from image_repositories where due_at <= clock_timestamp()
      order by due_at limit ${claim.limit} for update skip locked)
    returning *`.execute(db);
  return rows;
}

export interface Scan {
  readonly key: string;
  readonly etag: string | null;
  /** The listing; undefined when the registry says that nothing changed (304). */
  readonly tags?: readonly { readonly tag: string; readonly digest?: string }[];
  /** False when the listing was cut: then absent tags are not taken as gone. */
  readonly complete: boolean;
  readonly nextDueMs: number;
}

/** Records one listing: tags that are gone go, new ones come, a digest that changed is a move. */
export async function recordScan(db: Db, scan: Scan): Promise<void> {
  await inTransaction(db, async (tx) => {
    await updateRepository(tx, scan);
    if (scan.tags === undefined) return;
    await upsertTags(tx, scan.key, scan.tags);
    if (scan.complete) await removeOtherTags(tx, scan.key, scan.tags);
  });
}

async function updateRepository(tx: Db, scan: Scan): Promise<void> {
  const listed = scan.tags === undefined ? {} : { complete: scan.complete, etag: scan.etag };
  await tx
    .updateTable("image_repositories")
    .set({
      ...listed,
      scanned_at: sql<Date>`clock_timestamp()`,
      due_at: fromNow(scan.nextDueMs),
      failures: 0,
      problem: null,
    })
    .where("key", "=", scan.key)
    .execute();
}

async function upsertTags(
  tx: Db,
  key: string,
  tags: readonly { tag: string; digest?: string }[],
): Promise<void> {
  const digests = tags.map((tag) => tag.digest ?? null);
  await sql`
    insert into image_tags as known (repository, tag, first_seen_at, digest, digest_seen_at)
    select ${key}, listed.tag, now(), listed.digest, case when listed.digest is not null then clock_timestamp() end
    from unnest(${tags.map((tag) => tag.tag)}::text[], ${digests}::text[]) as listed (tag, digest)
    order by listed.tag
    on conflict (repository, tag) do update set
      digest = excluded.digest, digest_seen_at = excluded.digest_seen_at,
      moved_at = case when known.digest <> excluded.digest then clock_timestamp() else known.moved_at end
    where excluded.digest is not null and known.digest is distinct from excluded.digest`.execute(tx);
}

async function removeOtherTags(tx: Db, key: string, tags: readonly { tag: string }[]): Promise<void> {
  await tx
    .deleteFrom("image_tags")
    .where("repository", "=", key)
    .where(sql<boolean>`tag <> all(${tags.map((tag) => tag.tag)}::text[])`)
    .execute();
}

/** Records why a repository could not be listed, and when to try again. */
export async function recordScanFailure(
  db: Db,
  failure: { key: string; problem: JobErrorRow; nextDueMs: number },
): Promise<void> {
  await db
    .updateTable("image_repositories")
    .set({
      failures: sql<number>`failures + 1`,
      problem: JSON.stringify(failure.problem),
      due_at: fromNow(failure.nextDueMs),
    })
    .where("key", "=", failure.key)
    .execute();
}

export type NewManifest = Omit<
  Insertable<Database["image_manifests"]>,
  "platforms" | "labels" | "first_seen_at"
> & {
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

/** Keeps what a digest says of itself; it never changes, so the first word stays. */
export async function saveManifest(db: Db, manifest: NewManifest): Promise<void> {
  const { platforms, labels, ...plain } = manifest;
  await db
    .insertInto("image_manifests")
    .values({ ...plain, platforms: JSON.stringify(platforms), labels: JSON.stringify(labels) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Tags whose digest, or whose digest's manifest, has not been read; newest seen first. */
export async function missingManifests(
  db: Db,
  key: string,
  limit = 1_000,
): Promise<{ tag: string; digest: string | null }[]> {
  return db
    .selectFrom("image_tags")
    .leftJoin("image_manifests", "image_manifests.digest", "image_tags.digest")
    .select(["image_tags.tag", "image_tags.digest"])
    .where("image_tags.repository", "=", key)
    .where("image_manifests.digest", "is", null)
    .orderBy("image_tags.first_seen_at", "desc")
    .limit(limit)
    .execute();
}

/** Records what a tag points at now; adds the tag when it is new. */
export async function setTagDigest(db: Db, tag: { key: string; tag: string; digest: string }): Promise<void> {
  await upsertTags(db, tag.key, [tag]);
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

function fromNow(ms: number) {
  return sql<Date>`clock_timestamp() + ${ms} * interval '1 millisecond'`;
}

function ago(ms: number) {
  return fromNow(-ms);
}
