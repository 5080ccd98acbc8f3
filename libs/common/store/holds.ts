import { sql } from "kysely";
import type { Selectable } from "kysely";

import { wakeAutomation } from "./automation-wakes.ts";
import type { Db } from "./db.ts";
import { writeEvent } from "./events.ts";
import type { Database } from "./schema.ts";

/** A stop for automation on one container: its image was rolled back, or a person passed one over. */
export type HoldRow = Omit<Selectable<Database["holds"]>, "lifted_at" | "lifted_by">;

/** `set_by`: "automation" unless a person's act set it. */
export type NewHold = Omit<HoldRow, "since" | "set_by"> & Partial<Pick<HoldRow, "set_by">>;

/** Sets a hold; a newer refusal replaces an older one. */
export async function setHold(db: Db, hold: NewHold): Promise<void> {
  const { image, job_id, reason, set_by = "automation" } = hold;
  const fresh = { image, job_id, reason, set_by, lifted_at: null, lifted_by: null };
  await db
    .insertInto("holds")
    .values(hold)
    .onConflict((conflict) =>
      conflict
        .columns(["environment", "workload", "container"])
        .doUpdateSet({ ...fresh, since: sql<Date>`clock_timestamp()` }),
    )
    .execute();
  const { environment, workload, container } = hold;
  const data = { workload, container, image, reason, by: set_by };
  await writeEvent(db, { environment, kind: "hold.set", jobId: job_id, data });
}

export interface Lifting extends Pick<HoldRow, "environment" | "workload"> {
  /** All of the workload's, where it is absent. */
  readonly container?: string;
  readonly by: string;
  /** A hold that this job itself has set stays. */
  readonly except?: string;
}

/** Lifts holds and wakes automation; tells which they were. */
export async function liftHolds(tx: Db, lifting: Lifting): Promise<HoldRow[]> {
  const { environment, workload, container, by, except } = lifting;
  let lifted = tx
    .updateTable("holds")
    .set({ lifted_at: sql<Date>`clock_timestamp()`, lifted_by: by })
    .where("environment", "=", environment)
    .where("workload", "=", workload)
    .where("lifted_at", "is", null);
  if (container !== undefined) lifted = lifted.where("container", "=", container);
  if (except !== undefined) lifted = lifted.where("job_id", "<>", except);
  const rows = await lifted.returning(columns).execute();
  for (const { container: held, image, job_id: jobId } of rows) {
    const data = { workload, container: held, image, by };
    await writeEvent(tx, { environment, kind: "hold.lifted", jobId, data });
  }
  if (rows.length > 0) await wakeAutomation(tx, { environment, why: "a hold was lifted" });
  return rows;
}

/** The holds of an environment. */
export async function holdsOf(db: Db, environment: string): Promise<HoldRow[]> {
  return db
    .selectFrom("holds")
    .select(columns)
    .where("environment", "=", environment)
    .where("lifted_at", "is", null)
    .orderBy("workload")
    .orderBy("container")
    .execute();
}

/** When the last hold of each container was lifted, by `workload container`. */
export async function liftedHolds(db: Db, environment: string): Promise<ReadonlyMap<string, Date>> {
  const rows = await db
    .selectFrom("holds")
    .select(["workload", "container", "lifted_at as at"])
    .where("environment", "=", environment)
    .where("lifted_at", "is not", null)
    .execute();
  return new Map(
    rows.flatMap(({ workload, container, at }) =>
      at === null ? [] : [[`${workload} ${container}`, at] as const],
    ),
  );
}

const columns = [
  "environment",
  "workload",
  "container",
  "image",
  "job_id",
  "reason",
  "set_by",
  "since",
] as const;
