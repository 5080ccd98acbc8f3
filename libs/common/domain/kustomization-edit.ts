import { isMap, isScalar, isSeq, type YAMLMap } from "yaml";
import { isDigest, isTag } from "./image-ref.ts";
import { findKustomization, type FoundEntry, type FoundKustomization } from "./kustomization.ts";
import { because, refuse, type Refused } from "./manifest-edit.ts";
import {
  addEntry,
  readHabits,
  removeEntry,
  writeScalar,
  type Habits,
  type TextEdit,
} from "./manifest-insert.ts";
import { addItem, addSequence, removeItem } from "./manifest-insert-list.ts";
import { isSameTree } from "./manifest-splice.ts";
import { readDocuments, splitDocuments } from "./manifest-yaml.ts";

/** What an `images:` entry is to say of its image. */
export interface EntryEdit {
  /** The entry's `name`. */
  readonly name: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
  /** The entry is not there yet. */
  readonly isNew?: boolean;
}

/** One changed field of an entry, or a whole new entry, as source bytes; "" where there was nothing, or is nothing now. */
export interface EntryChange {
  readonly name: string;
  readonly field: "newTag" | "digest" | "entry";
  readonly from: string;
  readonly to: string;
}

export type EntryResult =
  | { readonly ok: true; readonly text: string; readonly changes: readonly EntryChange[] }
  | Refused;

/** Writes tags and digests into a kustomization's `images:` and changes no other byte. All of it or none. */
export function editEntries(text: string, edits: readonly EntryEdit[]): EntryResult {
  let edited = text;
  const changes: EntryChange[] = [];
  for (const edit of edits) {
    const fault = faultOf(edit);
    if (fault !== undefined) return refuse("invalid-image", fault);
    const fields = { newTag: edit.tag, digest: edit.digest };
    const made = edit.isNew === true && !hasEntry(edited, edit.name);
    const written = made ? writeNew(edited, edit) : writeFields(edited, edit.name, fields);
    if (!written.ok) return written;
    edited = written.text;
    changes.push(...written.changes);
  }
  return { ok: true, text: edited, changes };
}

/** Takes changes back, each only where the source still is what it wrote. */
export function revertEntries(
  text: string,
  changes: readonly EntryChange[],
): EntryResult & { readonly skipped?: readonly EntryChange[] } {
  let edited = text;
  const reverted: EntryChange[] = [];
  const skipped: EntryChange[] = [];
  for (const change of changes.toReversed()) {
    const source = sourceAt(edited, change);
    if (source !== change.to) {
      skipped.push(change);
      continue;
    }
    const back = takeBack(edited, change);
    if (!back.ok) return back;
    edited = back.text;
    reverted.push(change);
  }
  return { ok: true, text: edited, changes: reverted, skipped };
}

type Field = "newTag" | "digest";
type Fields = Readonly<Record<Field, string | undefined>>;

function faultOf({ tag, digest }: EntryEdit): string | undefined {
  if (tag === undefined && digest === undefined) return "neither a tag nor a digest to write";
  if (tag !== undefined && !isTag(tag)) return `"${tag}" is not a tag`;
  return digest !== undefined && !isDigest(digest) ? `"${digest}" is not a digest` : undefined;
}

interface Target {
  readonly found: FoundKustomization;
  readonly entry: FoundEntry;
  readonly map: YAMLMap;
  readonly habits: Habits;
}

function hasEntry(text: string, name: string): boolean {
  return (
    findKustomization(readDocuments(text)[0])?.entries.some((entry) => entry.name.text === name) === true
  );
}

function open(text: string): (FoundKustomization & { readonly habits: Habits }) | Refused {
  const found = findKustomization(readDocuments(text)[0]);
  if (found === undefined || !found.document.parsed.ok)
    return refuse("not-found", "this is no kustomization");
  if (found.encrypted) return refuse("encrypted", "the kustomization is encrypted with sops");
  return { ...found, habits: readHabits(found.document.source, found.document.parsed.doc) };
}

