import { isMap, isScalar, isSeq, type YAMLMap } from "yaml";
import { groupBy } from "./group-by.ts";
import { isDigest, isTag } from "./image-ref.ts";
import { findKustomization, type FoundEntry, type FoundKustomization } from "./kustomization.ts";
import { openKustomization, proved, provedText, put } from "./kustomization-proof.ts";
import { because, refuse, type Refused } from "./manifest-edit.ts";
import { addEntry, removeEntry, writeScalar, type Habits, type TextEdit } from "./manifest-insert.ts";
import { addItem, addSequence, removeItem } from "./manifest-insert-list.ts";
import { applySplices, sourceOf, type Splice } from "./manifest-splice.ts";
import { readDocuments } from "./manifest-yaml.ts";

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
  for (const edit of edits) {
    const fault = faultOf(edit);
    if (fault !== undefined) return refuse("invalid-image", fault);
  }
  const simple = replaceAll(text, edits);
  if (!simple.ok) return simple;
  let edited = simple.text;
  const changes: EntryChange[] = [...simple.changes];
  for (const edit of simple.rest) {
    const fields = { newTag: edit.tag, digest: edit.digest };
    const made = edit.isNew === true && !hasEntry(edited, edit.name);
    const written = made ? writeNew(edited, edit) : writeFields(edited, edit.name, fields);
    if (!written.ok) return written;
    edited = written.text;
    changes.push(...written.changes);
  }
  return { ok: true, text: edited, changes };
}

/** All values that only change where they stand, in one go; what adds or takes away fields is left over. */
function replaceAll(
  text: string,
  edits: readonly EntryEdit[],
): (Extract<EntryResult, { ok: true }> & { readonly rest: readonly EntryEdit[] }) | Refused {
  const found = openKustomization(text);
  if ("ok" in found) return found;
  const byName = groupBy(found.entries, (entry) => entry.name.text);
  const splices: (Splice & EntryChange)[] = [];
  const rest: EntryEdit[] = [];
  for (const edit of edits) {
    const [entry, another] = byName.get(edit.name) ?? [];
    const fields = [
      { field: "newTag", slot: entry?.newTag, value: edit.tag },
      { field: "digest", slot: entry?.digest, value: edit.digest },
    ] as const;
    const isSimple = fields.every(
      ({ slot, value }) => (slot === undefined) === (value === undefined) && slot?.refusal === undefined,
    );
    if (entry === undefined || another !== undefined || entry.place.refusal !== undefined || !isSimple) {
      rest.push(edit);
      continue;
    }
    for (const { field, slot, value } of fields) {
      if (slot === undefined || value === undefined || (slot.isText && slot.text === value)) continue;
      const { document } = found;
      const source = writeScalar(value, slot.scalar.type, '"');
      const from = sourceOf(document, slot.scalar);
      splices.push({
        document,
        scalar: slot.scalar,
        source,
        value,
        name: edit.name,
        field,
        from,
        to: source,
      });
    }
  }
  const result = applySplices(text, splices);
  if (!result.ok) return refuse("verification-failed", result.detail);
  const changes = splices.map(({ name, field, from, to }) => ({ name, field, from, to }));
  return { ok: true, text: result.text, changes, rest };
}

/** Takes changes back, each only where the source still is what it wrote. */
export function revertEntries(
  text: string,
  changes: readonly EntryChange[],
  { force = false }: { readonly force?: boolean } = {},
): EntryResult & { readonly skipped?: readonly EntryChange[] } {
  const simple = restoreAll(text, changes, force);
  if (!simple.ok) return simple;
  let edited = simple.text;
  const reverted: EntryChange[] = [...simple.changes];
  const skipped: EntryChange[] = [];
  for (const change of simple.rest.toReversed()) {
    const source = sourceAt(edited, change);
    // An entry that is no longer what was added is somebody's own: it is not taken away by force.
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

/** Values that stand as they were written, written back in one go; the others are left over. */
function restoreAll(
  text: string,
  changes: readonly EntryChange[],
  force: boolean,
): (Extract<EntryResult, { ok: true }> & { readonly rest: readonly EntryChange[] }) | Refused {
  const found = openKustomization(text);
  if ("ok" in found) return found;
  const byName = groupBy(found.entries, (entry) => entry.name.text);
  const restored: EntryChange[] = [];
  const rest: EntryChange[] = [];
  const splices: Splice[] = [];
  for (const change of changes) {
    const [entry, another] = byName.get(change.name) ?? [];
    const slot = change.field === "entry" || another !== undefined ? undefined : entry?.[change.field];
    const isAlone = entry?.place.refusal === undefined && slot?.refusal === undefined;
    const source = slot === undefined ? undefined : sourceOf(found.document, slot.scalar);
    const isThere = slot !== undefined && (force || source === change.to);
    if (!isThere || !isAlone || change.from === "") {
      rest.push(change);
      continue;
    }
    splices.push({ document: found.document, scalar: slot.scalar, source: change.from });
    restored.push({ ...change, to: source ?? change.to });
  }
  const result = applySplices(text, splices);
  if (!result.ok) return refuse("verification-failed", result.detail);
  return { ok: true, text: result.text, changes: restored, rest };
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

function targetOf(text: string, name: string): Target | Refused {
  const found = openKustomization(text);
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
  const found = openKustomization(text);
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
