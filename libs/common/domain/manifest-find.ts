import { SlipwayError } from "./errors.ts";
import { annotatedPaths, valuesImages } from "./manifest-helm.ts";
import { markedImages, mentionsMarker } from "./manifest-markers.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { imageAt, stepTo, type FoundImage, type ImageParts } from "./manifest-parts.ts";
import { shapeOf, valuesKind, wantsKind, type ObjectShape } from "./manifest-shapes.ts";
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
import { isNamespaceName, isObjectName, type WorkloadId } from "./workload.ts";

/** One image in the tree of its document. */
export interface FoundContainer {
  readonly name: string;
  readonly init: boolean;
  /** The whole image. */
  readonly image: Slot;
  /** Where it is put together of several values. */
  readonly parts?: ImageParts | undefined;
  /** A marker points at it, and no container of a pod is known to run it. */
  readonly marked?: true;
}

/** One workload in the tree of its document. */
export interface FoundWorkload {
  readonly id: WorkloadId;
  readonly apiVersion: string;
  /** As spelled. */
  readonly kind: string;
  readonly shape: ObjectShape;
  readonly document: YamlDocument;
  readonly tree: Tree;
  readonly root: Place;
  readonly containers: readonly FoundContainer[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
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
export function findWorkloads(document: YamlDocument, o: ManifestOptions): Findings {
  if (!document.parsed.ok) return { workloads: [], faults: [document.parsed] };
  try {
    return findIn(document, readTree(document.parsed.doc), o);
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { workloads: [], faults: [{ offset: 0, message: error.message }] };
  }
}

function findIn(document: YamlDocument, tree: Tree, o: ManifestOptions): Findings {
  const root = rootPlace(tree);
  if (root === undefined) return { workloads: [], faults: [] };
  const encrypted = placeAt(tree, root, ["sops"]) !== undefined;
  const marked = mentionsMarker(document.source);
  const context: ReadContext = { document, tree, encrypted, marked, o };
  const seen = [
    ...objectsIn(context, root, {}).map((object) => readObject(object, context)),
    ...readValues(root, context),
  ];
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

/** The object itself, or the items of a `List` or of a typed list, whose items may lack their kind. */
function objectsIn(
  context: ReadContext,
  place: Place,
  from: { readonly kind?: string; readonly apiVersion?: string | undefined; readonly level?: number },
): readonly FoundObject[] {
  const { tree, marked, o } = context;
  const kind = textAt(tree, place, ["kind"]) ?? from.kind;
  const apiVersion = textAt(tree, place, ["apiVersion"]) ?? from.apiVersion;
  const level = from.level ?? 0;
  if (kind === undefined) return [];
  const itemKind = kind.endsWith("List") ? kind.slice(0, -"List".length) : undefined;
  if (itemKind === undefined) return marked || wantsKind(kind, o) ? [{ place, kind, apiVersion }] : [];
  if (level >= deepestList) return [];
  if (itemKind !== "" && !wantsKind(itemKind, o)) return [];
  const inherited = itemKind === "" ? {} : { kind: itemKind, apiVersion };
  return itemsOf(tree, placeAt(tree, place, ["items"])).flatMap((item) =>
    objectsIn(context, item, { ...inherited, level: level + 1 }),
  );
}

interface ReadContext {
  readonly document: YamlDocument;
  readonly tree: Tree;
  readonly encrypted: boolean;
  /** Whether the document mentions a marker of Flux v2. */
  readonly marked: boolean;
  readonly o: ManifestOptions;
}

interface ReadObject {
  readonly workload?: FoundWorkload;
  readonly fault?: FoundFault;
}

function readObject(object: FoundObject, context: ReadContext): ReadObject {
  const { tree, encrypted, document } = context;
  const { place: root, kind, apiVersion } = object;
  const shape = shapeOf(kind, apiVersion, context.o);
  if (shape === undefined) return {};
  const annotations = textEntries(tree, root, ["metadata", "annotations"]);
  const own = containersOf(tree, root, { shape, annotations });
  const containers = context.marked ? [...own, ...markedIn(context, root, own)] : own;
  // A patch names a workload without its images; a chart's template or generated name has no identity.
  if (containers.length === 0 || textAt(tree, root, ["metadata", "generateName"]) !== undefined) return {};
  const offset = offsetOf(root.node);
  if (apiVersion === undefined) return { fault: { offset, message: `a ${kind} without apiVersion` } };
  const identity = readIdentity(tree, root, context.o.defaultNamespace);
  if (typeof identity === "string") return { fault: { offset, message: `a ${kind} ${identity}` } };
  const { name, namespace, namespaceDeclared } = identity;
  return {
    workload: {
      id: { namespace, kind: shape.kind, name },
      apiVersion,
      kind,
      shape,
      document,
      tree,
      root,
      containers,
      annotations,
      labels: textEntries(tree, root, ["metadata", "labels"]),
      encrypted,
      namespaceDeclared,
    },
  };
}

/** The values file of a chart, when this is one: the settings say which workload it is about. */
function readValues(root: Place, context: ReadContext): readonly ReadObject[] {
  const { tree, document, encrypted, o } = context;
  if (o.values === undefined || document.number !== 1) return [];
  if (textAt(tree, root, ["kind"]) !== undefined) return [];
  const images = valuesImages(tree, root, o.values.images ?? []).map((image) => toContainer(image));
  const marked = context.marked ? markedIn(context, root, images) : [];
  const containers = [...images, ...marked];
  if (containers.length === 0) return [];
  const id = o.values.workload;
  const shape = { kind: id.kind, labels: [] };
  const workload = { id, apiVersion: "", kind: valuesKind, shape, document, tree, root, containers };
  return [{ workload: { ...workload, annotations: {}, labels: {}, encrypted, namespaceDeclared: true } }];
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

function containersOf(
  tree: Tree,
  root: Place,
  of: { readonly shape: ObjectShape; readonly annotations: Readonly<Record<string, string>> },
): readonly FoundContainer[] {
  const { podSpec, values, images } = of.shape;
  const pods = podSpec === undefined ? undefined : stepTo(tree, root, podSpec);
  const chart = values === undefined ? undefined : placeAt(tree, root, values);
  return [
    ...(pods === undefined ? [] : podContainers(tree, pods)),
    ...(chart === undefined
      ? []
      : valuesImages(tree, chart, annotatedPaths(of.annotations)).map(toContainer)),
    ...(images ?? []).flatMap((paths) => {
      const image = imageAt(tree, root, paths);
      return image === undefined ? [] : [toContainer({ container: paths.container, ...image })];
    }),
  ];
}

function podContainers(tree: Tree, podSpec: Place): readonly FoundContainer[] {
  return containerLists.flatMap((list) =>
    itemsOf(tree, placeAt(tree, podSpec, [list])).flatMap((item) => {
      const name = textAt(tree, item, ["name"]);
      const image = slotOf(placeAt(tree, item, ["image"]));
      if (name === undefined || image === undefined || image.text === "") return [];
      return [{ name, init: list === "initContainers", image: refuseNonText(image) }];
    }),
  );
}

function markedIn(
  { tree, document }: ReadContext,
  root: Place,
  own: readonly FoundContainer[],
): readonly FoundContainer[] {
  const slots = own.flatMap(({ image, parts }) => [image, parts?.repository, parts?.tag, parts?.digest]);
  const taken = new Set(slots.flatMap((slot) => slot?.scalar ?? []));
  const names = new Set(own.map(({ name }) => name));
  return markedImages(tree, document.source, { root, taken, names }).map((image) => ({
    ...toContainer(image),
    marked: true,
  }));
}

function toContainer(image: FoundImage & { readonly container: string }): FoundContainer {
  const { container: name, slot, parts } = image;
  return parts === undefined
    ? { name, init: false, image: refuseNonText(slot) }
    : { name, init: false, image: slot, parts };
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
