import { isMap, isScalar, type YAMLMap } from "yaml";
import { findKustomization, type FoundEntry, type FoundKustomization } from "./kustomization.ts";
import { refuse, type Refused } from "./manifest-edit.ts";
import { readHabits, type Habits, type TextEdit } from "./manifest-insert.ts";
import { isSameTree } from "./manifest-splice.ts";
import { readDocuments, splitDocuments } from "./manifest-yaml.ts";

type Proved = { readonly ok: true; readonly text: string; readonly changes: readonly never[] } | Refused;

/** The kustomization a text is, and how it is written. */
export function openKustomization(
  text: string,
): (FoundKustomization & { readonly habits: Habits }) | Refused {
  const found = findKustomization(readDocuments(text)[0]);
  if (found === undefined || !found.document.parsed.ok)
    return refuse("not-found", "this is no kustomization");
  if (found.encrypted) return refuse("encrypted", "the kustomization is encrypted with sops");
  return { ...found, habits: readHabits(found.document.source, found.document.parsed.doc) };
}

/** The text with one edit in place. */
export function put(text: string, found: FoundKustomization, edit: TextEdit): string {
  const { start } = found.document;
  return text.slice(0, start + edit.start) + edit.text + text.slice(start + edit.end);
}

/** What an edit of a kustomization is about. */
export interface Proof {
  readonly name: string;
  readonly field: "newTag" | "digest" | "entry";
  /** What must be read there; undefined when that is looked at elsewhere. */
  readonly value: string | undefined;
}

/** The edited text, if nothing else than meant would change. */
export function proved(text: string, edit: TextEdit, proof: Proof): Proved {
  const found = openKustomization(text);
  return "ok" in found ? found : provedText(text, put(text, found, edit), proof);
}

/** Everything but this one field, or this one entry, is what it was. */
export function provedText(before: string, after: string, proof: Proof): Proved {
  const [was, is] = [openKustomization(before), openKustomization(after)];
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
