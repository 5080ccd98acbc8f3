import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { silentLog } from "../kit/log.ts";
import type { Log } from "../kit/log.ts";
import { retry } from "../kit/retry.ts";
import { claimDatabase } from "./database-facts.ts";
import { limitTransaction, openDb } from "./db.ts";
import type { Db } from "./db.ts";
import { createHints } from "./hints.ts";
import type { HintListener } from "./hints.ts";
import { listenToEndings, runTransaction } from "./job-endings.ts";
import type { EndingListener } from "./job-endings.ts";
import { lockHeldLease } from "./leases.ts";
import type { HeldLease } from "./leases.ts";
import { migrate } from "./migrate.ts";

export type { Db } from "./db.ts";

export interface StoreOptions {
  readonly databaseUrl: string;
  readonly log?: Log;
  readonly poolSize?: number;
  /** Whose database it is; another one's is refused. */
  readonly installation?: string;
  /** Told of every job and step that ends in a transaction of this process. */
  readonly endings?: EndingListener;
}

/**
 * Postgres, the truth. Whatever cannot be reached, or waits too long inside, is STORE_UNAVAILABLE
 * with its cause; a lost connection never ends the process, the next call opens another.
 */
export interface Store {
  readonly name: string;
  /** For single statements; everything that belongs together goes through `transaction` or `fenced`. */
  readonly db: Db;
  /** Waits a little for Postgres to answer, then migrates. */
  start(): Promise<void>;
  stop(): Promise<void>;
  migrate(): Promise<void>;
  transaction<T>(fn: (tx: Db) => Promise<T>): Promise<T>;
  /** A transaction that holds the lease row from its first statement on; LEASE_LOST when it is not ours. */
  fenced<T>(lease: HeldLease, fn: (tx: Db) => Promise<T>): Promise<T>;
  /** Postgres' clock: the only one that leases, deadlines and windows go by. */
  now(): Promise<Date>;
  ping(): Promise<void>;
  /** Tells all processes, merged and without waiting, that a job changed. Call it after the commit. */
  hint(jobId: string): void;
  /** Hears such hints, own ones included; returns how to stop. An empty list: re-read everything. */
  onHint(listener: HintListener): () => void;
}

// A frozen worker's open transaction would keep its lease row locked, and nobody could take over.
const fencedLimits = { idleMs: 3_000, lockMs: 2_000 };

/** The store of a process; connects when first asked. */
export function createStore(options: StoreOptions): Store {
  const { databaseUrl, log = silentLog, poolSize = 10 } = options;
  const db = openDb({ databaseUrl, log, poolSize, statementTimeoutMs: 10_000 });
  const hints = createHints(databaseUrl, log);
  if (options.endings !== undefined) listenToEndings(db, options.endings);
  const transaction = <T>(fn: (tx: Db) => Promise<T>): Promise<T> => runTransaction(db, fn);
  const ping = async (): Promise<void> => void (await sql`select 1`.execute(db));
  return {
    name: "store",
    db,
    transaction,
    ping,
    migrate: () => migrate(databaseUrl, log),
    start: async () => {
      await retry(ping, { attempts: 8, baseMs: 100, maxMs: 1_000, when: isUnavailable });
      await migrate(databaseUrl, log);
      if (options.installation !== undefined) await claimDatabase(db, options.installation);
    },
    stop: async () => {
      await hints.stop();
      await db.destroy();
    },
    fenced: (lease, fn) =>
      transaction(async (tx) => {
        await limitTransaction(tx, fencedLimits);
        await lockHeldLease(tx, lease);
        return fn(tx);
      }),
    now: () => databaseTime(db),
    hint: hints.hint,
    onHint: hints.onHint,
  };
}

/** Postgres' clock as this database or transaction sees it. */
export async function databaseTime(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  const now = rows[0]?.now;
  if (now === undefined) throw new SlipwayError("INTERNAL", { detail: "Postgres did not tell the time" });
  return now;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof SlipwayError && error.code === "STORE_UNAVAILABLE";
}
