import { isMap, isScalar, type Node, type Pair, type YAMLMap } from "yaml";
import { because, findById, refuse, theWorkload, type Refused } from "./manifest-edit.ts";
import type { FoundWorkload } from "./manifest-find.ts";
import {
  addEntry,
  addMapOfOne,
  fillMap,
  readHabits,
  removeEntry,
  writeScalar,
  type Habits,
  type TextEdit,
} from "./manifest-insert.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { isSameTree } from "./manifest-splice.ts";
import { placeAt, type PlaceRefusal } from "./manifest-tree.ts";
import { parsePart, splitDocuments, type YamlDocument } from "./manifest-yaml.ts";
import { policyNames, policyPrefixes, prefixInUse, type PolicyPrefix } from "./policy.ts";
import { policyFault } from "./policy-values.ts";
import { formatWorkloadId, type WorkloadId } from "./workload.ts";

/** One annotation that was written or taken away. */
export interface PolicyChange {
  /** `namespace:kind/name` */
  readonly workload: string;
  /** The whole name: "fluxcd.io/automated". */
  readonly annotation: string;
  readonly from: string | null;
  readonly to: string | null;
}

export type PolicyResult =
  | { readonly ok: true; readonly text: string; readonly changes: readonly PolicyChange[] }
  | Refused;

export interface PolicyOptions extends ManifestOptions {
  /** For keys the workload does not have; else the prefix it already uses, else ours. */
  readonly prefix?: PolicyPrefix | undefined;
}

/** Policy keys without a prefix ("automated", "tag.web"), each to its value, or null to take it away. */
export type PolicyChanges = Readonly<Record<string, string | null>>;

/**
 * Writes policies as annotations and changes no other byte; every spelling of a key that stands there
 * follows, so that no weaker prefix says something else. Proves the result by parsing it again. All
 * of it or none.
 */
export function editPolicies(
  text: string,
  workload: WorkloadId,
  asked: { readonly changes: PolicyChanges } & PolicyOptions,
): PolicyResult {
  const id = formatWorkloadId(workload);
  const changes: PolicyChange[] = [];
  let edited = text;
  for (const [key, to] of Object.entries(asked.changes)) {
    const fault = policyFault(key, to);
    if (fault !== undefined) return refuse("invalid-policy", fault);
    const found = theWorkload(findById(edited, [id], asked), id);
    if ("ok" in found) return found;
    for (const annotation of annotationsFor(found, key, { to, prefix: asked.prefix })) {
      const from = found.annotations[annotation] ?? null;
      const next = editAnnotation(edited, id, { ...asked, annotation, to });
      if (!next.ok) return next;
      if (next.text !== edited) changes.push({ workload: id, annotation, from, to });
      edited = next.text;
    }
  }
  return { ok: true, text: edited, changes };
}

/** One annotation that a job wrote, to be brought back to what it was. */
export interface AnnotationRevert {
  readonly workload: string;
  readonly annotation: string;
  readonly from: string | null;
  readonly to: string | null;
}

export type RevertedPolicies<T> =
  | {
      readonly ok: true;
      readonly text: string;
      readonly reverted: readonly T[];
      readonly skipped: readonly T[];
    }
  | Refused;

/** Writes annotations back, each only where it still is what the job wrote; `force` lifts that. */
export function revertPolicies<T extends AnnotationRevert>(
  text: string,
  changes: readonly T[],
  o: ManifestOptions & { readonly force?: boolean },
): RevertedPolicies<T> {
  let edited = text;
  const reverted: T[] = [];
  const skipped: T[] = [];
  for (const change of changes) {
    const current = annotationIn(edited, change.workload, { ...o, annotation: change.annotation });
    if (current === undefined || (current !== change.to && o.force !== true)) {
      skipped.push(change);
      continue;
    }
    const next = editAnnotation(edited, change.workload, {
      ...o,
      annotation: change.annotation,
      to: change.from,
    });
    if (!next.ok) return next;
    edited = next.text;
    reverted.push({ ...change, to: current });
  }
  return { ok: true, text: edited, reverted, skipped };
}

