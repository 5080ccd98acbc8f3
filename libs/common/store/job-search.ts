import { sql } from "kysely";
import type { ExpressionBuilder, Expression, SqlBool } from "kysely";

import type { JobKind, JobPhase } from "../domain/job.ts";
import type { Database } from "./schema.ts";

/** What jobs are searched by; all that is given must hold. */
export interface JobSearch {
  readonly environment?: string | undefined;
  /** `namespace:kind/name`, or `namespace/name` for any kind. */
  readonly workload?: string | undefined;
  /** An image ref, or an image repository for all of its tags. */
  readonly image?: string | undefined;
  /** `key=value` */
  readonly labels?: readonly string[] | undefined;
  /** The commit in the config repository, or its beginning. */
  readonly commit?: string | undefined;
  /** The commit of the source, or its beginning. */
  readonly source?: string | undefined;
  readonly requestedBy?: string | undefined;
  readonly outcome?: string | undefined;
  readonly phase?: JobPhase | undefined;
  readonly kind?: JobKind | undefined;
  readonly since?: Date | undefined;
  /** Not included. */
  readonly until?: Date | undefined;
}

type Jobs = ExpressionBuilder<Database, "jobs">;

/** The search as conditions that indexes answer. */
export function jobConditions(eb: Jobs, search: JobSearch): Expression<SqlBool>[] {
  const { environment, requestedBy, outcome, phase, kind, workload, image, commit, source } = search;
  return [
    environment === undefined ? [] : eb("environment", "=", environment),
    requestedBy === undefined ? [] : eb("requested_by", "=", requestedBy),
    outcome === undefined ? [] : eb("outcome", "=", outcome),
    phase === undefined ? [] : eb("phase", "=", phase),
    kind === undefined ? [] : eb("kind", "=", kind),
    workload === undefined ? [] : hasSome(workloadTerms(workload)),
    image === undefined ? [] : hasSome([`i:${image}`]),
    (search.labels ?? []).map((label) => hasSome([`l:${label}`])),
    commit === undefined ? [] : eb("commit_sha", "like", `${commit}%`),
    source === undefined ? [] : eb("source_sha", "like", `${source}%`),
    search.since === undefined ? [] : since(search.since),
    search.until === undefined ? [] : until(search.until),
  ].flat();
}

/** Before planning a job knows only what it was asked for, which may be without a kind. */
function workloadTerms(workload: string): readonly string[] {
  if (!workload.includes(":")) return [`w:${workload}`];
  return [`w:${workload}`, `a:${workload.replace(/:[^/]*\//, "/")}`];
}

function hasSome(terms: readonly string[]) {
  return sql<boolean>`job_terms(spec, results, labels) && ${[...terms]}::text[]`;
}

const beyondAll = String(2n ** 62n);

// Times rise with the order of acceptance but for jobs accepted in the same moment: a minute is far
// more than that, and lets the list begin where the time does instead of at its newest job.
function since(at: Date) {
  return sql<boolean>`(created_at >= ${at} and accepted >= coalesce((
    select edge.accepted from jobs as edge where edge.created_at >= ${at}::timestamptz - interval '1 minute'
    order by edge.created_at limit 1), ${beyondAll}::bigint))`;
}

function until(at: Date) {
  return sql<boolean>`(created_at < ${at} and accepted <= coalesce((
    select edge.accepted from jobs as edge where edge.created_at >= ${at}::timestamptz + interval '1 minute'
    order by edge.created_at limit 1), ${beyondAll}::bigint))`;
}
