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
      paces: pacesOf(found.filter((state) => state !== undefined)),
    };
  });
}

function pacesOf(states: readonly RepositoryState[]): RegistryCheck["paces"] {
  const byReason = Map.groupBy(states, ({ intervalReason }) => intervalReason);
  const paces = [...byReason].flatMap(([reason, some]) => {
    const longestMs = Math.max(...some.map(({ intervalMs }) => intervalMs ?? 0));
    return reason === null ? [] : { reason, repositories: some.length, longestSeconds: longestMs / 1000 };
  });
  return paces.toSorted((a, b) => a.longestSeconds - b.longestSeconds);
}
