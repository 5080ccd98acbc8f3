import { randomBytes } from "node:crypto";

import { Client } from "pg";

import { findPostgres } from "#common/kit/postgres-binaries.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";

import { needs } from "./skips.ts";

/** A real Postgres for one test file. */
export interface TestPostgres {
  readonly url: string;
  readonly kind: "system" | "npm";
  readonly version: string;
  /** Makes an empty database; its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

const howToGet = {
  system: "apt-get install postgresql (15 or newer)",
  npm: "npm ci without --omit=optional, on Linux or macOS",
};

/** Whether there is a Postgres of this kind to run; notes the skip when not. */
export function hasPostgres(kind?: "system" | "npm"): boolean {
  const found = findPostgres({ env: process.env, kind });
  return needs(`PostgreSQL (${kind ?? "any"})`, found !== undefined, howToGet[kind ?? "npm"]);
}

/** Starts a Postgres with temporary data on a free port. */
export async function startPostgres(kind?: "system" | "npm"): Promise<TestPostgres> {
  const server = await startPostgresServer({ env: process.env, kind });
  return {
    url: server.url,
    kind: server.kind,
    version: server.version,
    createDatabase: () => createDatabase(server.url),
    stop: () => server.stop(),
    restart: () => server.restart(),
  };
}

/** Runs one statement over a connection of its own. */
export async function runSql(databaseUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function createDatabase(serverUrl: string): Promise<string> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await runSql(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
