import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { SlipwayError } from "./errors.ts";
import type { YamlTree } from "./manifest-yaml.ts";

/** Why a value must not be edited where it stands. */
export type PlaceRefusal =
  | "shared-anchor"
  | "merge-key"
  | "block-scalar"
  | "not-text"
  /** An image in parts that have no place for what is to be written. */
  | "parts-do-not-fit";

/** A node reached by a path, and what the way there says against editing it. */
export interface Place {
  readonly node: Node;
  readonly refusal?: PlaceRefusal;
}

/** A scalar as it stands in the source. */
export interface Slot {
  readonly scalar: Scalar;
  /** The value a reader sees; for a plain value that is no text, its source. */
  readonly text: string;
  /** Whether Kubernetes reads it as text. */
  readonly isText: boolean;
  /** Offset inside the document. */
  readonly offset: number;
  readonly refusal?: PlaceRefusal;
}

/** A document with its aliases resolved once. */
export interface Tree {
  readonly doc: YamlTree;
  readonly targets: ReadonlyMap<Alias, Node>;
  /** Names of anchors that are used at least once. */
  readonly used: ReadonlySet<string>;
  /** A key that stands twice in one map. */
  readonly duplicate?: { readonly key: string; readonly offset: number };
  /** What may still be looked at: aliases let a small text describe an endless one. */
  readonly budget: { entries: number };
}

/** Walks the document once: aliases, used anchors, duplicate keys. Depth is capped by the parser. */
export function readTree(doc: YamlTree): Tree {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  const used = new Set<string>();
  let duplicate: Tree["duplicate"];
  const visit = (node: unknown): void => {
    if (isAlias(node)) {
      used.add(node.source);
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
      return;
    }
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) return;
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isSeq(node)) for (const item of node.items) visit(item);
    if (!isMap(node)) return;
    duplicate ??= duplicateKey(node);
    for (const pair of node.items) {
      visit(pair.key);
      visit(pair.value);
    }
  };
  visit(doc.contents);
  const budget = { entries: mostEntries };
  return { doc, targets, used, budget, ...(duplicate === undefined ? {} : { duplicate }) };
}

/** The root of the document; undefined when it is empty. */
export function rootPlace(tree: Tree): Place | undefined {
  return enter(tree, tree.doc.contents, undefined);
}

/** Follows keys from a place; undefined when one of them is absent. */
export function placeAt(tree: Tree, from: Place, path: readonly string[]): Place | undefined {
  let place: Place | undefined = from;
  for (const key of path) {
    if (place === undefined) return undefined;
    place = entriesOf(tree, place).find((entry) => entry.key === key)?.place;
  }
  return place;
}

/** The items of a sequence. */
export function itemsOf(tree: Tree, place: Place | undefined): readonly Place[] {
  if (place === undefined || !isSeq(place.node)) return [];
  spend(tree, place.node.items.length);
  return place.node.items.flatMap((item) => enter(tree, item, place.refusal) ?? []);
}

/** The entries of a map, its own before those it merges in; the first of a key is the one that counts. */
export function entriesOf(tree: Tree, place: Place): readonly { key: string; place: Place }[] {
  const budget = { merges: mostMerges };
  return mapEntries(tree, place, budget);
}

/** The text at a path; undefined when it is absent or no text. */
export function textAt(tree: Tree, from: Place, path: readonly string[]): string | undefined {
  const place = placeAt(tree, from, path);
  return place !== undefined && isScalar(place.node) && typeof place.node.value === "string"
    ? place.node.value
    : undefined;
}

/** The scalar at a place; undefined for an empty value and for anything else than a scalar. */
export function slotOf(place: Place | undefined): Slot | undefined {
  if (place === undefined || !isScalar(place.node) || place.node.value === null) return undefined;
  const scalar = place.node;
  const isText = typeof scalar.value === "string";
  const isBlock = scalar.type === "BLOCK_LITERAL" || scalar.type === "BLOCK_FOLDED";
  const refusal = place.refusal ?? (isBlock ? "block-scalar" : undefined);
  return {
    scalar,
    text: typeof scalar.value === "string" ? scalar.value : (scalar.source ?? ""),
    isText,
    offset: offsetOf(scalar),
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** Where a node begins inside its document. */
export function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

const mostMerges = 64;
const mostEntries = 5_000_000;

function spend(tree: Tree, entries: number): void {
  tree.budget.entries -= entries;
  if (tree.budget.entries >= 0) return;
  throw new SlipwayError("MANIFEST_BROKEN", { detail: "its aliases expand to more than we look at" });
}

function mapEntries(
  tree: Tree,
  place: Place,
  budget: { merges: number },
): readonly { key: string; place: Place }[] {
  if (!isMap(place.node)) return [];
  spend(tree, place.node.items.length);
  const own: { key: string; place: Place }[] = [];
  const merged: { key: string; place: Place }[] = [];
  for (const pair of place.node.items) {
    if (isMergeKey(pair)) merged.push(...mergedEntries(tree, pair, budget));
    else {
      const key = keyText(tree, pair);
      const value = enter(tree, pair.value, place.refusal);
      if (key !== undefined && value !== undefined) own.push({ key, place: value });
    }
  }
  return [...own, ...merged];
}

/** The budget keeps merges of merges of merges from growing without end. */
function mergedEntries(
  tree: Tree,
  pair: Pair,
  budget: { merges: number },
): readonly { key: string; place: Place }[] {
  const source = enter(tree, pair.value, "merge-key");
  if (source === undefined) return [];
  const sources = isSeq(source.node) ? itemsOf(tree, source) : [source];
  return sources.flatMap((one) => {
    if (budget.merges <= 0) return [];
    budget.merges -= 1;
    return mapEntries(tree, { node: one.node, refusal: "merge-key" }, budget);
  });
}

/** Steps onto a node: through an alias to its anchor, remembering that others share it. */
function enter(tree: Tree, value: unknown, refusal: PlaceRefusal | undefined): Place | undefined {
  if (isAlias(value)) {
    const target = tree.targets.get(value);
    return target === undefined ? undefined : { node: target, refusal: refusal ?? "shared-anchor" };
  }
  if (!isMap(value) && !isSeq(value) && !isScalar(value)) return undefined;
  const isShared = value.anchor !== undefined && tree.used.has(value.anchor);
  const why = refusal ?? (isShared ? "shared-anchor" : undefined);
  return why === undefined ? { node: value } : { node: value, refusal: why };
}

function keyText(tree: Tree, pair: Pair): string | undefined {
  const key = isAlias(pair.key) ? tree.targets.get(pair.key) : pair.key;
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : key.source;
}

function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.type === "PLAIN" && pair.key.source === "<<";
}

function duplicateKey(map: YAMLMap): Tree["duplicate"] {
  const seen = new Set<unknown>();
  for (const pair of map.items) {
    if (!isScalar(pair.key) || isMergeKey(pair)) continue;
    if (seen.has(pair.key.value)) return { key: String(pair.key.value), offset: offsetOf(pair.key) };
    seen.add(pair.key.value);
  }
  return undefined;
}
