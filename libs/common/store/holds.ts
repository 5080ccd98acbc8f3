import { sql } from "kysely";
import type { Selectable } from "kysely";

import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";

/** A stop for automation on one container, set when its image was rolled back. */
export type HoldRow = Selectable<Database["holds"]>;

export type HoldKey = Pick<HoldRow, "environment" | "workload" | "container">;

/** Sets a hold; a newer refusal replaces an older one. */
export async function setHold(db: Db, hold: Omit<HoldRow, "since">): Promise<void> {
  const { image, job_id, reason } = hold;
  await db
    .insertInto("holds")
    .values(hold)
    .onConflict((conflict) =>
      conflict
        .columns(["environment", "workload", "container"])
        .doUpdateSet({ image, job_id, reason, since: sql<Date>`clock_timestamp()` }),
    )
    .execute();
}

/** Lifts a hold; false when there was none. */
export async function clearHold(db: Db, hold: HoldKey): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("holds")
    .where("environment", "=", hold.environment)
    .where("workload", "=", hold.workload)
    .where("container", "=", hold.container)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** The holds of an environment. */
export async function holdsOf(db: Db, environment: string): Promise<HoldRow[]> {
  return db
    .selectFrom("holds")
    .selectAll()
    .where("environment", "=", environment)
    .orderBy("workload")
    .orderBy("container")
    .execute();
}