function targetOf(text: string, name: string): Target | Refused {
  const found = open(text);
  if ("ok" in found) return found;
  const entries = found.entries.filter((entry) => entry.name.text === name);
  const [entry, another] = entries;
  if (entry === undefined) return refuse("not-found", `there is no images entry for ${name}`);
  if (another !== undefined) return refuse("duplicate-container", `there are two images entries for ${name}`);
  const refusal = entry.place.refusal ?? entry.newTag?.refusal ?? entry.digest?.refusal;
  if (refusal !== undefined) return refuse(refusal, `the images entry for ${name}: ${because[refusal]}`);
  const { node } = entry.place;
  if (!isMap(node)) return refuse("verification-failed", `the images entry for ${name} is no map`);
  return { found, entry, map: node, habits: found.habits };
}

function writeFields(text: string, name: string, wanted: Fields): EntryResult {
  let edited = text;
  const changes: EntryChange[] = [];
  for (const field of ["newTag", "digest"] as const) {
    const target = targetOf(edited, name);
    if ("ok" in target) return target;
    const edit = fieldEdit(target, field, wanted[field]);
    if (edit === "unchanged") continue;
    if (edit === undefined) return refuse("verification-failed", `${field} of ${name} cannot be written`);
    const from = sourceAt(edited, { name, field });
    const next = proved(edited, edit, { name, field, value: wanted[field] });
    if (!next.ok) return next;
    edited = next.text;
    changes.push({ name, field, from, to: sourceAt(edited, { name, field }) });
  }
  return { ok: true, text: edited, changes };
}

function fieldEdit(
  target: Target,
  field: Field,
  value: string | undefined,
): TextEdit | "unchanged" | undefined {
  const { entry, map, habits } = target;
  const slot = entry[field];
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === field);
  if (pair === undefined)
    return value === undefined ? "unchanged" : addEntry(habits, map, { key: field, value });
  if (value === undefined) return slot === undefined ? "unchanged" : removeEntry(habits, map, pair);
  if (slot === undefined) return undefined;
  if (slot.isText && slot.text === value) return "unchanged";
  const [start, end] = slot.scalar.range ?? [0, 0];
  return { start, end, text: writeScalar(value, slot.scalar.type, '"') };
}

function writeNew(text: string, edit: EntryEdit): EntryResult {
  const found = open(text);
  if ("ok" in found) return found;
  const { habits, images, root } = found;
  const fields = [
    { key: "name", value: edit.name },
    ...(edit.tag === undefined ? [] : [{ key: "newTag", value: edit.tag }]),
    ...(edit.digest === undefined ? [] : [{ key: "digest", value: edit.digest }]),
  ];
  if (images?.refusal !== undefined) return refuse(images.refusal, `images: ${because[images.refusal]}`);
  const list = images?.node;
  const change =
    isSeq(list) && list.items.length > 0
      ? addItem(habits, list, fields)
      : addSequence(habits, root.node as YAMLMap, { key: "images", fields });
  if (change === undefined)
    return refuse("verification-failed", "the images of this kustomization are no simple list");
  const next = proved(text, change, { name: edit.name, field: "entry", value: undefined });
  if (!next.ok) return next;
  const to = sourceAt(next.text, { name: edit.name, field: "entry" });
  const isRight = writeFields(next.text, edit.name, { newTag: edit.tag, digest: edit.digest });
  if (!isRight.ok || isRight.changes.length > 0) {
    return refuse("verification-failed", `the new images entry for ${edit.name} would not be read as meant`);
  }
  return { ok: true, text: next.text, changes: [{ name: edit.name, field: "entry", from: "", to }] };
}

function takeBack(text: string, change: EntryChange): EntryResult {
  const { name, field, from } = change;
  if (field === "entry" && change.to === "") return writeNew(text, { name, ...saidBy(from) });
  const target = targetOf(text, name);
  if ("ok" in target) return target;
  const edit = backEdit(target, change);
  if (edit === undefined) return refuse("verification-failed", `${field} of ${name} cannot be taken back`);
  const next = put(text, target.found, edit);
  const isRight = sourceAt(next, { name, field }) === from;
  return isRight
    ? provedText(text, next, { name, field, value: undefined })
    : refuse("verification-failed", `${field} of ${name} would not be what it was`);
}

/** What an entry said, as `sourceAt` puts it. */
function saidBy(text: string): { readonly tag?: string; readonly digest?: string } {
  if (isDigest(text)) return { digest: text };
  const at = text.indexOf("@");
  return at === -1 ? { tag: text } : { tag: text.slice(0, at), digest: text.slice(at + 1) };
}

