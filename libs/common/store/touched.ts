import type { TouchedNamespaces } from "../domain/windows.ts";
import type { JobRow } from "./schema.ts";

/**
 * The namespaces that a job is about: of what its plan changes, else of what its request names. `all`
 * where nobody can say before it has run.
 */
export function touchedBy({ spec, results }: Pick<JobRow, "spec" | "results">): TouchedNamespaces {
  const changed = results.filter(({ result }) => result === "change" || result === "changed");
  if (changed.length > 0) return namespacesOf(changed.map(({ workload }) => workload));
  if (spec.kind === "sync" && spec.namespace !== null) return [spec.namespace];
  const named = "workloads" in spec ? spec.workloads : [];
  return named.length === 0 ? "all" : namespacesOf(named);
}

/** Of `namespace:kind/name` and `namespace/name`; a sync names objects that are no workloads, too. */
function namespacesOf(ids: readonly string[]): readonly string[] {
  return [...new Set(ids.map((id) => id.split(/[:/]/, 1)[0] ?? ""))];
}
