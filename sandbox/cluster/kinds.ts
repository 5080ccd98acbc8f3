/** What the API server knows of one kind, apart from its fields. */
export interface ResourceKind {
  readonly group: string;
  readonly version: string;
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  /** The plural in the URL. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Whether it has a `/status` subresource. */
  readonly hasStatus: boolean;
  /** Whether a change of `spec` raises `metadata.generation`. */
  readonly hasGeneration: boolean;
}

/** The name used in error texts: `deployments.apps`, `pods`. */
export function qualifiedResource(kind: ResourceKind): string {
  return kind.group === "" ? kind.resource : `${kind.resource}.${kind.group}`;
}

/** The name used in validation texts: `Deployment.apps`, `Pod`. */
export function qualifiedKind(kind: ResourceKind): string {
  return kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
}

// One row a kind: group/version, kind, plural, short names, and letters:
// c cluster-wide, s has /status, g has a generation, a in the category "all".
const rows: readonly (readonly [string, string, string, string, string])[] = [
  ["v1", "Namespace", "namespaces", "ns", "cs"],
  ["v1", "Node", "nodes", "no", "cs"],
  ["v1", "Pod", "pods", "po", "sa"],
  ["v1", "ReplicationController", "replicationcontrollers", "rc", "sga"],
  ["v1", "Service", "services", "svc", "sa"],
  ["v1", "ConfigMap", "configmaps", "cm", ""],
  ["v1", "Secret", "secrets", "", ""],
  ["v1", "Event", "events", "ev", ""],
  ["v1", "ServiceAccount", "serviceaccounts", "sa", ""],
  ["v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "s"],
  ["apps/v1", "Deployment", "deployments", "deploy", "sga"],
  ["apps/v1", "StatefulSet", "statefulsets", "sts", "sga"],
  ["apps/v1", "DaemonSet", "daemonsets", "ds", "sga"],
  ["apps/v1", "ReplicaSet", "replicasets", "rs", "sga"],
  ["apps/v1", "ControllerRevision", "controllerrevisions", "", ""],
  ["batch/v1", "Job", "jobs", "", "sga"],
  ["batch/v1", "CronJob", "cronjobs", "cj", "sga"],
  ["autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "sa"],
  ["networking.k8s.io/v1", "Ingress", "ingresses", "ing", "sg"],
  ["networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", "g"],
  ["policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", "sg"],
];

/** Every kind the sandbox serves. */
export const resourceKinds: readonly ResourceKind[] = rows.map(
  ([apiVersion, kind, resource, short, letters]) => {
    const slash = apiVersion.indexOf("/");
    return {
      group: slash < 0 ? "" : apiVersion.slice(0, slash),
      version: apiVersion.slice(slash + 1),
      apiVersion,
      resource,
      singular: kind.toLowerCase(),
      kind,
      namespaced: !letters.includes("c"),
      shortNames: short === "" ? [] : [short],
      categories: letters.includes("a") ? ["all"] : [],
      hasStatus: letters.includes("s"),
      hasGeneration: letters.includes("g"),
    };
  },
);

/** The kind served under `apiVersion` with this plural. */
export function findResource(apiVersion: string, resource: string): ResourceKind | undefined {
  return resourceKinds.find((kind) => kind.apiVersion === apiVersion && kind.resource === resource);
}

/** The kind with this `apiVersion` and `kind`. */
export function findKind(apiVersion: string, kind: string): ResourceKind | undefined {
  return resourceKinds.find((known) => known.apiVersion === apiVersion && known.kind === kind);
}

/** The kind by its name alone; names are unique here. */
export function kindNamed(name: string): ResourceKind {
  const found = resourceKinds.find((kind) => kind.kind === name);
  if (found === undefined) throw new Error(`the sandbox has no kind ${name}`);
  return found;
}
