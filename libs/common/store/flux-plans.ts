import { sql } from "kysely";

import type { Db } from "./db.ts";

/** Results of dry runs that fluxctl asked for: it polls them like a job, by whichever API answers. */

const keptHours = 1;

/** Keeps the result under an id, and drops those that nobody will ask for any more. */
export async function saveFluxPlan(
  db: Db,
  plan: { id: string; principal: string; result: unknown },
): Promise<void> {
  await db
    .deleteFrom("flux_plans")
    .where("made_at", "<", sql<Date>`clock_timestamp() - make_interval(hours => ${keptHours})`)
    .execute();
  await db
    .insertInto("flux_plans")
    .values({ id: plan.id, principal: plan.principal, result: JSON.stringify(plan.result) })
    .execute();
}

/** The result under an id, for who asked for it; undefined when there is none, or none any more. */
export async function findFluxPlan(db: Db, id: string, principal: string): Promise<unknown> {
  const row = await db
    .selectFrom("flux_plans")
    .select("result")
    .where("id", "=", id)
    .where("principal", "=", principal)
    .executeTakeFirst();
  return row?.result;
}
