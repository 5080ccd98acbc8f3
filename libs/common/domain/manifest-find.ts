import { SlipwayError } from "./errors.ts";
import {
  entriesOf,
  itemsOf,
  offsetOf,
  placeAt,
  readTree,
  rootPlace,
  slotOf,
  textAt,
  type Place,
  type Slot,
  type Tree,
} from "./manifest-tree.ts";
import type { YamlDocument } from "./manifest-yaml.ts";
import { isNamespaceName, isObjectName, kindLayout, type KindLayout, type WorkloadId } from "./workload.ts";

/** One image slot in the tree of its document. */
export interface FoundContainer {
  readonly name: string;
  readonly init: boolean;
  readonly image: Slot;
}

/** One workload in the tree of its document. */
export interface FoundWorkload {
  readonly id: WorkloadId;
  readonly apiVersion: string;
  /** As spelled. */
  readonly kind: string;
  readonly layout: KindLayout;
  readonly document: YamlDocument;
  readonly tree: Tree;
  readonly root: Place;
  readonly containers: readonly FoundContainer[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly encrypted: boolean;
  readonly namespaceDeclared: boolean;
}

/** What is wrong at an offset inside the document. */
export interface FoundFault {
  readonly offset: number;
  readonly message: string;
}

export interface Findings {
  readonly workloads: readonly FoundWorkload[];
  readonly faults: readonly FoundFault[];
}

/** The workloads of one document, those inside lists included; anything else is passed over. */
export function findWorkloads(document: YamlDocument, defaultNamespace: string): Findings {
  if (!document.parsed.ok) return { workloads: [], faults: [document.parsed] };
  try {
    return findIn(document, readTree(document.parsed.doc), defaultNamespace);
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { workloads: [], faults: [{ offset: 0, message: error.message }] };
  }
}

function findIn(document: YamlDocument, tree: Tree, defaultNamespace: string): Findings {
  const root = rootPlace(tree);
  if (root === undefined) return { workloads: [], faults: [] };
  const encrypted = placeAt(tree, root, ["sops"]) !== undefined;
  const seen = objectsIn(tree, root, {}).map((object) =>
    readObject(object, { document, tree, encrypted, defaultNamespace }),
  );
  const workloads = seen.flatMap((one) => one.workload ?? []);
  const faults = seen.flatMap((one) => one.fault ?? []);
  if (tree.duplicate === undefined || workloads.length + faults.length === 0) return { workloads, faults };
  const { key, offset } = tree.duplicate;
  return { workloads: [], faults: [{ offset, message: `the key "${key}" stands twice in one map` }] };
}

interface FoundObject {
  readonly place: Place;
  readonly kind: string;
  readonly apiVersion: string | undefined;
}

const deepestList = 4;
const workloadKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Job",
  "ReplicaSet",
  "Pod",
  "ReplicationController",
]);

/** The object itself, or the items of a `List` or of a typed list, whose items may lack their kind. */
function objectsIn(
  tree: Tree,
  place: Place,
  o: { readonly kind?: string; readonly apiVersion?: string | undefined; readonly level?: number },
): readonly FoundObject[] {
  const kind = textAt(tree, place, ["kind"]) ?? o.kind;
  const apiVersion = textAt(tree, place, ["apiVersion"]) ?? o.apiVersion;
  const level = o.level ?? 0;
  if (kind === undefined) return [];
  if (workloadKinds.has(kind)) return [{ place, kind, apiVersion }];
  const itemKind = kind.endsWith("List") ? kind.slice(0, -"List".length) : undefined;
  if (itemKind === undefined || level >= deepestList) return [];
  if (itemKind !== "" && !workloadKinds.has(itemKind)) return [];
  const inherited = itemKind === "" ? {} : { kind: itemKind, apiVersion };
  return itemsOf(tree, placeAt(tree, place, ["items"])).flatMap((item) =>
    objectsIn(tree, item, { ...inherited, level: level + 1 }),
  );
}

