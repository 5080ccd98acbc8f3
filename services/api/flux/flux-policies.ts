import type { PolicyAsked } from "../releases/submit-policy.ts";

import { messageOf } from "./flux-release.ts";
import type { FluxCause, FluxPolicies } from "./flux-update.ts";

/**
 * The change of policies that fluxctl means; undefined when it names none. Values that are to be removed
 * mean nothing, and a filter for every container may automate without one, as fluxctl's always did.
 */
export function toPolicyAsked(
  spec: FluxPolicies,
  { cause, environment }: { cause: FluxCause; environment: string },
): PolicyAsked | undefined {
  const changes = Object.entries(spec).flatMap(([workload, { add, remove }]) => {
    const removed = Object.keys(remove ?? {}).map((key) => [key, null] as const);
    const set = Object.fromEntries([...removed, ...Object.entries(add ?? {})]);
    return Object.keys(set).length === 0 ? [] : [{ workload, set }];
  });
  if (changes.length === 0) return undefined;
  return { environment, changes, unfiltered: true, ...messageOf(cause) };
}
