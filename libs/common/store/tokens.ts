import { sql } from "kysely";
import type { Selectable } from "kysely";

import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";

export type TokenRow = Selectable<Database["tokens"]>;

export interface NewToken {
  readonly id: string;
  /** SHA-256 of the token; the token itself is never stored. */
  readonly hash: Buffer;
  readonly name: string;
  readonly role: string;
}

/** Adds a token; one with the same hash stays as it is (all services may be given the same first one). */
export async function addToken(db: Db, token: NewToken): Promise<void> {
  await db
    .insertInto("tokens")
    .values(token)
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .execute();
}

/** The token with this hash, unless it was revoked. */
export async function findTokenByHash(db: Db, sha256: Buffer): Promise<TokenRow | undefined> {
  return db
    .selectFrom("tokens")
    .selectAll()
    .where("hash", "=", sha256)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
}

/** Whether anybody was ever given a token: without one, the first start makes the admin's. */
export async function hasAnyToken(db: Db): Promise<boolean> {
  return (await db.selectFrom("tokens").select("id").limit(1).executeTakeFirst()) !== undefined;
}

/** Ends a token at once; false when there is none. */
export async function revokeToken(db: Db, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("tokens")
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, clock_timestamp())` })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
