import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { namedNamespaces } from "#common/domain/namespace-rules.ts";
import type { Right } from "#proto/slipway/release/v1/release.ts";

/** An act the cluster has to allow, before it was asked. */
export type NeededRight = Omit<Right, "allowed" | "reason">;

/** Namespaces asked about one by one; the rest of a longer list is as good as these. */
const mostNamespaces = 20;

/** Every right that watcher and worker need in the environment's mode, and those that only tell more. */
export function neededRights(environment: EnvironmentSettings): readonly NeededRight[] {
  const namespaces = namedNamespaces(environment.namespaces)?.slice(0, mostNamespaces) ?? [""];
  const rules = [...watching(environment), ...explaining, ...releasing(environment)];
  return rules.flatMap(({ verbs, group, resources, neededFor, required }) =>
    namespaces.flatMap((namespace) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({ verb, group, resource, namespace, neededFor, required })),
      ),
    ),
  );
}

interface Rule {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
  readonly neededFor: string;
  readonly required: boolean;
}

/** In the cluster the watcher has an account of its own: its view tells what it may see. */
function watching({ cluster }: EnvironmentSettings): readonly Rule[] {
  if (cluster.inCluster) return [];
  const base = { verbs: ["list", "watch"], neededFor: "watching", required: true };
  return [
    { ...base, group: "apps", resources: ["deployments", "statefulsets", "daemonsets", "replicasets"] },
    { ...base, group: "batch", resources: ["jobs", "cronjobs"] },
    { ...base, group: "", resources: ["pods", "replicationcontrollers"] },
  ];
}

const explaining: readonly Rule[] = [
  { verbs: ["get"], group: "", resources: ["pods/log"], neededFor: "explaining", required: false },
  { verbs: ["list"], group: "", resources: ["events"], neededFor: "explaining", required: false },
];

/** Who only watches, or leaves applying to another, writes nothing. */
function releasing({ mode, sync }: EnvironmentSettings): readonly Rule[] {
  if (mode !== "apply") return [];
  const base = { neededFor: "releasing", required: true, verbs: ["get", "patch"] };
  // A sync makes what is missing; a release never does.
  const making = { neededFor: "syncing", required: sync === "on-change", verbs: ["create"] };
  const kinds = [
    { group: "apps", resources: ["deployments", "statefulsets", "daemonsets"] },
    { group: "batch", resources: ["cronjobs"] },
  ];
  return kinds.flatMap((kind) => [
    { ...base, ...kind },
    { ...making, ...kind },
  ]);
}
