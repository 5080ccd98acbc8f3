import type { ColumnType } from "kysely";

/** The kinds of columns that our tables have: as they are read, inserted, updated. */

export type Time = ColumnType<Date, Date | undefined, Date>;
export type NullableTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
export type Json<T> = ColumnType<T, string, string>;
export type Big = ColumnType<bigint, bigint, bigint>;
export type GeneratedBig = ColumnType<bigint, bigint | undefined, never>;
