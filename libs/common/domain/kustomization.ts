import { isMap, isSeq } from "yaml";
import { SlipwayError } from "./errors.ts";
import {
  entriesOf,
  itemsOf,
  placeAt,
  readTree,
  rootPlace,
  slotOf,
  textAt,
  type Place,
  type Slot,
  type Tree,
} from "./manifest-tree.ts";
import type { YamlDocument, YamlTree } from "./manifest-yaml.ts";

/** What a `kustomization.yaml` says, as far as images and identities are concerned. */
export interface Kustomization {
  readonly kind: "kustomization" | "component";
  /** `resources` and `bases`: files, folders, addresses. */
  readonly resources: readonly string[];
  readonly components: readonly string[];
  readonly namespace?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly images: readonly ImageEntry[];
  /** Files that patch what is above. */
  readonly patchFiles: readonly string[];
  /** Whether a patch written in the kustomization itself speaks of an image. */
  readonly patchesImages: boolean;
  /** The fields that change objects in ways Slipway does not follow, e.g. "patches". */
  readonly unfollowed: readonly string[];
}

/** One entry of `images:`. */
export interface ImageEntry {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
  readonly tagSuffix?: string;
  /** Line of what decides, from 1. */
  readonly line: number;
  /** Why it cannot be edited. */
  readonly reason?: string;
}

/** Whether a file of this name is a kustomization. */
export function isKustomizationPath(path: string): boolean {
  return /(?:^|\/)(?:kustomization\.ya?ml|Kustomization)$/.test(path);
}

