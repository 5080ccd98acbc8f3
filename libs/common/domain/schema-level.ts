import { SlipwayError } from "./errors.ts";

/**
 * Which versions and databases fit together. Each migration raises the level by one. Migrations only
 * expand within a minor version, so an older version goes on with a newer database until a migration
 * says that it cannot any more (`readableFrom`).
 */
export interface SchemaLevel {
  readonly level: number;
  /** The oldest level of a version that still works with this database. */
  readonly readableFrom: number;
}

/** What a version can do. */
export interface VersionLevel extends SchemaLevel {
  /** The oldest database that this version can bring up to its own level. */
  readonly upgradesFrom: number;
}

/** migrate: bring it to our level · use: it is newer, and we may work with it as it is. */
export type LevelVerdict = "migrate" | "use";

/** What to do with a database; throws STORE_TOO_OLD or STORE_TOO_NEW. An empty one has level 0. */
export function judgeLevel(database: SchemaLevel, version: VersionLevel): LevelVerdict {
  if (database.level > version.level) {
    if (database.readableFrom <= version.level) return "use";
    throw new SlipwayError("STORE_TOO_NEW", {
      detail: `the database is at level ${database.level} and wants a version of at least level ${database.readableFrom}; this version is of level ${version.level}`,
      hint: "Start the newer version that migrated it, or restore the backup that was made before.",
    });
  }
  if (database.level === 0 || database.level >= version.upgradesFrom) return "migrate";
  throw new SlipwayError("STORE_TOO_OLD", {
    detail: `the database is at level ${database.level}; this version brings it on from level ${version.upgradesFrom} at least`,
    hint: "Start each minor version in between once, oldest first: each migrates when it starts.",
  });
}

const oldestPostgres = 15;

/** Throws POSTGRES_TOO_OLD; `versionNumber` is what the server calls `server_version_num`. */
export function refuseOldPostgres(versionNumber: number): void {
  const major = Math.floor(versionNumber / 10_000);
  if (major >= oldestPostgres) return;
  throw new SlipwayError("POSTGRES_TOO_OLD", {
    detail: `this server is PostgreSQL ${major}; at least ${oldestPostgres} is needed`,
    hint: "Move the data to a newer server with pg_dump and pg_restore, and set DATABASE_URL to it.",
  });
}
