import { randomUUID } from "node:crypto";

import type { NewJobRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";

/**
 * A job taken in the straightforward way: a transaction that looks for the key, writes each row by a
 * statement of its own, and reads the job back. No HTTP, no check of the request.
 */
export async function acceptNaively(store: Store, like: NewJobRow): Promise<void> {
  const id = randomUUID();
  const key = { principal: "bench", operation: "createRelease", key: id };
  await store.transaction(async (tx) => {
    const known = await tx.selectFrom("idempotency_keys").selectAll().where("key", "=", id).execute();
    if (known.length > 0) return;
    await tx
      .insertInto("jobs")
      .values({ ...like, id })
      .execute();
    await tx
      .insertInto("idempotency_keys")
      .values({ ...key, body_hash: id, job_id: id })
      .execute();
    await tx
      .insertInto("steps")
      .values({ job_id: id, number: 1, seq: 1n, text: "Submitted job.", outcome: "ok" })
      .execute();
    await tx
      .insertInto("events")
      .values({ environment: like.environment, kind: "job.queued", job_id: id })
      .execute();
    await tx
      .insertInto("audit")
      .values({ principal: "bench", operation: "createRelease", outcome: "accepted", job_id: id })
      .execute();
  });
  await store.db.selectFrom("jobs").selectAll().where("id", "=", id).execute();
}