/** An image as kustomize takes it apart. */
export interface KustomizeImage {
  readonly name: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** Takes an image apart where kustomize does: at the first `@`, and at the last `:` after the last `/`. */
export function splitKustomizeImage(text: string): KustomizeImage {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const rest = at === -1 ? text : text.slice(0, at);
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  if (colon === -1) return { name: rest, digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

/** What kustomize makes of an image by one entry; undefined when the entry is about another image. */
export function applyEntry(text: string, entry: ImageEntry): string | undefined {
  const image = splitKustomizeImage(text);
  if (image.name !== entry.name) return undefined;
  const name = entry.newName ?? image.name;
  if (entry.newTag === undefined && entry.digest === undefined) {
    return joined({ ...image, name });
  }
  return joined({ name, tag: entry.newTag, digest: entry.digest });
}

function joined({ name, tag, digest }: KustomizeImage): string {
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** One `images:` entry in the tree of its document. */
export interface FoundEntry {
  readonly place: Place;
  readonly name: Slot;
  readonly newName?: Slot | undefined;
  readonly newTag?: Slot | undefined;
  readonly digest?: Slot | undefined;
  readonly tagSuffix?: Slot | undefined;
}

export interface FoundKustomization {
  readonly document: YamlDocument;
  readonly tree: Tree;
  readonly root: Place;
  readonly images: Place | undefined;
  readonly entries: readonly FoundEntry[];
  readonly encrypted: boolean;
}

/** The kustomization a document is, in its tree; undefined when it is none. */
export function findKustomization(document: YamlDocument | undefined): FoundKustomization | undefined {
  // Most files are none: they are not walked a second time.
  if (document?.parsed.ok !== true || !telltale.test(document.source)) return undefined;
  try {
    return findIn(document, document.parsed.doc);
  } catch (error) {
    // Aliases without end: a fault of the document that reading its workloads has told.
    if (error instanceof SlipwayError) return undefined;
    throw error;
  }
}

const telltale =
  /kustomize\.config\.k8s\.io|^(?:resources|bases|components|images|patches\w*|name(?:space|Prefix|Suffix)|\w+Generator|helmCharts)\s*:/m;

function findIn(document: YamlDocument, doc: YamlTree): FoundKustomization | undefined {
  const tree = readTree(doc);
  const root = rootPlace(tree);
  if (root === undefined || !isMap(root.node) || tree.duplicate !== undefined) return undefined;
  const kind = textAt(tree, root, ["kind"]);
  const apiVersion = textAt(tree, root, ["apiVersion"]);
  // Flux has a Kustomization of its own; a file without kind is one when it has a field of one.
  if (apiVersion !== undefined && !apiVersion.startsWith("kustomize.config.k8s.io/")) return undefined;
  if (kind !== undefined && kind !== "Kustomization" && kind !== "Component") return undefined;
  const hasField = entriesOf(tree, root).some(({ key }) => knownFields.has(key) || followed.has(key));
  if (kind === undefined && !hasField) return undefined;
  const images = placeAt(tree, root, ["images"]);
  const entries = itemsOf(tree, images).flatMap((place) => {
    const part = (key: string) => slotOf(placeAt(tree, place, [key]));
    const name = part("name");
    if (name === undefined) return [];
    const parts = { newName: part("newName"), newTag: part("newTag"), digest: part("digest") };
    return [{ place, name, ...parts, tagSuffix: part("tagSuffix") }];
  });
  const encrypted = placeAt(tree, root, ["sops"]) !== undefined;
  return { document, tree, root, images, entries, encrypted };
}

/** What a kustomization says. */
export function readKustomization(
  found: FoundKustomization,
  lineAt: (offset: number) => number,
): Kustomization {
  const { tree, root } = found;
  const text = (key: string) => textAt(tree, root, [key]);
  const list = (key: string) => textsOf(tree, placeAt(tree, root, [key]));
  const [namespace, prefix, suffix] = [text("namespace"), text("namePrefix"), text("nameSuffix")];
  const patches = patchesOf(tree, root);
  const fields = entriesOf(tree, root).filter(
    ({ key, place }) => !followed.has(key) && !isEmpty(tree, place),
  );
  return {
    kind: text("kind") === "Component" ? "component" : "kustomization",
    resources: [...list("resources"), ...list("bases")],
    components: list("components"),
    ...(namespace === undefined || namespace === "" ? {} : { namespace }),
    ...(prefix === undefined || prefix === "" ? {} : { prefix }),
    ...(suffix === undefined || suffix === "" ? {} : { suffix }),
    images: found.entries.map((entry) => readEntry(found, entry, lineAt)),
    patchFiles: patches.flatMap(({ file }) => file ?? []),
    patchesImages: patches.some(({ body }) => body !== undefined && /image/.test(body)),
    unfollowed: fields.map(({ key }) => key),
  };
}

const patchFields = ["patches", "patchesStrategicMerge", "patchesJson6902"];
const knownFields: ReadonlySet<string> = new Set([
  ...patchFields,
  "configMapGenerator",
  "secretGenerator",
  "commonLabels",
  "commonAnnotations",
  "labels",
  "replicas",
  "generators",
  "transformers",
  "helmCharts",
  "replacements",
  "vars",
]);
/** What is read here; everything else may change objects in ways we do not follow. */
const followed: ReadonlySet<string> = new Set([
  "apiVersion",
  "kind",
  "metadata",
  "resources",
  "bases",
  "components",
  "namespace",
  "images",
  "sortOptions",
  "namePrefix",
  "nameSuffix",
]);

function readEntry(
  found: FoundKustomization,
  entry: FoundEntry,
  lineAt: (offset: number) => number,
): ImageEntry {
  const { name, newName, newTag, digest, tagSuffix } = entry;
  const reason = found.encrypted
    ? "ENCRYPTED_DOCUMENT"
    : (entry.place.refusal ?? newTag?.refusal ?? digest?.refusal);
  const decides = newTag ?? digest ?? newName ?? name;
  return {
    name: name.text,
    ...textOf("newName", newName),
    ...textOf("newTag", newTag),
    ...textOf("digest", digest),
    ...textOf("tagSuffix", tagSuffix),
    line: lineAt(found.document.start + decides.offset),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Kustomize takes an empty value for none. */
function textOf(key: string, slot: Slot | undefined): Readonly<Record<string, string>> {
  return slot === undefined || slot.text === "" ? {} : { [key]: slot.text };
}

interface Patch {
  readonly file?: string | undefined;
  readonly body?: string | undefined;
}

function patchesOf(tree: Tree, root: Place): readonly Patch[] {
  return patchFields.flatMap((field) =>
    itemsOf(tree, placeAt(tree, root, [field])).map((item): Patch => {
      const text = slotOf(item)?.text;
      // A strategic merge patch is a file's name, or the patch itself.
      if (text !== undefined) return text.includes("\n") ? { body: text } : { file: text };
      const body = slotOf(placeAt(tree, item, ["patch"]))?.text;
      return { file: textAt(tree, item, ["path"]), body };
    }),
  );
}

function textsOf(tree: Tree, list: Place | undefined): readonly string[] {
  return itemsOf(tree, list).flatMap((item) => slotOf(item)?.text ?? []);
}

function isEmpty(tree: Tree, place: Place): boolean {
  if (isMap(place.node) || isSeq(place.node)) return place.node.items.length === 0;
  const slot = slotOf(place);
  return slot === undefined || slot.text === "";
}
