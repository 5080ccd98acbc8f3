import type { ContainerResult } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import type { JobSpec } from "#common/store/schema.ts";

/** Containers whose reasons are told in full. */
const maxTold = 10;

/**
 * Why a release that changes nothing has failed: exact images were asked for, by name of the workloads,
 * and not one container is there. Whoever asks for "latest" or for all workloads asks for what is
 * possible; and one that is up to date has what was asked for.
 */
export function refusalOfRelease(
  spec: JobSpec,
  results: readonly ContainerResult[],
): SlipwayError | undefined {
  if (spec.kind === "policy") return refusalOfPolicy(results);
  if (spec.kind !== "release" || spec.all || !("exact" in spec.images)) return undefined;
  const refused = results.filter((result) => result.result === "skip" && result.reason !== "up-to-date");
  if (refused.length === 0 || refused.length < results.length) return undefined;
  const told = refused.slice(0, maxTold).map(reasonOf);
  const more = refused.length > maxTold ? [`and ${refused.length - maxTold} more`] : [];
  return new SlipwayError("RELEASE_REFUSED", { detail: [...told, ...more].join("; ") });
}

/** Whoever locks a workload must hear that it is not locked. */
function refusalOfPolicy(results: readonly ContainerResult[]): SlipwayError | undefined {
  const refused = results.filter((result) => result.reason !== "up-to-date");
  if (refused.length === 0) return undefined;
  const told = refused.slice(0, maxTold).map(reasonOf);
  const more = refused.length > maxTold ? [`and ${refused.length - maxTold} more`] : [];
  return new SlipwayError("POLICY_REFUSED", { detail: [...told, ...more].join("; ") });
}

/** `sock-shop/front-end front-end: locked (maintenance)` */
function reasonOf({ workload, container, reason, detail }: ContainerResult): string {
  const name = [shortName(workload), container].filter((part) => part !== "").join(" ");
  return `${name}: ${reason ?? "skipped"}${detail === null || detail === "" ? "" : ` (${detail})`}`;
}