/** What an annotation of a workload holds; null where it has none, undefined where the text does not declare it. */
export function annotationIn(
  text: string,
  workload: string,
  o: ManifestOptions & { readonly annotation: string },
): string | null | undefined {
  const found = theWorkload(findById(text, [workload], o), workload);
  return "ok" in found ? undefined : (found.annotations[o.annotation] ?? null);
}

/** The names under which a key stands, or the one under which it is to be written. */
function annotationsFor(
  found: FoundWorkload,
  key: string,
  o: { readonly to: string | null; readonly prefix: PolicyPrefix | undefined },
): readonly string[] {
  const there = policyPrefixes.flatMap((prefix) =>
    policyNames(prefix, key).filter((name) => keysOf(found).has(name)),
  );
  if (there.length > 0 || o.to === null) return there;
  const prefix = o.prefix ?? prefixInUse(found.annotations) ?? policyPrefixes[0];
  return policyNames(prefix, key).slice(0, 1);
}

function keysOf(found: FoundWorkload): ReadonlySet<string> {
  const map = annotationsOf(found)?.node;
  if (!isMap(map)) return new Set();
  return new Set(map.items.flatMap((pair) => (isScalar(pair.key) ? String(pair.key.value) : [])));
}

function annotationsOf(found: FoundWorkload): ReturnType<typeof placeAt> {
  return placeAt(found.tree, found.root, ["metadata", "annotations"]);
}

interface AnnotationEdit {
  readonly annotation: string;
  readonly to: string | null;
}

function editAnnotation(
  text: string,
  id: string,
  asked: AnnotationEdit & ManifestOptions,
): { readonly ok: true; readonly text: string } | Refused {
  const found = theWorkload(findById(text, [id], asked), id);
  if ("ok" in found) return found;
  const metadata = placeAt(found.tree, found.root, ["metadata"]);
  if (metadata === undefined || !isMap(metadata.node)) return refuse("not-found", `${id} has no metadata`);
  const annotations = annotationsOf(found);
  const refusal = metadata.refusal ?? annotations?.refusal;
  if (refusal !== undefined) return cannot(id, refusal);
  const place: AnnotationPlace = { found, metadata: metadata.node, annotations: annotations?.node };
  const edit = asked.to === null ? removal(place, asked) : writing(place, { ...asked, to: asked.to });
  if (edit === "unchanged") return { ok: true, text };
  if (edit === undefined) return refuse("verification-failed", `the annotations of ${id} are no simple map`);
  const edited = put(text, found.document, edit);
  const difference = differenceOf({ before: text, after: edited }, place, asked);
  return difference === undefined
    ? { ok: true, text: edited }
    : refuse("verification-failed", `${asked.annotation} of ${id}: ${difference}`);
}

function cannot(id: string, refusal: PlaceRefusal): Refused {
  return refuse(refusal, `the annotations of ${id}: ${because[refusal]}`);
}

interface AnnotationPlace {
  readonly found: FoundWorkload;
  readonly metadata: YAMLMap;
  readonly annotations: Node | undefined;
}

type Edit = TextEdit | "unchanged" | undefined;

function writing(place: AnnotationPlace, asked: { annotation: string; to: string }): Edit {
  const { found, metadata, annotations } = place;
  const habits = habitsOf(found.document);
  const entry = { key: asked.annotation, value: asked.to };
  if (habits === undefined) return undefined;
  const pair = pairOf(metadata, "annotations");
  if (pair === undefined) return addMapOfOne(habits, metadata, { key: "annotations", entry });
  const isEmptyMap = isMap(annotations) && annotations.items.length === 0;
  if (!isMap(annotations) || isEmptyMap) return fillMap(habits, metadata, { pair, entry });
  const there = pairOf(annotations, asked.annotation);
  if (there === undefined) return addEntry(habits, annotations, entry);
  return rewriting(habits, there, asked.to);
}

function rewriting(habits: Habits, pair: Pair, to: string): Edit {
  const { value } = pair;
  if (!isScalar(value) || value.range === undefined || value.range === null) return undefined;
  if (value.value === to) return "unchanged";
  if (value.type === "BLOCK_LITERAL" || value.type === "BLOCK_FOLDED" || value.source === "")
    return undefined;
  const [start, end] = value.range;
  return { start, end, text: writeScalar(to, value.type, habits.quote) };
}

