import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { findPostgres } from "#common/kit/postgres-binaries.ts";

import { needs } from "./skips.ts";

const run = promisify(execFile);
const limitMs = 60_000;

const found = findPostgres({ env: process.env, kind: "system" });
const folder = found === undefined ? undefined : toolsBeside(found.postgres);
const tool = (name: string): string => join(folder ?? "", name);

/** The server on the PATH may be a link to where its tools are. */
function toolsBeside(server: string): string | undefined {
  const folders = [dirname(server), dirname(realpathSync(server)), "/usr/bin"];
  return folders.find((one) => existsSync(join(one, "pg_dump")) && existsSync(join(one, "pg_restore")));
}

/** Whether there are pg_dump and pg_restore, of the system's own PostgreSQL. */
export function hasPostgresTools(): boolean {
  return needs("pg_dump", folder !== undefined, "apt-get install postgresql (15 or newer)");
}

/** As `docs/backup.md` says. */
export async function dumpDatabase(databaseUrl: string, file: string): Promise<void> {
  await run(tool("pg_dump"), ["--format=custom", `--file=${file}`, databaseUrl], { timeout: limitMs });
}

/** Into an empty database, as `docs/backup.md` says. */
export async function restoreDatabase(databaseUrl: string, file: string): Promise<void> {
  const options = ["--no-owner", "--exit-on-error", `--dbname=${databaseUrl}`, file];
  await run(tool("pg_restore"), options, { timeout: limitMs });
}
