import { sql } from "kysely";
import { Migrator } from "kysely/migration";

import { SlipwayError } from "../domain/errors.ts";
import { judgeLevel } from "../domain/schema-level.ts";
import type { Log } from "../kit/log.ts";
import { checkServer, readLevel, recordLevel } from "./database-facts.ts";
import { openDb } from "./db.ts";
import { settleRestoredEvents } from "./restored-events.ts";
import type { Db } from "./db.ts";
import * as foundation from "./migrations/001-foundation.ts";

/** Every migration, in order of name. */
const migrations = { "001-foundation": foundation };

/**
 * `readableFrom` follows the last migration that older versions cannot work with, `upgradesFrom` the
 * oldest database that the migrations above still know.
 */
const version = { level: Object.keys(migrations).length, readableFrom: 1, upgradesFrom: 1 };

/** Any fixed number: whoever migrates this database holds it. */
const migrationLock = 7_274_411;

/** Waiting for another process to migrate may take longer than any statement of ours. */
const migrationTimeoutMs = 300_000;

/** Brings the database to this version's shape; several processes may do so at once. */
export async function migrate(databaseUrl: string, log: Log): Promise<void> {
  const db = openDb({ databaseUrl, log, poolSize: 1, statementTimeoutMs: migrationTimeoutMs });
  try {
    await db.connection().execute((connection) => migrateLocked(connection, log));
  } finally {
    await db.destroy();
  }
}

// The lock is the session's and ends with it, so a killed migrator leaves nothing behind.
async function migrateLocked(db: Db, log: Log): Promise<void> {
  await sql`select pg_advisory_lock(${migrationLock})`.execute(db);
  await checkServer(db);
  const level = await readLevel(db);
  const verdict = judgeLevel(level, version);
  const newer = await migrationsOfANewerVersion(db);
  if (verdict === "use" || newer.length > 0) {
    log.info("the database was migrated by a newer version", { migrations: newer, ...level });
    return;
  }
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error, results } = await migrator.migrateToLatest();
  for (const result of results ?? []) {
    log.info("migration", { migration: result.migrationName, outcome: result.status });
  }
  if (error === undefined) {
    await recordLevel(db, version);
    await settleRestoredEvents(db);
  }
  if (error instanceof SlipwayError) throw error;
  if (error !== undefined) throw new SlipwayError("INTERNAL", { detail: "migration failed", cause: error });
}

// Versions N and N-1 run side by side, and migrations only expand: what a newer one added is not
// ours to judge, while the migrator would call it a corruption.
async function migrationsOfANewerVersion(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select to_regclass('kysely_migration') is not null as found`.execute(db);
  if (tables[0]?.found !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name).filter((name) => !Object.hasOwn(migrations, name));
}
