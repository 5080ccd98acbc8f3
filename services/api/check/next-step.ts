import type { Workload } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";

/** What a person does now, in one line. */
export function nextStep(facts: {
  readonly environment: Pick<EnvironmentSettings, "name" | "mode">;
  readonly ok: boolean;
  readonly workloads: readonly Workload[];
}): string {
  const { environment, ok, workloads } = facts;
  const { name, mode } = environment;
  if (!ok) return `mend what failed, then check again: slipway environment check ${name}`;
  if (mode !== "observe")
    return "nothing is missing: slipway workloads --behind shows what could be released";
  const owned = workloads.filter(({ owner }) => ["flux", "argo-cd", "helm"].includes(owner.kind)).length;
  const isHandOff = owned * 2 > workloads.length;
  const wanted = isHandOff ? "hand-off" : "apply";
  const why = isHandOff
    ? `${owned} of ${workloads.length} are applied by another tool`
    : "Slipway then applies what it commits";
  return `to release, set mode: ${wanted} for ${name} in the settings (${why}); dry runs work now`;
}