function backEdit({ entry, map, habits, found }: Target, change: EntryChange): TextEdit | undefined {
  const { field, from } = change;
  if (field === "entry") {
    const list = found.images?.node;
    return isSeq(list)
      ? removeItem(habits, found.root.node as YAMLMap, { key: "images", list, item: map })
      : undefined;
  }
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === field);
  if (from === "") return pair === undefined ? undefined : removeEntry(habits, map, pair);
  const slot = entry[field];
  if (slot === undefined) {
    const value = from.replace(/^(["'])(.*)\1$/s, "$2");
    return addEntry(habits, map, { key: field, value });
  }
  const [start, end] = slot.scalar.range ?? [0, 0];
  return { start, end, text: from };
}

/** The bytes of a field as they stand, or what an entry says; "" when it is not there. */
function sourceAt(text: string, at: { readonly name: string; readonly field: Field | "entry" }): string {
  const target = targetOf(text, at.name);
  if ("ok" in target) return "";
  const { entry, found } = target;
  if (at.field === "entry") return [entry.newTag?.text, entry.digest?.text].filter(Boolean).join("@");
  const slot = entry[at.field];
  if (slot === undefined) return "";
  const [start, end] = slot.scalar.range ?? [0, 0];
  return found.document.source.slice(start, end);
}

function put(text: string, found: FoundKustomization, edit: TextEdit): string {
  const { start } = found.document;
  return text.slice(0, start + edit.start) + edit.text + text.slice(start + edit.end);
}

interface Proof {
  readonly name: string;
  readonly field: Field | "entry";
  /** What must be read there; undefined when that is looked at elsewhere. */
  readonly value: string | undefined;
}

function proved(text: string, edit: TextEdit, proof: Proof): EntryResult {
  const found = open(text);
  return "ok" in found ? found : provedText(text, put(text, found, edit), proof);
}

/** Everything but this one field, or this one entry, is what it was. */
function provedText(before: string, after: string, proof: Proof): EntryResult {
  const [was, is] = [open(before), open(after)];
  if ("ok" in was) return was;
  if ("ok" in is) return refuse("verification-failed", `the kustomization would not parse: ${is.detail}`);
  const [parts, others] = [splitDocuments(before), splitDocuments(after)];
  const isRestSame =
    parts.length === others.length &&
    parts.slice(1).every((part, at) => part.source === others[at + 1]?.source);
  const rest = isSameTree(was.root.node, is.root.node, (a, b) =>
    a === was.root.node ? isSameBut(a, b, "images") : undefined,
  );
  const entries = (found: FoundKustomization) =>
    found.entries.flatMap((entry) =>
      proof.field === "entry" && entry.name.text === proof.name ? [] : [saysBut(entry, proof)],
    );
  const isListSame = JSON.stringify(entries(was)) === JSON.stringify(entries(is));
  const target =
    proof.value === undefined ? undefined : is.entries.find((entry) => entry.name.text === proof.name);
  const slot = proof.field === "entry" ? undefined : target?.[proof.field];
  const isThere = proof.value === undefined || (slot?.isText === true && slot.text === proof.value);
  return isRestSame && rest && isListSame && isThere
    ? { ok: true, text: after, changes: [] }
    : refuse("verification-failed", "something else would change, too");
}

function saysBut(entry: FoundEntry, proof: Proof): readonly unknown[] {
  const isTarget = entry.name.text === proof.name;
  const map = entry.place.node as YAMLMap;
  return map.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : "";
    if (isTarget && name === proof.field) return [];
    return [[name, isScalar(value) ? value.source : null, isScalar(value) ? value.type : null]];
  });
}

function isSameBut(a: unknown, b: unknown, left: string): boolean {
  if (!isMap(a) || !isMap(b)) return false;
  const others = (map: YAMLMap) => map.items.filter(({ key }) => !(isScalar(key) && key.value === left));
  const [was, is] = [others(a), others(b)];
  return (
    was.length === is.length &&
    was.every((pair, at) => isSameTree(pair.key, is[at]?.key) && isSameTree(pair.value, is[at]?.value))
  );
}
