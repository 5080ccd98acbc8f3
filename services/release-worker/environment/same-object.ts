import { isDeepStrictEqual } from "node:util";

import { fieldManager, type CommittedDocument, type LiveObject, type ManagedFields } from "./live-object.ts";

/** Whether applying a document would change nothing, told without asking the API server. */

type PlainObject = Readonly<Record<string, unknown>>;

/** What a field manager owns, as `managedFields` says it: `f:name` and `k:{…}` are members, `{}` is a leaf. */
type Fields = Readonly<Record<string, unknown>>;

const mostTold = 20;
const ourAnnotations = "f:applied.slipway.dev/";
/** What names the object or is the API server's own is never compared. */
const identity = new Set(["apiVersion", "kind", "status"]);
const comparedMetadata = ["labels", "annotations", "finalizers", "ownerReferences"];

/**
 * Paths at which the live object is, or may be, other than our last apply of this document would
 * leave it; at most 20. Empty means for sure that there is nothing to send: every field has its
 * value, and we own none that the document no longer has. Undefined: we never applied the object.
 */
export function differences(document: CommittedDocument, live: LiveObject): readonly string[] | undefined {
  const entry = ownEntry(live);
  if (entry === undefined) return undefined;
  if (entry.apiVersion !== document.apiVersion) return ["apiVersion"];
  const found: string[] = [];
  const owned = asFields(entry.fieldsV1) ?? {};
  const { metadata } = document as unknown as { readonly metadata: PlainObject };
  const liveMetadata = live.metadata as unknown as PlainObject;
  const ownedMetadata = asFields(owned["f:metadata"]);
  for (const key of comparedMetadata) {
    const wanted = key === "annotations" ? { ...asObject(metadata[key]) } : metadata[key];
    walk({ found, path: key }, [wanted, liveMetadata[key], ownedMetadata?.[`f:${key}`]]);
  }
  const plain = document as unknown as PlainObject;
  const rest = keysOf(plain, owned).filter((key) => key !== "metadata" && !identity.has(key));
  for (const key of rest) {
    walk({ found, path: key }, [plain[key], (live as unknown as PlainObject)[key], owned[`f:${key}`]]);
  }
  return found.slice(0, mostTold);
}

/** What we own of the object by applying it, when that is one entry alone. */
function ownEntry(live: LiveObject): ManagedFields | undefined {
  const ours = (live.metadata.managedFields ?? []).filter(
    (entry) => entry.manager === fieldManager && entry.operation === "Apply",
  );
  return ours.length === 1 ? ours[0] : undefined;
}

interface Place {
  readonly found: string[];
  readonly path: string;
}

type Three = readonly [wanted: unknown, live: unknown, owned: unknown];

function walk(at: Place, [wanted, live, owned]: Three): void {
  if (at.found.length >= mostTold) return;
  const fields = asFields(owned);
  // Null is written as nothing at all.
  if (wanted === null || wanted === undefined) {
    if (fields !== undefined && hasMembers(fields)) at.found.push(at.path);
    return;
  }
  const isLeaf = fields === undefined || Object.keys(fields).length === 0;
  if (isLeaf) {
    if (!isDeepStrictEqual(wanted, live)) tellInner(at, wanted, live);
  } else if (Array.isArray(wanted)) {
    walkList(at, [wanted, live, fields]);
  } else {
    const object = asObject(wanted);
    const liveObject = asObject(live);
    if (object === undefined || liveObject === undefined) at.found.push(at.path);
    else walkObject(at, [object, liveObject, fields]);
  }
}

/** Which members of two values of one piece are not equal; the piece itself where that is all there is to tell. */
function tellInner(at: Place, wanted: unknown, live: unknown): void {
  const [object, liveObject] = [asObject(wanted), asObject(live)];
  const keys = object === undefined || liveObject === undefined ? [] : Object.keys(object);
  const different = keys.filter((key) => !isDeepStrictEqual(object?.[key], liveObject?.[key]));
  if (different.length === 0) at.found.push(at.path);
  for (const key of different)
    tellInner({ ...at, path: `${at.path}.${key}` }, object?.[key], liveObject?.[key]);
}

/** An entry that holds nothing but its own mark and our annotations is not missed. */
function hasMembers(fields: Fields): boolean {
  const keys = Object.keys(fields);
  return keys.length === 0 || keys.some((key) => key !== "." && !key.startsWith(ourAnnotations));
}

function walkObject(at: Place, three: readonly [PlainObject, PlainObject, Fields]): void {
  const [wanted, live, owned] = three;
  for (const key of keysOf(wanted, owned)) {
    walk({ ...at, path: `${at.path}.${key}` }, [wanted[key], live[key], owned[`f:${key}`]]);
  }
}

/** Every key of the document, and every other that we own. */
function keysOf(wanted: PlainObject, owned: Fields): string[] {
  const owns = Object.keys(owned).filter((key) => key.startsWith("f:") && !key.startsWith(ourAnnotations));
  return [...new Set([...Object.keys(wanted), ...owns.map((key) => key.slice(2))])];
}

/** Lists whose items are told apart by keys (containers, ports) or by value (finalizers). */
function walkList(at: Place, three: readonly [readonly unknown[], unknown, Fields]): void {
  const [wanted, live, owned] = three;
  const members = Object.keys(owned).filter((key) => key !== ".");
  if (!Array.isArray(live) || members.length !== wanted.length) {
    at.found.push(at.path);
    return;
  }
  const free = new Set(members);
  let last = -1;
  for (const item of wanted) {
    const member = [...free].filter((key) => isMember(key, item));
    const [key] = member;
    if (key === undefined || member.length > 1) {
      at.found.push(at.path);
      continue;
    }
    free.delete(key);
    const place = live.findIndex((one) => hasKey(key, one));
    // An apply brings the items into the document's order: of init containers that is their order of running.
    if (place < last) at.found.push(at.path);
    last = Math.max(last, place);
    const fields = key.startsWith("v:") ? {} : owned[key];
    walk({ ...at, path: `${at.path}[${nameOf(key)}]` }, [item, live[place], fields]);
  }
}

/** Whether an item of the document can be this member; a key that it leaves out has its default. */
function isMember(member: string, item: unknown): boolean {
  return matches(member, item, (value, wanted) => value === undefined || value === wanted);
}

function hasKey(member: string, item: unknown): boolean {
  return matches(member, item, (value, wanted) => value === wanted);
}

function matches(member: string, item: unknown, fits: (value: unknown, wanted: unknown) => boolean): boolean {
  const text = member.slice(2);
  if (member.startsWith("v:")) return JSON.stringify(item) === text;
  const object = asObject(item);
  if (!member.startsWith("k:") || object === undefined) return false;
  const keys = Object.entries(JSON.parse(text) as PlainObject);
  return keys.every(([key, wanted]) => fits(object[key], wanted));
}

/** "web" of `k:{"name":"web"}`. */
function nameOf(member: string): string {
  const text = member.slice(2);
  if (!member.startsWith("k:")) return text;
  return Object.values(JSON.parse(text) as PlainObject).join("/");
}

function asFields(value: unknown): Fields | undefined {
  return asObject(value);
}

function asObject(value: unknown): PlainObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as PlainObject)
    : undefined;
}
