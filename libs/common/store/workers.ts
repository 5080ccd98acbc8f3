import { sql } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";

/** A worker process announces itself; its heartbeat row renews all of its leases at once. */
export async function registerWorker(db: Db, worker: { id: string; name: string }): Promise<void> {
  await db.insertInto("workers").values(worker).execute();
  // Rows of workers that were killed serve nobody: without its row a worker is as dead as with an old one.
  await db
    .deleteFrom("workers")
    .where("beat_at", "<", sql<Date>`clock_timestamp() - interval '1 day'`)
    .execute();
}

/** Renews the worker's leases; LEASE_LOST when its row is gone and it must register anew. */
export async function beat(db: Db, workerId: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable("workers")
    .set({ beat_at: sql<Date>`clock_timestamp()` })
    .where("id", "=", workerId)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    throw new SlipwayError("LEASE_LOST", { detail: "this worker is no longer registered" });
  }
}

/** A worker says goodbye; leases it still holds are free at once. */
export async function removeWorker(db: Db, workerId: string): Promise<void> {
  await db.deleteFrom("workers").where("id", "=", workerId).execute();
}
