import type { ImagePaths, ManifestOptions } from "./manifest-options.ts";
import { kindLayout } from "./workload.ts";

/** Where an object keeps what matters to us, as paths of keys from its root. */
export interface ObjectShape {
  /** Lower case, as in an id. */
  readonly kind: string;
  readonly podSpec?: readonly string[] | undefined;
  /** The values of a chart. */
  readonly values?: readonly string[] | undefined;
  readonly images?: readonly ImagePaths[] | undefined;
  readonly labels: readonly (readonly string[])[];
  readonly selector?: readonly string[] | undefined;
}

/** What a values file is shown as, where others have the kind of their object. */
export const valuesKind = "HelmValues";

/** Whether objects of this kind, in some group, may hold images. */
export function wantsKind(kind: string, o: ManifestOptions): boolean {
  if (kind === helmRelease || o.customKinds?.some((custom) => custom.kind === kind) === true) return true;
  return spelledKinds.has(kind);
}

/**
 * The shape of a kind; undefined for one without images. A custom resource may carry the name of a
 * built-in kind (`batch.volcano.sh` has a Job, too): the group decides.
 */
export function shapeOf(
  kind: string,
  apiVersion: string | undefined,
  o: ManifestOptions,
): ObjectShape | undefined {
  const group = groupOf(apiVersion);
  const layout = spelledKinds.has(kind) ? kindLayout(kind) : undefined;
  if (layout !== undefined && (group === undefined || layout.groups.includes(group))) return layout;
  if (kind === helmRelease && (group === undefined || helmGroups.has(group))) {
    return { kind: kind.toLowerCase(), values: ["spec", "values"], labels: [] };
  }
  const custom = o.customKinds?.find((one) => one.kind === kind && one.group === group);
  if (custom !== undefined) {
    const { podSpec, images } = custom;
    const labels = podSpec?.at(-1) === "spec" ? [[...podSpec.slice(0, -1), "metadata", "labels"]] : [];
    const selector = ["spec", "selector"];
    return {
      kind: kind.toLowerCase(),
      podSpec,
      images,
      labels: [["metadata", "labels"], ...labels],
      selector,
    };
  }
  // Any other object may hold marked images; a kustomization's are entries of its own.
  if (group === undefined || kustomizeGroups.has(group) || layout !== undefined) return undefined;
  return { kind: kind.toLowerCase(), labels: [] };
}

const helmRelease = "HelmRelease";
const helmGroups: ReadonlySet<string> = new Set([
  "helm.fluxcd.io",
  "flux.weave.works",
  "helm.toolkit.fluxcd.io",
]);
const kustomizeGroups: ReadonlySet<string> = new Set(["kustomize.config.k8s.io"]);

const spelledKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Job",
  "ReplicaSet",
  "Pod",
  "ReplicationController",
]);

function groupOf(apiVersion: string | undefined): string | undefined {
  if (apiVersion === undefined) return undefined;
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? "" : apiVersion.slice(0, slash);
}
