import { sql } from "kysely";

import { peopleGates } from "../domain/gates.ts";
import type { JobKind } from "../domain/job.ts";
import type { Db } from "./db.ts";
import type { JobRow } from "./schema.ts";

/** Jobs that wait for people or for a time. They hold no lane, no lease and no queue slot. */

/** Those to be looked at now, locked until the transaction ends; what another worker looks at is left to it. */
export async function takeDueWaits(tx: Db, limit: number): Promise<JobRow[]> {
  return tx
    .selectFrom("jobs")
    .selectAll()
    .where("phase", "=", "waiting")
    .where("gate", "in", [...peopleGates])
    .where("due_at", "<=", sql<Date>`clock_timestamp()`)
    .orderBy("due_at")
    .limit(limit)
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
}

/** Of each rollback among the jobs, the kind of job that it undoes. */
export async function kindsUndone(db: Db, jobs: readonly JobRow[]): Promise<ReadonlyMap<string, JobKind>> {
  const rollbacks = jobs.filter((job) => job.kind === "rollback" && !job.automatic);
  const ids = rollbacks.flatMap(({ rollback_of: id }) => id ?? []);
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("jobs").select(["id", "kind"]).where("id", "in", ids).execute();
  const kinds = new Map(rows.map(({ id, kind }) => [id, kind]));
  return new Map(
    rollbacks.flatMap((job) => {
      const kind = kinds.get(job.rollback_of ?? "");
      return kind === undefined ? [] : [[job.id, kind] as const];
    }),
  );
}
