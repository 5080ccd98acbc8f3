import { sql } from "kysely";
import type { Selectable } from "kysely";

import type { Role, Scope } from "../domain/access.ts";
import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";

export type TokenRow = Selectable<Database["tokens"]>;

export interface NewToken {
  readonly id: string;
  /** SHA-256 of the token; the token itself is never stored. */
  readonly hash: Buffer;
  readonly name: string;
  readonly role: Role;
  /** Everything, when absent. */
  readonly scope?: Scope;
  readonly groups?: readonly string[];
  /** Its last characters, to tell it by sight. */
  readonly ending?: string;
  readonly createdBy?: string;
  readonly madeBy?: string | null;
  readonly expiresAt?: Date | null;
}

/** Adds a token; one with the same hash stays as it is (all services may be given the same first one). */
export async function addToken(db: Db, token: NewToken): Promise<boolean> {
  const { id, hash, name, role, scope = {}, groups = [], ending = "" } = token;
  const { numInsertedOrUpdatedRows = 0n } = await db
    .insertInto("tokens")
    .values({
      id,
      hash,
      name,
      role,
      scope: JSON.stringify(scope),
      groups: [...groups],
      ending,
      created_by: token.createdBy ?? null,
      made_by: token.madeBy ?? null,
      expires_at: token.expiresAt ?? null,
    })
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** A token that counts now. */
export interface LiveToken {
  readonly token: TokenRow;
  /** By Postgres' clock; Infinity for one that never expires. */
  readonly leftMs: number;
}

/** The token with this hash, unless it was revoked or has expired. */
export async function findTokenByHash(db: Db, sha256: Buffer): Promise<LiveToken | undefined> {
  const found = await db
    .selectFrom("tokens")
    .selectAll()
    .select(
      sql<number | null>`extract(epoch from expires_at - clock_timestamp())::float8 * 1000`.as("left_ms"),
    )
    .where("hash", "=", sha256)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { left_ms: leftMs, ...token } = found;
  if (leftMs !== null && leftMs <= 0) return undefined;
  return { token, leftMs: leftMs ?? Infinity };
}

/** The token with this id, also when it has ended. */
export async function findToken(db: Db, id: string): Promise<TokenRow | undefined> {
  return db.selectFrom("tokens").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Remembers that it was used, at most once a minute whoever asks. */
export async function noteTokenUse(db: Db, id: string): Promise<void> {
  await db
    .updateTable("tokens")
    .set({ last_used_at: sql<Date>`clock_timestamp()` })
    .where("id", "=", id)
    .where(sql<boolean>`(last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')`)
    .execute();
}

/** Whether anybody was ever given a token: without one, the first start makes the admin's. */
export async function hasAnyToken(db: Db): Promise<boolean> {
  return (await db.selectFrom("tokens").select("id").limit(1).executeTakeFirst()) !== undefined;
}

/** Waits for any other first start, until this transaction ends. */
export async function lockFirstStart(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('slipway first start'))`.execute(tx);
}

/** More are not handed out: who needs so many wants an identity provider. */
const mostTokens = 10_000;

/** All tokens, newest first. */
export async function listTokens(db: Db): Promise<TokenRow[]> {
  return db
    .selectFrom("tokens")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(mostTokens)
    .execute();
}

/** Refuses to grow past what a list still shows. */
export async function refuseTooManyTokens(db: Db): Promise<void> {
  const { count } = await db
    .selectFrom("tokens")
    .select((eb) => eb.fn.countAll<bigint>().as("count"))
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  if (Number(count) < mostTokens) return;
  throw new SlipwayError("RATE_LIMITED", { detail: `there are ${mostTokens} tokens`, hint: "revoke some" });
}

/** Ends a token at once, and every token that it made; those that this ended. */
export async function revokeToken(db: Db, id: string, by?: string): Promise<TokenRow[]> {
  const family = sql`(
    with recursive family (id) as (
      select ${id}::uuid union select made.id from tokens made join family on made.made_by = family.id
    ) select id from family)`;
  return db
    .updateTable("tokens")
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_by: by ?? null })
    .where(sql<boolean>`id in ${family}`)
    .where("revoked_at", "is", null)
    .returningAll()
    .execute();
}
