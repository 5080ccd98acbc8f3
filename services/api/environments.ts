import type { EnvironmentSettings, Settings } from "#common/contracts/settings.ts";
import { entersEnvironment } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";

/** The environment of that name; without a name the only one there is. */
export function resolveEnvironment(settings: Settings, name: string | undefined): EnvironmentSettings {
  const names = settings.environments.map((environment) => environment.name);
  if (name === undefined && names.length > 1) {
    throw new SlipwayError("ENVIRONMENT_AMBIGUOUS", {
      detail: `there are ${names.join(", ")}`,
      facts: { environments: names },
    });
  }
  const wanted = name ?? names[0];
  const found = settings.environments.find((environment) => environment.name === wanted);
  if (found !== undefined) return found;
  const others = names.length === 0 ? "there is none that you may see" : `there are ${names.join(", ")}`;
  throw new SlipwayError("ENVIRONMENT_NOT_FOUND", {
    detail: wanted === undefined ? others : `"${wanted}"; ${others}`,
    facts: { environments: names },
  });
}

/** As `resolveEnvironment`, of those that somebody sees anything of: nothing is told of the others. */
export function resolveSeen(settings: Settings, name: string | undefined, sees: Reach): EnvironmentSettings {
  return resolveEnvironment(seenSettings(settings, sees), name);
}

function seenSettings(settings: Settings, sees: Reach): Settings {
  const environments = settings.environments.filter(({ name }) => entersEnvironment(sees, name));
  return { ...settings, environments };
}

/** Refuses to write where only looking is allowed. */
export function refuseObserved(environment: EnvironmentSettings): void {
  if (environment.mode !== "observe") return;
  throw new SlipwayError("ENVIRONMENT_OBSERVED", {
    detail: environment.name,
    hint: `set mode: apply (or hand-off) for ${environment.name} in the settings; dry runs work now`,
  });
}

/** Refuses a namespace that the environment has nothing to do with. */
export function refuseUnseen(
  { name, namespaces }: Pick<EnvironmentSettings, "name" | "namespaces">,
  namespace: string,
): void {
  if (isNamespaceSeen(namespaces, namespace)) return;
  throw new SlipwayError("NAMESPACE_NOT_ALLOWED", {
    detail: `${namespace} is none of the namespaces of ${name}`,
    hint: `allow it under namespaces of ${name} in the settings, or name another environment`,
  });
}
