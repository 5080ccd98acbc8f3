import { sql } from "kysely";
import type { RawBuilder } from "kysely";

import { coversEverything, splitPattern } from "../domain/access.ts";
import type { Reach, Scope } from "../domain/access.ts";

/**
 * What lies within a reach, asked of rows that have an environment and the workloads they are about
 * (null: all of it). The same answer as of `coversWorkload`, where pages must not be filtered afterwards.
 */
export function isWithinReach(
  reach: Reach,
  row: { readonly environment: RawBuilder<unknown>; readonly workloads: RawBuilder<unknown> },
): RawBuilder<boolean> | undefined {
  if (coversEverything(reach)) return undefined;
  const { environment, workloads } = row;
  const one = anyOf(
    reach.map((scope) =>
      allOf([
        matches(environment, patternsOf(scope.environments)),
        matches(
          sql`touched.workload`,
          scope.namespaces?.map((name) => `^${glob(name)}[:/]`),
        ),
        matches(sql`touched.workload`, scope.workloads?.map(workloadPattern)),
      ]),
    ),
  );
  // No name at all fits only a scope that names neither namespaces nor workloads.
  return sql<boolean>`not exists (
    select 1 from unnest(coalesce(nullif(${workloads}, '{}'), array[''])) as touched (workload)
    where not ${one})`;
}

function matches(text: RawBuilder<unknown>, patterns: readonly string[] | undefined): RawBuilder<boolean> {
  if (patterns === undefined) return sql`true`;
  return sql`coalesce(${text} ~ any(${[...patterns]}::text[]), false)`;
}

function patternsOf(names: Scope["environments"]): readonly string[] | undefined {
  return names?.map((name) => `^${glob(name)}$`);
}

/** Without a kind, of any kind. A text that is no pattern stands for nothing. */
function workloadPattern(pattern: string): string {
  const parts = splitPattern(pattern);
  if (parts === undefined) return "^(?!)";
  const { namespace, kind, name } = parts;
  return `^${glob(namespace)}${kind === undefined ? "(:[^:/]+)?" : `:${glob(kind)}`}/${glob(name)}$`;
}

function glob(pattern: string): string {
  return pattern.replaceAll(/[^a-z0-9*-]/g, String.raw`\$&`).replaceAll("*", "[^:/]*");
}

function anyOf(conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> {
  return conditions.length === 0 ? sql`false` : sql`(${sql.join(conditions, sql` or `)})`;
}

function allOf(conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> {
  return sql`(${sql.join(conditions, sql` and `)})`;
}
