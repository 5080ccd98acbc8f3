import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";

export interface RivalDeps {
  readonly environments: readonly EnvironmentSettings[];
  /** Which of these workloads an environment declares. */
  readonly declared: (environment: string, workloads: readonly string[]) => Promise<ReadonlySet<string>>;
  /** What runs of these workloads there, by id: the object's uid. What is not known is left out. */
  readonly uids: (environment: string, ids: readonly WorkloadId[]) => Promise<ReadonlyMap<string, string>>;
}

/**
 * CORRECTNESS 15: workloads that another environment declares as well for the very same object, by id,
 * with the names of both ("default and other"). That two clusters are one is seen by the object: no other one has its uid,
 * whatever the kubeconfigs say. Where only the owners apply, nothing of ours can undo the other's.
 */
export async function findRivals(
  deps: RivalDeps,
  { environment, ids }: { environment: EnvironmentSettings; ids: readonly WorkloadId[] },
): Promise<ReadonlyMap<string, string>> {
  if (environment.mode === "observe" || ids.length === 0) return new Map();
  const others = deps.environments.filter(
    ({ name, mode }) =>
      name !== environment.name &&
      (mode === "apply" || (mode === "hand-off" && environment.mode === "apply")),
  );
  const found = await Promise.all(others.map((other) => sharedWith(deps, { environment, other, ids })));
  return new Map(
    others.flatMap(({ name }, index) =>
      (found[index] ?? []).map((id) => [id, `${environment.name} and ${name}`] as const),
    ),
  );
}

async function sharedWith(
  deps: RivalDeps,
  o: { environment: EnvironmentSettings; other: EnvironmentSettings; ids: readonly WorkloadId[] },
): Promise<readonly string[]> {
  const both = await deps.declared(o.other.name, o.ids.map(formatWorkloadId));
  const asked = o.ids.filter((id) => both.has(formatWorkloadId(id)));
  if (asked.length === 0) return [];
  const [here, there] = await Promise.all([
    deps.uids(o.environment.name, asked),
    deps.uids(o.other.name, asked),
  ]);
  return [...here].flatMap(([id, uid]) => (there.get(id) === uid ? [id] : []));
}