/** With its last entry the whole of `annotations` goes, unless a comment stands there. */
function removal(place: AnnotationPlace, asked: AnnotationEdit): Edit {
  const { found, metadata, annotations } = place;
  const habits = habitsOf(found.document);
  if (habits === undefined || !isMap(annotations)) return "unchanged";
  const pair = pairOf(annotations, asked.annotation);
  if (pair === undefined) return "unchanged";
  // Braces on a line of their own stay; within other braces the key goes with its last entry.
  const stays = annotations.flow === true && metadata.flow !== true;
  if (annotations.items.length > 1 || stays) return removeEntry(habits, annotations, pair);
  const whole = pairOf(metadata, "annotations");
  const edit = whole === undefined ? undefined : removeEntry(habits, metadata, whole);
  return edit === undefined || hasComment(habits, edit, pair) ? removeEntry(habits, annotations, pair) : edit;
}

/** Whether what is about to go holds a comment; the value may hold the sign itself. */
function hasComment({ source }: Habits, edit: TextEdit, { value }: Pair): boolean {
  const [start, end] = (isScalar(value) ? value.range : undefined) ?? [edit.end, edit.end];
  return `${source.slice(edit.start, start)}${source.slice(end, edit.end)}`.includes("#");
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

function habitsOf(document: YamlDocument): Habits | undefined {
  return document.parsed.ok ? readHabits(document.source, document.parsed.doc) : undefined;
}

function put(text: string, document: YamlDocument, edit: TextEdit): string {
  const { start } = document;
  return text.slice(0, start + edit.start) + edit.text + text.slice(start + edit.end);
}

/** Why the edited text is not what was meant: the same documents, the same nodes, this one annotation apart. */
function differenceOf(
  texts: { readonly before: string; readonly after: string },
  place: AnnotationPlace,
  asked: AnnotationEdit,
): string | undefined {
  const { document } = place.found;
  const before = splitDocuments(texts.before);
  const after = splitDocuments(texts.after);
  if (before.length !== after.length) return "the number of documents would change";
  for (const [index, part] of before.entries()) {
    if (index + 1 !== document.number && part.source !== after[index]?.source) {
      return "another document would change";
    }
  }
  const edited = parsePart(after[document.number - 1]?.source ?? "");
  if (!edited.ok) return `the document would no longer parse: ${edited.message}`;
  if (!document.parsed.ok) return "the document did not parse before";
  let reached = false;
  const isSame = isSameTree(document.parsed.doc.contents, edited.doc.contents, (a, b) => {
    if (a !== place.metadata || reached) return undefined;
    reached = true;
    return isMap(b) && isSameMetadata(place.metadata, b, asked);
  });
  return isSame && reached ? undefined : "something else would change, too";
}

function isSameMetadata(a: YAMLMap, b: YAMLMap, asked: AnnotationEdit): boolean {
  const others = (map: YAMLMap) => map.items.filter((pair) => pair !== pairOf(map, "annotations"));
  if (a.tag !== b.tag || a.anchor !== b.anchor || !arePairsSame(others(a), others(b))) return false;
  const [was, is] = [entriesOf(a), entriesOf(b)];
  const rest = (pairs: readonly Pair[]) => pairs.filter((pair) => !isNamed(pair, asked.annotation));
  const mine = is.filter((pair) => isNamed(pair, asked.annotation));
  if (!arePairsSame(rest(was), rest(is))) return false;
  if (asked.to === null) return mine.length === 0;
  const [only] = mine;
  return mine.length === 1 && isScalar(only?.value) && only.value.value === asked.to;
}

function entriesOf(metadata: YAMLMap): readonly Pair[] {
  const value = pairOf(metadata, "annotations")?.value;
  return isMap(value) ? value.items : [];
}

function isNamed(pair: Pair, name: string): boolean {
  return isScalar(pair.key) && pair.key.value === name;
}

function arePairsSame(a: readonly Pair[], b: readonly Pair[]): boolean {
  return (
    a.length === b.length &&
    a.every((pair, index) => {
      const other = b[index];
      return isSameTree(pair.key, other?.key) && isSameTree(pair.value, other?.value);
    })
  );
}
