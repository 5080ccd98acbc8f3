import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { Workload } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";

type RegistryCheck = EnvironmentCheck["registries"][number];

/** What a person does now, in one line. */
export function nextStep(facts: {
  readonly environment: Pick<EnvironmentSettings, "name" | "mode">;
  readonly ok: boolean;
  readonly workloads: readonly Workload[];
  readonly registries: readonly Pick<RegistryCheck, "repositories" | "failing">[];
}): string {
  const { environment, ok, registries } = facts;
  const again = `check again: slipway environment check ${environment.name}`;
  if (!ok) return `mend what failed, then ${again}`;
  const failing = registries.reduce((sum, registry) => sum + registry.failing, 0);
  if (failing === 0) return releaseStep(facts);
  const all = registries.reduce((sum, registry) => sum + registry.repositories, 0);
  // Much of the rest works: exact images of other repositories, rollbacks, and everything about git.
  return `${failing} of ${all} image repositories cannot be read, so no new image of theirs is found: mend that (docs/registries.md), then ${again}. Else ${releaseStep(facts)}`;
}

function releaseStep({
  environment,
  workloads,
}: {
  readonly environment: Pick<EnvironmentSettings, "name" | "mode">;
  readonly workloads: readonly Workload[];
}): string {
  const { name, mode } = environment;
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
