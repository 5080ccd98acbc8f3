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
  const rules = [...seeing(environment), ...releasing(environment), ...nudging(environment)];
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
function seeing({ cluster }: EnvironmentSettings): readonly Rule[] {
  if (cluster.inCluster) return [];
  const watch = { verbs: ["list", "watch"], neededFor: "watching", required: true };
  const explain = { neededFor: "explaining", required: false };
  return [
    { ...watch, group: "apps", resources: ["deployments", "statefulsets", "daemonsets", "replicasets"] },
    { ...watch, group: "batch", resources: ["jobs", "cronjobs"] },
    { ...watch, group: "", resources: ["pods", "replicationcontrollers"] },
    { ...explain, verbs: ["get"], group: "", resources: ["pods/log"] },
    { ...explain, verbs: ["list"], group: "", resources: ["events"] },
  ];
}

/** Who only watches, or leaves applying to another, writes nothing. */
function releasing({ mode, sync }: EnvironmentSettings): readonly Rule[] {
  if (mode === "observe") return [];
  const kinds = [
    { group: "apps", resources: ["deployments", "statefulsets", "daemonsets"] },
    { group: "batch", resources: ["cronjobs"] },
  ];
  const base = { neededFor: "releasing", required: true };
  // What an owner applied is read once it did, as an apply of ours records its answer.
  if (mode === "hand-off") return kinds.map((kind) => ({ ...base, ...kind, verbs: ["get"] }));
  // A sync makes what is missing, and keeps the replicas that an autoscaler sets; a release does neither.
  const making = { neededFor: "syncing", required: sync === "on-change", verbs: ["create"] };
  const sizing = { neededFor: "syncing", required: false, verbs: ["list"] };
  return [
    ...kinds.flatMap((kind) => [
      { ...base, ...kind, verbs: ["get", "patch"] },
      { ...making, ...kind },
    ]),
    { ...sizing, group: "autoscaling", resources: ["horizontalpodautoscalers"] },
  ];
}

/** Owners that cannot be asked come to git at their own pace. */
function nudging({ mode, nudgeOwners }: EnvironmentSettings): readonly Rule[] {
  if (mode === "observe" || nudgeOwners !== true) return [];
  const base = { verbs: ["get", "patch"], neededFor: "nudging", required: false };
  return [
    { ...base, group: "kustomize.toolkit.fluxcd.io", resources: ["kustomizations"] },
    { ...base, group: "helm.toolkit.fluxcd.io", resources: ["helmreleases"] },
    { ...base, group: "source.toolkit.fluxcd.io", resources: ["gitrepositories"] },
    { ...base, group: "argoproj.io", resources: ["applications"] },
  ];
}
