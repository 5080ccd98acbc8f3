import { sql } from "kysely";
import type { RawBuilder } from "kysely";

import { SlipwayError } from "../domain/errors.ts";
import { inTransaction, limitTransaction } from "./db.ts";
import type { Db } from "./db.ts";
import { isLockTimeout } from "./pg-errors.ts";

/**
 * The right to act on a lane or an environment (`laneSubject`, `environmentSubject`). Its end
 * *permits* a takeover; only a takeover, or its owner handing it back, ends it. Fence and owner are
 * both compared, and only where the act lands: in the transaction that does it.
 */
export interface HeldLease {
  readonly id: string;
  readonly fence: bigint;
  readonly owner: string;
}

/** How long a worker may be silent before others may take what it holds. */
export const leaseTtlMs = 5_000;

// Longer than a frozen transaction can last (`idle_in_transaction_session_timeout` of a fenced one).
const takeoverLimits = { idleMs: 3_000, lockMs: 4_000 };

export interface LeaseRequest {
  readonly id: string;
  /** The worker's id, as registered. */
  readonly owner: string;
  readonly ttlMs?: number;
}

/**
 * Takes a lease that is new, handed back, expired, or already ours (with a new fence then: an answer
 * may have been lost). Waits for an open fenced transaction of the former owner; undefined when
 * somebody else holds it.
 */
export async function takeLease(db: Db, request: LeaseRequest): Promise<HeldLease | undefined> {
  const known = await db.selectFrom("leases").select("id").where("id", "=", request.id).executeTakeFirst();
  if (known === undefined) await createLease(db, request.id);
  // Without a lock first: looking at a lease that is held must not disturb its holder.
  else if (!(await isTakeable(db, request))) return undefined;
  try {
    return await inTransaction(db, (tx) => takeLocked(tx, request));
  } catch (error) {
    if (isLockTimeout(error)) return undefined;
    throw error;
  }
}

/** Hands a lease back; false when somebody has taken it over. */
export async function returnLease(db: Db, lease: HeldLease): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("leases")
    .set({ owner: null })
    .where("id", "=", lease.id)
    .where("fence", "=", lease.fence)
    .where("owner", "=", lease.owner)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whether the lease is still ours. Good for stopping early, never a guard. */
export async function stillHeld(db: Db, lease: HeldLease): Promise<boolean> {
  return (await heldRow(db, lease).executeTakeFirst()) !== undefined;
}

/** The first lock of a fenced transaction: keeps takeovers out until it ends; LEASE_LOST when not ours. */
export async function lockHeldLease(tx: Db, lease: HeldLease): Promise<void> {
  const row = await heldRow(tx, lease).forShare().executeTakeFirst();
  if (row === undefined) throw new SlipwayError("LEASE_LOST", { detail: lease.id });
}

/** SQL: nobody who is alive owns this lease (`owner` is the column's name, as the query calls it). */
export function ownerIsGone(owner: string, ttlMs: number): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(owner)} is null or not exists (
    select 1 from workers
    where workers.id = ${sql.ref(owner)}
      and workers.beat_at > clock_timestamp() - ${ttlMs} * interval '1 millisecond'))`;
}

function heldRow(db: Db, lease: HeldLease) {
  return db
    .selectFrom("leases")
    .select("id")
    .where("id", "=", lease.id)
    .where("fence", "=", lease.fence)
    .where("owner", "=", lease.owner);
}

async function createLease(db: Db, id: string): Promise<void> {
  await db
    .insertInto("leases")
    .values({ id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function isFree(request: LeaseRequest): RawBuilder<boolean> {
  const gone = ownerIsGone("leases.owner", request.ttlMs ?? leaseTtlMs);
  return sql<boolean>`(leases.owner = ${request.owner} or ${gone})`;
}

async function isTakeable(db: Db, request: LeaseRequest): Promise<boolean> {
  const row = await db
    .selectFrom("leases")
    .select("id")
    .where("id", "=", request.id)
    .where(isFree(request))
    .executeTakeFirst();
  return row !== undefined;
}

// Lock first, decide in a second statement: one that waited for the lock still sees the heartbeats
// of before the wait, and would take over from a worker that has beaten since.
async function takeLocked(tx: Db, request: LeaseRequest): Promise<HeldLease | undefined> {
  await limitTransaction(tx, takeoverLimits);
  await tx.selectFrom("leases").select("id").where("id", "=", request.id).forNoKeyUpdate().execute();
  const row = await tx
    .updateTable("leases")
    .set({
      fence: sql<bigint>`fence + 1`,
      owner: request.owner,
      taken_at: sql<Date>`clock_timestamp()`,
    })
    .where("id", "=", request.id)
    .where(isFree(request))
    .returning("fence")
    .executeTakeFirst();
  return row === undefined ? undefined : { id: request.id, fence: row.fence, owner: request.owner };
}
