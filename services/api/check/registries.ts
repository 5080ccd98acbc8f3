import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { RepositoryState } from "#common/store/image-facts.ts";

type RegistryCheck = EnvironmentCheck["registries"][number];

/** How scanning goes, by registry host: a credential is good for a host, or it is not. */
export function checkRegistries(
  keys: readonly string[],
  known: ReadonlyMap<string, RepositoryState>,
): readonly RegistryCheck[] {
  const byHost = Map.groupBy(keys.toSorted(), (key) => key.slice(0, key.indexOf("/")));
  return [...byHost].map(([host, ofHost]) => {
    const found = ofHost.map((key) => known.get(key));
    const failing = found.filter((state) => state !== undefined && state.problem !== null);
    return {
      host,
      repositories: ofHost.length,
      failing: failing.length,
      waiting: found.filter(
        (state) => state === undefined || (state.scannedAt === null && state.problem === null),
      ).length,
      problem: failing[0]?.problem ?? null,
    };
  });
}
