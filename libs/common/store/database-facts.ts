import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { refuseOldPostgres } from "../domain/schema-level.ts";
import type { SchemaLevel } from "../domain/schema-level.ts";
import type { Db } from "./db.ts";

/** What the database says of itself: one row, made by the migrator. */

const empty: SchemaLevel = { level: 0, readableFrom: 0 };

/** Throws POSTGRES_TOO_OLD. */
export async function checkServer(db: Db): Promise<void> {
  const { rows } = await sql<{ number: number }>`
    select current_setting('server_version_num')::integer as number`.execute(db);
  refuseOldPostgres(rows[0]?.number ?? 0);
}

/** The level of the database; 0 where nothing of ours is there. Throws STORE_TOO_OLD for one without a level. */
export async function readLevel(db: Db): Promise<SchemaLevel> {
  const { rows: there } = await sql<{ facts: boolean; migrated: boolean }>`select
    to_regclass('database_facts') is not null as facts,
    to_regclass('kysely_migration') is not null as migrated`.execute(db);
  const { facts = false, migrated = false } = there[0] ?? {};
  if (facts) return (await db.selectFrom("database_facts").select(levelColumns).executeTakeFirst()) ?? empty;
  if (!migrated || !(await wasMigrated(db))) return empty;
  throw new SlipwayError("STORE_TOO_OLD", {
    detail: "the database was made by a version before the first release",
    hint: "Give DATABASE_URL a new, empty database. Jobs begin anew; git and the clusters keep what they have.",
  });
}

const levelColumns = ["level", "readable_from as readableFrom"] as const;

async function wasMigrated(db: Db): Promise<boolean> {
  const { rows } = await sql`select 1 from kysely_migration limit 1`.execute(db);
  return rows.length > 0;
}

/** Records the level after migrating; one that is there already is never lowered. */
export async function recordLevel(db: Db, { level, readableFrom }: SchemaLevel): Promise<void> {
  await db
    .insertInto("database_facts")
    .values({ level, readable_from: readableFrom })
    .onConflict((conflict) =>
      conflict.column("single").doUpdateSet({
        level: sql<number>`greatest(database_facts.level, excluded.level)`,
        readable_from: sql<number>`greatest(database_facts.readable_from, excluded.readable_from)`,
      }),
    )
    .execute();
}

/** The first installation to come has the database; throws INSTALLATION_MISMATCH for every other. */
export async function claimDatabase(db: Db, installation: string): Promise<void> {
  await db.updateTable("database_facts").set({ installation }).where("installation", "is", null).execute();
  const row = await db.selectFrom("database_facts").select("installation").executeTakeFirst();
  if (row?.installation === installation) return;
  throw new SlipwayError("INSTALLATION_MISMATCH", {
    detail: `the database belongs to the installation "${row?.installation ?? ""}", and the settings say "${installation}"`,
    hint: "Two installations need a database each. To rename one, stop all of its processes, then: update database_facts set installation = 'NAME'.",
  });
}
