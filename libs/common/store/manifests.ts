import { sql } from "kysely";
import type { Insertable, Selectable } from "kysely";

import type { ManifestFile } from "../domain/manifest.ts";
import { inTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import type { Database, IndexFault } from "./schema.ts";

/** What manifests are read as: the same bytes give the same result, whatever commit they stand in. */
export interface ParsedAs {
  readonly defaultNamespace: string;
  /** Version of the parser. */
  readonly parser: number;
}

/** Parse results that somebody stored before, by blob. */
export async function knownBlobs(
  db: Db,
  asked: ParsedAs & { oids: readonly string[] },
): Promise<Map<string, ManifestFile>> {
  const rows = await db
    .selectFrom("manifest_blobs")
    .select(["blob_oid", "parsed"])
    .where(sql<boolean>`blob_oid = any(${[...asked.oids]}::text[])`)
    .where("default_namespace", "=", asked.defaultNamespace)
    .where("parser", "=", asked.parser)
    .execute();
  return new Map(rows.map((row) => [row.blob_oid, row.parsed as ManifestFile]));
}

/** Stores parse results for everybody. */
export async function saveBlobs(
  db: Db,
  saved: ParsedAs & { blobs: ReadonlyMap<string, ManifestFile> },
): Promise<void> {
  const parsed = [...saved.blobs.values()].map((manifest) => JSON.stringify(manifest));
  await sql`
    insert into manifest_blobs (blob_oid, default_namespace, parser, parsed)
    select blob.oid, ${saved.defaultNamespace}, ${saved.parser}, blob.parsed::jsonb
    from unnest(${[...saved.blobs.keys()]}::text[], ${parsed}::text[]) as blob (oid, parsed)
    order by 1 on conflict do nothing`.execute(db);
}

type DeclaredTable = Database["declared_workloads"];
/** One declared workload; with a fault it is what its file declared when it could last be read. */
export type DeclaredRow = Selectable<DeclaredTable>;
type NewRow = Omit<DeclaredRow, "environment" | "fault" | "labels"> &
  Partial<Pick<DeclaredRow, "fault" | "labels">>;

/** How an environment's projection moves from its last commit to this one. */
export interface DeclaredChange {
  readonly environment: string;
  readonly laneId: string;
  readonly commit: string;
  /** Files whose content is new; their rows are replaced by those of `rows`. */
  readonly changedPaths: readonly string[];
  readonly removedPaths: readonly string[];
  readonly rows: readonly NewRow[];
  /** All faults at this commit. */
  readonly faults: readonly IndexFault[];
}

/** Moves the projection; only the lane's holder does, in the fenced transaction that records the tip. */
export async function replaceDeclared(tx: Db, change: DeclaredChange): Promise<void> {
  await inTransaction(tx, async (tx) => {
    const paths = [...change.changedPaths, ...change.removedPaths];
    if (paths.length > 0) {
      await tx
        .deleteFrom("declared_workloads")
        .where("environment", "=", change.environment)
        .where(sql<boolean>`path = any(${paths}::text[])`)
        .execute();
    }
    await insertDeclared(tx, change);
    await moveEnvironmentTip(tx, change);
  });
}

/** Rows to a statement: twelve columns each stay far below the 65,535 parameters of one. */
const rowsPerInsert = 1_000;

async function insertDeclared(tx: Db, change: DeclaredChange): Promise<void> {
  const rows = change.rows.map((row): Insertable<DeclaredTable> => ({
    ...row,
    environment: change.environment,
    containers: JSON.stringify(row.containers),
    policies: JSON.stringify(row.policies),
    labels: JSON.stringify(row.labels ?? {}),
    fault: row.fault === undefined || row.fault === null ? null : JSON.stringify(row.fault),
  }));
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    const some = rows.slice(from, from + rowsPerInsert);
    await tx.insertInto("declared_workloads").values(some).execute();
  }
}

async function moveEnvironmentTip(tx: Db, change: DeclaredChange): Promise<void> {
  const tip = {
    lane_id: change.laneId,
    commit_sha: change.commit,
    indexed_at: sql<Date>`clock_timestamp()`,
    checked_at: sql<Date>`clock_timestamp()`,
    faults: JSON.stringify(change.faults),
  };
  await tx
    .insertInto("environment_tips")
    .values({ environment: change.environment, ...tip })
    .onConflict((conflict) => conflict.column("environment").doUpdateSet(tip))
    .execute();
}

/** The files of the projection and the content they were read from. */
export async function indexedFiles(
  db: Db,
  environment: string,
): Promise<{ path: string; blobOid: string }[]> {
  return db
    .selectFrom("declared_workloads")
    .select(["path", "blob_oid as blobOid"])
    .distinct()
    .where("environment", "=", environment)
    .execute();
}

/** What files declared when the index was last moved, and what of the tip could not be read then. */
export async function declaredInFiles(
  db: Db,
  asked: { readonly environment: string; readonly paths: readonly string[] },
): Promise<{ rows: DeclaredRow[]; faults: readonly IndexFault[] }> {
  const rows = await db
    .selectFrom("declared_workloads")
    .selectAll()
    .where("environment", "=", asked.environment)
    .where(sql<boolean>`path = any(${[...asked.paths]}::text[])`)
    .orderBy("path")
    .orderBy("document")
    .orderBy("workload")
    .execute();
  const tip = rows.length === 0 ? undefined : await environmentTip(db, asked.environment);
  return { rows, faults: tip?.faults ?? [] };
}

export interface DeclaredFilter {
  /** `namespace:kind/name` */
  readonly workloads?: readonly string[];
  /** Only those with an image of one of these repositories. */
  readonly repositories?: readonly string[];
}

/** What git declares for an environment, in order of workload and place. */
export async function declaredWorkloads(
  db: Db,
  environment: string,
  filter: DeclaredFilter = {},
): Promise<DeclaredRow[]> {
  let rows = db.selectFrom("declared_workloads").selectAll().where("environment", "=", environment);
  if (filter.workloads !== undefined) {
    rows = rows.where(sql<boolean>`workload = any(${[...filter.workloads]}::text[])`);
  }
  if (filter.repositories !== undefined) {
    rows = rows.where(sql<boolean>`repositories && ${[...filter.repositories]}::text[]`);
  }
  return rows.orderBy("workload").orderBy("path").orderBy("document").execute();
}

/** Which of these workloads (`namespace:kind/name`) an environment declares. */
export async function declaredAmong(
  db: Db,
  asked: { readonly environment: string; readonly workloads: readonly string[] },
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom("declared_workloads")
    .select("workload")
    .distinct()
    .where("environment", "=", asked.environment)
    .where(sql<boolean>`workload = any(${[...asked.workloads]}::text[])`)
    .execute();
  return new Set(rows.map((row) => row.workload));
}

/** The commit an environment's projection stands at, and what of it could not be read. */
export async function environmentTip(
  db: Db,
  environment: string,
): Promise<Selectable<Database["environment_tips"]> | undefined> {
  return db
    .selectFrom("environment_tips")
    .selectAll()
    .where("environment", "=", environment)
    .executeTakeFirst();
}

/** The host was asked and the lane's environments still stand at its tip: their age starts anew. */
export async function confirmEnvironmentTips(db: Db, laneId: string): Promise<void> {
  await db
    .updateTable("environment_tips")
    .set({ checked_at: sql<Date>`clock_timestamp()` })
    .where("lane_id", "=", laneId)
    .execute();
}

/** Every image repository that some environment declares. */
export async function wantedRepositories(db: Db): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select distinct unnest(repositories) as key from declared_workloads order by key`.execute(db);
  return rows.map((row) => row.key);
}
