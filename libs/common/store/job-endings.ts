import type { Kysely } from "kysely";

import type { Database } from "./schema.ts";

type Db = Kysely<Database>;

/** Is told how a job ended, once that is committed. */
export type OnJobEnd = (outcome: string) => void;

const listeners = new WeakMap<Db, OnJobEnd>();
const ended = new WeakMap<Db, string[]>();

/** Tells of every job that ends through this pool. */
export function listenToEndings(db: Db, listener: OnJobEnd): void {
  listeners.set(db, listener);
}

/** Remembers an ending until its transaction is committed. */
export function noteEnding(tx: Db, outcome: string): void {
  ended.get(tx)?.push(outcome);
}

/** A transaction of the pool; what ended in it is told after its commit, and never when it is rolled back. */
export async function runTransaction<T>(db: Db, fn: (tx: Db) => Promise<T>): Promise<T> {
  const outcomes: string[] = [];
  const result = await db.transaction().execute((tx) => {
    ended.set(tx, outcomes);
    return fn(tx);
  });
  for (const outcome of outcomes) listeners.get(db)?.(outcome);
  return result;
}
