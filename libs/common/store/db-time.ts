import { sql } from "kysely";

/** Instants by Postgres' clock. */

export function fromNow(ms: number) {
  return sql<Date>`clock_timestamp() + ${ms} * interval '1 millisecond'`;
}

export function ago(ms: number) {
  return fromNow(-ms);
}
