import type { Environment } from "#common/contracts/http.ts";

import { shortCommit } from "./names.ts";
import type { ShownStyle } from "../session.ts";
import { tableLines } from "./table.ts";
import { durationText } from "./time.ts";

/** One row per environment; wide adds how fresh its facts are. */
export function environmentLines(
  environments: readonly Environment[],
  style: Omit<ShownStyle, "columns"> & Partial<ShownStyle>,
): readonly string[] {
  const heading = ["ENVIRONMENT", "MODE", "REPOSITORY", "BRANCH", "PATHS"];
  const rows = environments.map((environment) => {
    const { name, mode, git } = environment;
    const row = [name, mode, git.url, git.branch, git.paths.join(",")];
    return style.wide ? [...row, ...freshness(environment)] : row;
  });
  const full = style.wide ? [...heading, "TIP", "GIT", "CLUSTER"] : heading;
  return tableLines(style.headers ? [full, ...rows] : rows, style.columns);
}

function freshness({ age }: Environment): readonly string[] {
  const tip = age.gitCommit === null ? "" : shortCommit(age.gitCommit);
  return [tip, fresh(age.gitMs, age.gitProblem), fresh(age.clusterMs, age.clusterProblem)];
}

function fresh(ms: number | null, problem: string | null): string {
  const read = ms === null ? "never read" : `${durationText(ms)} ago`;
  return problem === null ? read : `${read}: ${problem}`;
}
