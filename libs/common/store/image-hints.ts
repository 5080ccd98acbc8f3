import { sql } from "kysely";

import { repositoryKey, tryParseImageRef } from "../domain/image-ref.ts";
import { fromNow } from "./db-time.ts";
import type { Db } from "./db.ts";
import type { JobRow } from "./schema.ts";

/** Hints that something was pushed, and the jobs that wait for such news. */

/** Makes an image repository due now, if somebody uses it; tells whether. */
export async function wakeUsedRepository(db: Db, key: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("image_repositories")
    .set({ due_at: sql<Date>`clock_timestamp()`, asked_at: sql<Date>`clock_timestamp()` })
    .where("key", "=", key)
    .where("due_at", "is not", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

const mostWaits = 1_000;

/** Jobs that wait for an image of this repository are to be looked at now; how many they are. */
export async function wakeImageWaits(db: Db, key: string): Promise<number> {
  const waiting = await db
    .selectFrom("jobs")
    .select(["id", "spec"])
    .where("due_at", "is not", null)
    .where("phase", "=", "waiting")
    .where("gate", "=", "image")
    .limit(mostWaits)
    .execute();
  const ids = waiting.filter(({ spec }) => awaitedKeys(spec).includes(key)).map(({ id }) => id);
  if (ids.length === 0) return 0;
  await db
    .updateTable("jobs")
    .set({ due_at: sql<Date>`clock_timestamp()` })
    .where("id", "in", ids)
    .where("phase", "=", "waiting")
    .where("gate", "=", "image")
    .execute();
  return ids.length;
}

function awaitedKeys(spec: JobRow["spec"]): readonly string[] {
  if (spec.kind !== "release" || !("exact" in spec.images)) return [];
  const refs = spec.images.exact.map(tryParseImageRef);
  return refs.flatMap((ref) => (ref === undefined ? [] : repositoryKey(ref)));
}

/** Jobs whose image is to be looked for now; nobody else is given them until the claim ends. */
export async function claimImageWaits(
  db: Db,
  claim: { readonly limit: number; readonly claimMs: number },
): Promise<JobRow[]> {
  const { rows } = await sql<JobRow>`
    update jobs set due_at = ${fromNow(claim.claimMs)}
    where id in (
      select id from jobs where phase = 'waiting' and gate = 'image' and due_at <= clock_timestamp()
      order by due_at limit ${claim.limit} for update skip locked)
    returning *`.execute(db);
  return rows;
}

/** Still not there: why, and when to look again. A job that was woken since it was claimed stays due. */
export async function keepWaitingForImage(
  db: Db,
  wait: { readonly id: string; readonly waitingFor: string; readonly nextInMs: number },
): Promise<void> {
  await db
    .updateTable("jobs")
    .set({
      waiting_for: wait.waitingFor,
      due_at: sql<Date>`case when due_at > clock_timestamp() then ${fromNow(wait.nextInMs)} else due_at end`,
    })
    .where("id", "=", wait.id)
    .where("phase", "=", "waiting")
    .where("gate", "=", "image")
    .execute();
}
