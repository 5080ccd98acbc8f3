import { sql } from "kysely";
import type { Selectable } from "kysely";

import { wakeAutomation } from "./automation-wakes.ts";
import type { Db } from "./db.ts";
import type { Database } from "./schema.ts";

/** A stop that people set on an environment or one namespace of it. */
export type FreezeRow = Selectable<Database["freezes"]>;

export interface FreezePlace {
  readonly environment: string;
  readonly namespace: string | null;
}

/**
 * Sets a freeze in place of the one that is there, in the caller's transaction. It waits for push
 * intents that are being recorded: whatever is recorded afterwards has seen it.
 */
export async function setFreeze(
  tx: Db,
  freeze: FreezePlace & { readonly id: string; reason: string; by: string; until: Date | null },
): Promise<FreezeRow> {
  const { id, environment, namespace, reason, by, until } = freeze;
  await lockGates(tx, [environment], "to change them");
  await endFreeze(tx, { environment, namespace, by });
  const row = await tx
    .insertInto("freezes")
    .values({ id, environment, namespace, reason, set_by: by, until })
    .returningAll()
    .executeTakeFirstOrThrow();
  await wakeFrozen(tx, environment);
  return row;
}

/** Lifts a freeze and lets the jobs that wait for it be looked at; undefined when there is none. */
export async function liftFreeze(
  tx: Db,
  place: FreezePlace & { readonly by: string },
): Promise<FreezeRow | undefined> {
  await lockGates(tx, [place.environment], "to change them");
  const lifted = await endFreeze(tx, place);
  await wakeFrozen(tx, place.environment);
  await wakeAutomation(tx, { environment: place.environment, why: "a freeze was lifted" });
  const wasOver = lifted?.until != null && lifted.lifted_at !== null && lifted.until <= lifted.lifted_at;
  return wasOver ? undefined : lifted;
}

/** The freezes that hold now, of these environments or of all. */
export async function activeFreezes(db: Db, environments?: readonly string[]): Promise<FreezeRow[]> {
  const active = db
    .selectFrom("freezes")
    .selectAll()
    .where("lifted_at", "is", null)
    .where(sql<boolean>`(until is null or until > clock_timestamp())`)
    .orderBy("environment")
    .orderBy(sql`namespace nulls first`);
  return (
    environments === undefined ? active : active.where("environment", "in", [...environments])
  ).execute();
}

export interface GatesNow {
  /** Postgres' clock: windows, schedules and deadlines go by it alone. */
  readonly now: Date;
  readonly freezes: readonly FreezeRow[];
}

/** The freezes of these environments together with the time, in one question: it is on every push's way. */
export async function readGates(db: Db, environments: readonly string[]): Promise<GatesNow> {
  const rows = await db
    .selectNoFrom(sql<Date>`clock_timestamp()`.as("now"))
    .select((eb) =>
      eb
        .selectFrom("freezes")
        .select(sql<readonly FreezeJson[]>`coalesce(json_agg(freezes), '[]')`.as("all"))
        .where("lifted_at", "is", null)
        .where(sql<boolean>`(until is null or until > clock_timestamp())`)
        .where("environment", "in", [...environments, ""])
        .as("freezes"),
    )
    .executeTakeFirstOrThrow();
  return { now: rows.now, freezes: (rows.freezes ?? []).map(toRow) };
}

/** As Postgres writes a row into JSON: its times are texts. */
type FreezeJson = Omit<FreezeRow, "set_at" | "until" | "lifted_at"> & {
  readonly set_at: string;
  readonly until: string | null;
};

function toRow({ set_at: since, until, ...rest }: FreezeJson): FreezeRow {
  return {
    ...rest,
    set_at: new Date(since),
    until: until === null ? null : new Date(until),
    lifted_at: null,
  };
}

/**
 * Until the transaction ends nobody changes the gates of these environments, or asks them while they
 * change. Shared by those who ask, so that lanes do not wait for each other.
 */
export async function lockGates(
  tx: Db,
  environments: readonly string[],
  why: "to ask them" | "to change them",
): Promise<void> {
  const lock =
    why === "to ask them" ? sql.raw("pg_advisory_xact_lock_shared") : sql.raw("pg_advisory_xact_lock");
  const names = [...new Set(environments)].toSorted().map((name) => `gates of ${name}`);
  await sql`select ${lock}(hashtextextended(name, 0)) from unnest(${names}::text[]) as name`.execute(tx);
}

/** Jobs of the environment that a freeze of now comes too late for, oldest first. */
export async function jobsUnderWay(db: Db, { environment, namespace }: FreezePlace): Promise<string[]> {
  const jobs = await db
    .selectFrom("jobs")
    .select(["id", "results", "spec"])
    .where("environment", "=", environment)
    .where("due_at", "is not", null)
    .where((eb) =>
      eb.or([
        eb("phase", "=", "rolling-out"),
        eb.and([eb("phase", "=", "writing"), eb("intent", "=", true)]),
      ]),
    )
    .orderBy("accepted")
    .limit(mostUnderWay)
    .execute();
  const touches = ({ results, spec }: (typeof jobs)[number]): boolean => {
    const named = "workloads" in spec ? spec.workloads : [];
    const all = [...results.map((result) => result.workload), ...named];
    return namespace === null || all.length === 0 || all.some((id) => /^[^:/]*/.exec(id)?.[0] === namespace);
  };
  return jobs.filter(touches).map(({ id }) => id);
}

const mostUnderWay = 200;

async function endFreeze(
  tx: Db,
  { environment, namespace, by }: FreezePlace & { readonly by: string },
): Promise<FreezeRow | undefined> {
  return tx
    .updateTable("freezes")
    .set({ lifted_by: by, lifted_at: sql<Date>`clock_timestamp()` })
    .where("environment", "=", environment)
    .where("namespace", "is not distinct from", namespace)
    .where("lifted_at", "is", null)
    .returningAll()
    .executeTakeFirst();
}

async function wakeFrozen(tx: Db, environment: string): Promise<void> {
  await tx
    .updateTable("jobs")
    .set({ due_at: sql<Date>`clock_timestamp()` })
    .where("environment", "=", environment)
    .where("phase", "=", "waiting")
    .where("gate", "=", "freeze")
    .execute();
}
