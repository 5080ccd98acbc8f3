import { isObject, type JsonObject } from "./json.ts";

/**
 * A set of fields of an object, as a tree. The keys are path segments in the notation of `fieldsV1`:
 * `f:name` a field, `k:{"name":"x"}` a list item by its keys, `v:"x"` a list item by its value.
 */
export interface FieldSet {
  /** Whether the field at this node itself belongs to the set. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

/** A path inside an object, from the root. */
export type FieldPath = readonly string[];

const noChildren: ReadonlyMap<string, FieldSet> = new Map();

/** The set of nothing. */
export const emptySet: FieldSet = { member: false, children: noChildren };

/** The set that holds just the field itself. */
export const leafSet: FieldSet = { member: true, children: noChildren };

/** A set from a node's membership and its children; empty children are left out. */
export function fieldSet(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  const kept = [...children].filter(([, child]) => !isEmptySet(child));
  return { member, children: new Map(kept) };
}

/** Whether nothing belongs to the set. */
export function isEmptySet(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

// The three operations give back what they were given where nothing changes: sets are compared and
// written far more often than they differ.

/** What is in either. */
export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right || isEmptySet(right)) return left;
  if (isEmptySet(left)) return right;
  const children = new Map(left.children);
  let grown = right.member && !left.member;
  for (const [segment, child] of right.children) {
    const known = left.children.get(segment);
    const joined = known === undefined ? child : union(known, child);
    if (joined === known) continue;
    children.set(segment, joined);
    grown = true;
  }
  return grown ? { member: left.member || right.member, children } : left;
}

/** What is in both. */
export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  const children = new Map<string, FieldSet>();
  for (const [segment, child] of left.children) {
    const other = right.children.get(segment);
    const shared = other === undefined ? emptySet : intersection(child, other);
    if (!isEmptySet(shared)) children.set(segment, shared);
  }
  const member = left.member && right.member;
  return member || children.size > 0 ? { member, children } : emptySet;
}

/** What is in the left one and not in the right one. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  let shrunk = left.member && right.member;
  for (const [segment, child] of left.children) {
    const other = right.children.get(segment);
    const rest = other === undefined ? child : difference(child, other);
    if (rest !== child) shrunk = true;
    if (!isEmptySet(rest)) children.set(segment, rest);
  }
  return shrunk ? { member: left.member && !right.member, children } : left;
}

/** Whether both hold the same fields. */
export function sameSet(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true;
  if (left.member !== right.member || left.children.size !== right.children.size) return false;
  return [...left.children].every(([segment, child]) => {
    const other = right.children.get(segment);
    return other !== undefined && sameSet(child, other);
  });
}

/** The set that holds the one field at the path. */
export function singleton(path: FieldPath): FieldSet {
  return path.reduceRight<FieldSet>((set, segment) => fieldSet(false, [[segment, set]]), leafSet);
}

/** Every member as a path, sorted. */
export function memberPaths(set: FieldSet, prefix: FieldPath = []): readonly FieldPath[] {
  const own = set.member ? [prefix] : [];
  const segments = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...own, ...segments.flatMap(([segment, child]) => memberPaths(child, [...prefix, segment]))];
}

/** A path as error texts show it: `.spec.template.spec.containers[name="c"].image`. */
export function pathText(path: FieldPath): string {
  return path.map(segmentText).join("");
}

function segmentText(segment: string): string {
  const body = segment.slice(2);
  if (segment.startsWith("f:")) return `.${body}`;
  if (segment.startsWith("v:")) return `[=${body}]`;
  const keys: JsonObject = JSON.parse(body);
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(",")}]`;
}

const written = new WeakMap<FieldSet, JsonObject>();
const read = new WeakMap<JsonObject, FieldSet>();

/** The `fieldsV1` form. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const known = written.get(set);
  if (known !== undefined) return known;
  const fields = writeNode(set);
  written.set(set, fields);
  read.set(fields, set);
  return fields;
}

function writeNode(set: FieldSet): JsonObject {
  const sorted = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  const children = Object.fromEntries(sorted.map(([segment, child]) => [segment, writeNode(child)]));
  return set.member && sorted.length > 0 ? { ".": {}, ...children } : children;
}

/** Reads the `fieldsV1` form. */
export function fromFieldsV1(fields: JsonObject): FieldSet {
  const known = read.get(fields);
  if (known !== undefined) return known;
  const set = readNode(fields, true);
  read.set(fields, set);
  return set;
}

function readNode(fields: JsonObject, isRoot: boolean): FieldSet {
  const entries = Object.entries(fields).filter(([segment]) => segment !== ".");
  const children = entries.map(([segment, child]): readonly [string, FieldSet] => [
    segment,
    readNode(isObject(child) ? child : {}, false),
  ]);
  return fieldSet(!isRoot && (Object.hasOwn(fields, ".") || entries.length === 0), children);
}
