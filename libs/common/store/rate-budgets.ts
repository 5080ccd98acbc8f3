import { sql } from "kysely";

import type { Db } from "./db.ts";

export interface BudgetAsk {
  /** Whose, and for what. */
  readonly key: string;
  /** How much a minute gives, and how much is there at most. */
  readonly perMinute: number;
  /** How much is wanted, at most `perMinute`; less may be given. */
  readonly want: number;
}

export interface BudgetShare {
  readonly granted: number;
  /** Until the next one is there; 0 when something was granted. */
  readonly retryMs: number;
}

/** Takes from a budget that all processes share; it fills evenly, by Postgres' clock. */
export async function takeBudget(db: Db, { key, perMinute, want }: BudgetAsk): Promise<BudgetShare> {
  const elapsed = sql`greatest(extract(epoch from statement_timestamp() - b.at), 0)`;
  const there = sql`least(${perMinute}::float8, b.level + ${elapsed} * ${perMinute}::float8 / 60)`;
  const { rows } = await sql<{ granted: number; level: number }>`
    insert into rate_budgets as b (key, level, granted, at)
    values (${key}, ${perMinute - want}::float8, ${want}::int, statement_timestamp())
    on conflict (key) do update set
      granted = least(${want}::int, floor(${there})),
      level = ${there} - least(${want}::int, floor(${there})),
      at = greatest(b.at, statement_timestamp())
    returning granted, level`.execute(db);
  const { granted = 0, level = 0 } = rows[0] ?? {};
  return { granted, retryMs: granted > 0 ? 0 : Math.ceil(((1 - level) * 60_000) / perMinute) };
}

/** Forgets budgets that are full again. */
export async function sweepBudgets(db: Db): Promise<void> {
  await db
    .deleteFrom("rate_budgets")
    .where(sql<boolean>`at < clock_timestamp() - interval '10 minutes'`)
    .execute();
}