interface ReadContext {
  readonly document: YamlDocument;
  readonly tree: Tree;
  readonly encrypted: boolean;
  readonly defaultNamespace: string;
}

interface ReadObject {
  readonly workload?: FoundWorkload;
  readonly fault?: FoundFault;
}

function readObject(object: FoundObject, context: ReadContext): ReadObject {
  const { tree, encrypted, document } = context;
  const { place: root, kind, apiVersion } = object;
  const layout = kindLayout(kind);
  if (layout === undefined || !isOfGroup(layout, apiVersion)) return {};
  const containers = containersOf(tree, root, layout);
  // A patch names a workload without its images; a chart's template or generated name has no identity.
  if (containers.length === 0 || textAt(tree, root, ["metadata", "generateName"]) !== undefined) return {};
  const offset = offsetOf(root.node);
  if (apiVersion === undefined) return { fault: { offset, message: `a ${kind} without apiVersion` } };
  const identity = readIdentity(tree, root, context.defaultNamespace);
  if (typeof identity === "string") return { fault: { offset, message: `a ${kind} ${identity}` } };
  const { name, namespace, namespaceDeclared } = identity;
  return {
    workload: {
      id: { namespace, kind: layout.kind, name },
      apiVersion,
      kind,
      layout,
      document,
      tree,
      root,
      containers,
      annotations: textEntries(tree, root, ["metadata", "annotations"]),
      encrypted,
      namespaceDeclared,
    },
  };
}

/** A custom resource may carry the name of a built-in kind: `batch.volcano.sh` has a Job, too. */
function isOfGroup(layout: KindLayout, apiVersion: string | undefined): boolean {
  if (apiVersion === undefined) return true;
  const slash = apiVersion.indexOf("/");
  return layout.groups.includes(slash === -1 ? "" : apiVersion.slice(0, slash));
}

interface Identity {
  readonly name: string;
  readonly namespace: string;
  readonly namespaceDeclared: boolean;
}

function readIdentity(tree: Tree, root: Place, defaultNamespace: string): Identity | string {
  const name = textAt(tree, root, ["metadata", "name"]);
  if (name === undefined) return "without a name";
  if (!isObjectName(name)) return `whose name is not one Kubernetes accepts: "${name.slice(0, 100)}"`;
  const declared = slotOf(placeAt(tree, root, ["metadata", "namespace"]));
  if (declared === undefined || declared.text === "") {
    return { name, namespace: defaultNamespace, namespaceDeclared: false };
  }
  if (!declared.isText || !isNamespaceName(declared.text)) {
    return `whose namespace is not one Kubernetes accepts: "${declared.text.slice(0, 100)}"`;
  }
  return { name, namespace: declared.text, namespaceDeclared: true };
}

function containersOf(tree: Tree, root: Place, layout: KindLayout): readonly FoundContainer[] {
  const podSpec = placeAt(tree, root, layout.podSpec);
  if (podSpec === undefined) return [];
  return containerLists.flatMap((list) =>
    itemsOf(tree, placeAt(tree, podSpec, [list])).flatMap((item) => {
      const name = textAt(tree, item, ["name"]);
      const image = slotOf(placeAt(tree, item, ["image"]));
      if (name === undefined || image === undefined || image.text === "") return [];
      return [{ name, init: list === "initContainers", image: refuseNonText(image) }];
    }),
  );
}

const containerLists = ["containers", "initContainers", "ephemeralContainers"];

function refuseNonText(image: Slot): Slot {
  return image.isText || image.refusal !== undefined ? image : { ...image, refusal: "not-text" };
}

/** The entries of a map whose values are text; Kubernetes refuses any other annotation. */
function textEntries(tree: Tree, root: Place, path: readonly string[]): Readonly<Record<string, string>> {
  const place = placeAt(tree, root, path);
  if (place === undefined) return {};
  const entries = new Map<string, string>();
  for (const { key, place: value } of entriesOf(tree, place)) {
    const slot = slotOf(value);
    if (slot?.isText === true && !entries.has(key)) entries.set(key, slot.text);
  }
  return Object.fromEntries(entries);
}
