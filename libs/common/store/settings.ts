import { createHash } from "node:crypto";

import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";

/** Stores settings as a revision that jobs can pin; the same settings are the same revision. */
export async function saveSettingsRevision(db: Db, body: unknown): Promise<bigint> {
  const text = JSON.stringify(sortKeys(body));
  const hash = createHash("sha256").update(text).digest("hex");
  await db
    .insertInto("settings_revisions")
    .values({ hash, body: text })
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .execute();
  const row = await db
    .selectFrom("settings_revisions")
    .select("id")
    .where("hash", "=", hash)
    .executeTakeFirst();
  if (row === undefined) throw new SlipwayError("INTERNAL", { detail: "the settings were not stored" });
  return row.id;
}

/** A revision's settings, as they were stored. */
export async function getSettingsRevision(db: Db, id: bigint): Promise<unknown> {
  const row = await db
    .selectFrom("settings_revisions")
    .select("body")
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.body;
}

// The order in which keys were written means nothing.
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
