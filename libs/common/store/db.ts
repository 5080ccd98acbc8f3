import { Kysely, PostgresDialect, sql } from "kysely";
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import { Pool, types } from "pg";
import type { ClientConfig, PoolClient } from "pg";

import { SlipwayError } from "../domain/errors.ts";
import type { Log } from "../kit/log.ts";
import { runTransaction } from "./job-endings.ts";
import { isConnectionFailure, translatePgError, unavailable } from "./pg-errors.ts";
import type { Database } from "./schema.ts";

/** A pool, or a transaction of it: what every function of this folder takes first. */
export type Db = Kysely<Database>;

export interface DbOptions {
  readonly databaseUrl: string;
  readonly poolSize: number;
  readonly statementTimeoutMs: number;
  readonly log: Log;
}

/** How busy a pool is. */
export interface PoolUse {
  readonly used: number;
  readonly idle: number;
  /** Questions that wait for a connection. */
  readonly waiting: number;
  readonly most: number;
}

const pools = new WeakMap<Db, Pool>();

/** Opens a pool; connects when first asked. Ended by `db.destroy()`. */
export function openDb(options: DbOptions): Db {
  const pool = openPool(options);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: guarded(pool) }) });
  pools.set(db, pool);
  return db;
}

/** How busy the pool is that `openDb` opened. */
export function poolUse(db: Db): PoolUse {
  const pool = pools.get(db);
  if (pool === undefined) throw new SlipwayError("INTERNAL", { detail: "no pool of this process" });
  const { totalCount, idleCount, waitingCount, options } = pool;
  return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount, most: options.max };
}

/** What every connection of ours to Postgres has in common. */
export function connectionConfig(databaseUrl: string): ClientConfig {
  return {
    connectionString: databaseUrl,
    application_name: "slipway",
    connectionTimeoutMillis: 2_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    types: { getTypeParser: typeParser },
  };
}

/** Runs `fn` in the caller's transaction, or in one of its own. */
export async function inTransaction<T>(db: Db, fn: (tx: Db) => Promise<T>): Promise<T> {
  return db.isTransaction ? fn(db) : runTransaction(db, fn);
}

/** Limits for this transaction only: how long it may idle, and how long it may wait for a lock. */
export async function limitTransaction(tx: Db, limits: { idleMs: number; lockMs: number }): Promise<void> {
  await sql`select
    set_config('idle_in_transaction_session_timeout', ${String(limits.idleMs)}, true),
    set_config('lock_timeout', ${String(limits.lockMs)}, true)`.execute(tx);
}

function openPool(options: DbOptions): Pool {
  const pool = new Pool({
    ...connectionConfig(options.databaseUrl),
    max: options.poolSize,
    idleTimeoutMillis: 60_000,
    statement_timeout: options.statementTimeoutMs,
    // Of last resort, for a peer that vanished without a word: the server's own limit comes first.
    query_timeout: options.statementTimeoutMs + 5_000,
  });
  const lost = (error: Error): void => options.log.warn("a database connection was lost", { error });
  // Without listeners a lost connection would end the process: idle ones report to the pool,
  // those in use to themselves (and by the failing query).
  pool.on("error", lost);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

function guarded(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => guard(await connect(pool)),
    end: () => pool.end(),
  };
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** Speaks our errors, and gives a broken connection back as broken. */
function guard(client: PoolClient): PostgresPoolClient {
  let broken = false;
  const query = async <R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> => {
    // The server has rolled back already; failing here would hide the error that led to it.
    if (broken && text === "rollback") return { command: "SELECT", rowCount: 0, rows: [] };
    try {
      const result = await client.query(text, [...values]);
      refuseSilentRollback(text, result.command);
      return result as unknown as PostgresQueryResult<R>;
    } catch (error) {
      broken ||= isConnectionFailure(error);
      throw translatePgError(error);
    }
  };
  return { query: query as PostgresPoolClient["query"], release: () => client.release(broken) };
}

// A transaction in which a statement failed answers COMMIT with ROLLBACK, not with an error: code
// that swallowed the first failure would believe that its work is stored.
function refuseSilentRollback(text: string, command: string): void {
  if (text !== "commit" || command !== "ROLLBACK") return;
  throw new SlipwayError("INTERNAL", { detail: "a failed transaction was committed" });
}

const int8 = 20;

function typeParser(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid === int8) return BigInt;
  return format === "binary" ? types.getTypeParser(oid, format) : types.getTypeParser(oid, "text");
}
