import type { Kysely } from "kysely";

import type { JobKind } from "../domain/job.ts";
import type { Database } from "./schema.ts";

type Db = Kysely<Database>;

export interface EndedJob {
  readonly kind: JobKind;
  readonly outcome: string;
  /** From its acceptance on, by Postgres' clock. */
  readonly seconds: number;
}

export interface EndedStep {
  readonly text: string;
  readonly outcome: string;
  readonly seconds: number;
}

/** Is told how a job ended, and a step that took its time, once that is committed. */
export interface EndingListener {
  jobEnded(job: EndedJob): void;
  stepEnded(step: EndedStep): void;
}

type Ending = (listener: EndingListener) => void;

const listeners = new WeakMap<Db, EndingListener>();
const endings = new WeakMap<Db, Ending[]>();

/** Tells of everything that ends through this pool. */
export function listenToEndings(db: Db, listener: EndingListener): void {
  listeners.set(db, listener);
}

/** Remembers an ending until its transaction is committed. */
export function noteEnding(tx: Db, job: EndedJob): void {
  endings.get(tx)?.push((listener) => listener.jobEnded(job));
}

/** As `noteEnding`, of steps that were open. */
export function noteStepEndings(tx: Db, steps: readonly EndedStep[]): void {
  for (const step of steps) endings.get(tx)?.push((listener) => listener.stepEnded(step));
}

/** A transaction of the pool; what ended in it is told after its commit, and never when it is rolled back. */
export async function runTransaction<T>(db: Db, fn: (tx: Db) => Promise<T>): Promise<T> {
  const noted: Ending[] = [];
  const result = await db.transaction().execute((tx) => {
    endings.set(tx, noted);
    return fn(tx);
  });
  const listener = listeners.get(db);
  if (listener !== undefined) for (const tell of noted) tell(listener);
  return result;
}
