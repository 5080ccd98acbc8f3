import type { EnvironmentSettings, Settings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { laneKey } from "#common/domain/git-url.ts";

/**
 * The environments a process acts in: all of them, or those that `SLIPWAY_ENVIRONMENTS` names, by comma.
 * Those that share a branch of a config repository have one lane and are bound together, since a worker
 * that holds a lane carries out whatever waits there.
 */
export function boundEnvironments(
  settings: Pick<Settings, "environments">,
  names: string | undefined,
): readonly EnvironmentSettings[] {
  if (names === undefined) return settings.environments;
  const wanted = new Set(names.split(",").map((name) => name.trim()));
  wanted.delete("");
  const bound = settings.environments.filter(({ name }) => wanted.has(name));
  const faults = [...unknownFaults(settings, wanted), ...splitFaults(settings, bound)];
  if (wanted.size === 0) faults.push("SLIPWAY_ENVIRONMENTS names no environment");
  if (faults.length === 0) return bound;
  throw new SlipwayError("SETTINGS_INVALID", { detail: faults.join("\n"), facts: { faults } });
}

function unknownFaults(
  { environments }: Pick<Settings, "environments">,
  wanted: ReadonlySet<string>,
): string[] {
  const known = new Set(environments.map(({ name }) => name));
  return [...wanted]
    .filter((name) => !known.has(name))
    .map((name) => `SLIPWAY_ENVIRONMENTS names "${name}", which the settings do not have`);
}

function splitFaults(
  { environments }: Pick<Settings, "environments">,
  bound: readonly EnvironmentSettings[],
): string[] {
  const laneOf = ({ git }: EnvironmentSettings): string => laneKey(git.url, git.branch);
  const lanes = new Map(bound.map((environment) => [laneOf(environment), environment.name]));
  return environments
    .filter((environment) => !bound.includes(environment) && lanes.has(laneOf(environment)))
    .map(
      (environment) =>
        `SLIPWAY_ENVIRONMENTS must name "${environment.name}" beside "${lanes.get(laneOf(environment))}": both write to one branch`,
    );
}
