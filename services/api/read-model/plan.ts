import type { ContainerResult, Plan } from "#common/contracts/http.ts";
import type { PlanResponse, ContainerResult as WireResult } from "#proto/slipway/release/v1/release.ts";

/** A worker's plan as clients see it. */
export function toPlan(environment: string, answer: PlanResponse): Plan {
  return {
    dryRun: true,
    environment,
    base: answer.base,
    headline: answer.headline,
    hash: answer.hash,
    results: answer.results.map(toResult),
    diffs: answer.diffs.map(({ path, unified, added, removed }) => ({ path, unified, added, removed })),
  };
}

function toResult(result: WireResult): ContainerResult {
  return {
    workload: result.workload,
    container: result.container,
    ...(result.policy !== "" && { policy: result.policy }),
    from: result.from,
    to: orNull(result.to),
    result: result.result === "change" ? "change" : "skip",
    reason: orNull(result.reason),
    detail: orNull(result.detail),
    file: orNull(result.file),
  };
}

/** The wire has no null: empty says the same. */
function orNull(text: string): string | null {
  return text === "" ? null : text;
}
