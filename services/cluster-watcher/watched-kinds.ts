import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { parseDotPath } from "#common/domain/manifest-options.ts";
import { readManifest } from "#common/domain/manifest.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import type { Container, Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { fitWorkload } from "./fit-workload.ts";
import { projectWorkload } from "./project-workload.ts";

/** A kind of object that is told as a workload, as long as nothing that is told controls it. */
export interface WatchedKind {
  /** Lower case, as in an id. */
  readonly kind: string;
  /** As spelled. */
  readonly apiKind: string;
  /** "" is the core group. */
  readonly group: string;
  /** What is kept of an object; undefined for one that another workload controls. */
  project(object: KubeObject): Workload | undefined;
}

const builtInKinds = [
  ["apps", "Deployment"],
  ["apps", "StatefulSet"],
  ["apps", "DaemonSet"],
  ["apps", "ReplicaSet"],
  ["batch", "Job"],
  ["batch", "CronJob"],
  ["", "ReplicationController"],
  ["", "Pod"],
] as const;

/** Of two groups the first is told where both have an object of one name: who moves to v2 keeps v1 a while. */
const helmGroups = ["helm.toolkit.fluxcd.io", "helm.fluxcd.io"] as const;

/** The kinds an environment watches: the built-in ones, Flux's HelmReleases, and those of its settings. */
export function watchedKinds({ manifests, defaultNamespace }: EnvironmentSettings): readonly WatchedKind[] {
  const options = { defaultNamespace, customKinds: (manifests?.customKinds ?? []).map(customKind) };
  const declared = (object: KubeObject): Container[] => declaredContainers(object, options);
  const ofChart = (object: KubeObject): Container[] => declared(withImagesAlone(object));
  const rows: Row[] = [
    ...builtInKinds.map(([group, apiKind]) => ({ group, apiKind })),
    ...helmGroups.map((group) => ({ group, apiKind: "HelmRelease", containers: ofChart })),
    ...options.customKinds.map(({ group, kind, podSpec, images }) => ({
      group,
      apiKind: kind,
      containers:
        podSpec === undefined || images !== undefined
          ? declared
          : (object: KubeObject) => podContainers(object, podSpec),
    })),
  ];
  const known = new Map<string, Row>();
  for (const row of rows) if (!known.has(keyOf(row))) known.set(keyOf(row), row);
  return [...known.values()].map((row) => watchedKind(row, known));
}

function keyOf({ group, apiKind }: Pick<Row, "group" | "apiKind">): string {
  return `${group}/${apiKind}`;
}

interface Row {
  readonly group: string;
  readonly apiKind: string;
  /** Where they do not stand in a pod spec known by the kind. */
  readonly containers?: (object: KubeObject) => Container[];
}

function watchedKind({ group, apiKind, containers }: Row, known: ReadonlyMap<string, unknown>): WatchedKind {
  const kind = apiKind.toLowerCase();
  return {
    kind,
    apiKind,
    group,
    project: (object) => {
      if (isControlled(object, known)) return undefined;
      const workload = projectWorkload(kind, object);
      return fitWorkload(
        containers === undefined ? workload : { ...workload, containers: containers(object) },
      );
    },
  };
}

interface OwnerReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly controller?: boolean;
}

/** Whether a workload of a known kind made it: it is a part of that one then. */
function isControlled({ metadata }: KubeObject, known: ReadonlyMap<string, unknown>): boolean {
  const owners = (metadata["ownerReferences"] ?? []) as readonly OwnerReference[];
  const owner = owners.find((candidate) => candidate.controller === true);
  if (owner === undefined) return false;
  const { apiVersion = "", kind = "" } = owner;
  const slash = apiVersion.indexOf("/");
  return known.has(keyOf({ group: slash === -1 ? "" : apiVersion.slice(0, slash), apiKind: kind }));
}

type CustomSettings = NonNullable<NonNullable<EnvironmentSettings["manifests"]>["customKinds"]>[number];

function customKind({ group, kind, podSpec, images }: CustomSettings) {
  return {
    group,
    kind,
    podSpec: podSpec === undefined ? undefined : parseDotPath(podSpec),
    images: images?.map((paths) => ({
      container: paths.container,
      image: pathOf(paths.image),
      registry: pathOf(paths.registry),
      repository: pathOf(paths.repository),
      tag: pathOf(paths.tag),
      digest: pathOf(paths.digest),
    })),
  };
}

function pathOf(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : parseDotPath(text);
}

interface PodSpec {
  readonly containers?: readonly { readonly name?: string; readonly image?: string }[];
  readonly initContainers?: PodSpec["containers"];
}

function podContainers(object: KubeObject, path: readonly string[]): Container[] {
  let value: unknown = object;
  for (const key of path) value = (value as Record<string, unknown> | null | undefined)?.[key];
  const { containers = [], initContainers = [] } = (value ?? {}) as PodSpec;
  const told = (init: boolean) => (one: NonNullable<PodSpec["containers"]>[number]) => ({
    name: one.name ?? "",
    image: one.image ?? "",
    init,
  });
  return [...containers.map(told(false)), ...initContainers.map(told(true))];
}

/**
 * A HelmRelease with those of its values that may be images: reading all of a large chart's takes
 * milliseconds, at each change of its status. With paths in annotations they may be anywhere.
 */
function withImagesAlone(object: KubeObject): KubeObject {
  const annotations = Object.keys(object.metadata.annotations ?? {});
  if (annotations.some((key) => /^(?:image|registry|repository|tag|digest)\./.test(key))) return object;
  const { values } = (object["spec"] ?? {}) as { values?: Readonly<Record<string, unknown>> | null };
  const kept = Object.entries(values ?? {}).filter(([key, value]) => key === "image" || mayHoldImage(value));
  return { ...object, spec: { values: Object.fromEntries(kept) } };
}

function mayHoldImage(value: unknown): boolean {
  return typeof value !== "object" || (value !== null && "image" in value);
}

/** Read as if it stood in git, so that what runs and what is declared have the same containers. */
function declaredContainers(object: KubeObject, options: Parameters<typeof readManifest>[1]): Container[] {
  const { apiVersion, kind, metadata, status: _, ...rest } = object;
  const { name, namespace, annotations } = metadata;
  const text = JSON.stringify({ apiVersion, kind, metadata: { name, namespace, annotations }, ...rest });
  const [workload] = readManifest(text, options).workloads;
  return (workload?.containers ?? []).map((one) => ({ name: one.name, image: one.image, init: one.init }));
}
