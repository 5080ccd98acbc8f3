import { emptySet, fieldSet, isEmptySet, leafSet, type FieldSet } from "./field-set.ts";
import { equal, isList, isObject, type Json, type JsonObject } from "./json.ts";
import type { FieldType, ListMerge, Schema } from "./schema.ts";

// Values of the API seen through their schema: which parts they have, and what follows from that for
// ownership (field sets), comparing, merging and pruning.

/** One part of a value: a field of a struct, an entry of a map, an item of a list. */
export interface Part {
  readonly segment: string;
  readonly type: FieldType;
  readonly value: Json;
}

/** What differs between two values. */
export interface Difference {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

/** The type of a whole object of this kind; kinds without a schema are taken as they are. */
export function objectType(schema: Schema, kind: string): FieldType {
  return schema.has(kind) ? { type: "struct", name: kind, atomic: false } : { type: "untyped" };
}

/** The parts that can be owned one by one, or undefined when the value is owned as a whole. */
export function partsOf(
  schema: Schema,
  type: FieldType,
  value: Json | undefined,
): readonly Part[] | undefined {
  if (type.type === "struct" && !type.atomic && isObject(value)) {
    const fields = schema.get(type.name)?.fields;
    return fieldParts(value, (key) => fields?.get(key) ?? { type: "untyped" });
  }
  if (type.type === "map" && !type.atomic && isObject(value)) return fieldParts(value, () => type.value);
  if (type.type === "list" && type.merge.by !== "position" && isList(value)) {
    const { item, merge } = type;
    return value.map((one) => ({ segment: itemSegment(schema, type, one), type: item, value: one, merge }));
  }
  return undefined;
}

function fieldParts(value: JsonObject, typeOf: (key: string) => FieldType): readonly Part[] {
  return Object.entries(value).flatMap(([key, item]) =>
    item === undefined || item === null ? [] : [{ segment: `f:${key}`, type: typeOf(key), value: item }],
  );
}

/** The segment of a list item: by its keys (with their defaults) or by its value. */
export function itemSegment(schema: Schema, list: { item: FieldType; merge: ListMerge }, item: Json): string {
  if (list.merge.by !== "keys") return `v:${JSON.stringify(item)}`;
  const defaults = list.item.type === "struct" ? schema.get(list.item.name)?.defaults : undefined;
  const found = list.merge.keys.toSorted().map((key) => {
    const value = isObject(item) ? item[key] : undefined;
    return [key, value ?? defaults?.get(key) ?? null];
  });
  return `k:${JSON.stringify(Object.fromEntries(found))}`;
}

/** The set of fields a value holds: leaves, list items, and empty containers. */
export function toFieldSet(schema: Schema, type: FieldType, value: Json): FieldSet {
  const parts = partsOf(schema, type, value);
  if (parts === undefined || parts.length === 0) return leafSet;
  return fieldSet(
    false,
    parts.map((part): readonly [string, FieldSet] => {
      const inner = toFieldSet(schema, part.type, part.value);
      return [part.segment, part.segment.startsWith("f:") ? inner : { ...inner, member: true }];
    }),
  );
}

/** What changed from `before` to `after`. */
export function compareValues(
  schema: Schema,
  type: FieldType,
  { before, after }: { readonly before: Json | undefined; readonly after: Json | undefined },
): Difference {
  if (before === after) return same;
  if (before === undefined)
    return { ...same, added: everyNode(schema, { segment: "", type, value: after ?? {} }) };
  if (after === undefined)
    return { ...same, removed: everyNode(schema, { segment: "", type, value: before }) };
  const left = partsOf(schema, type, before);
  const right = partsOf(schema, type, after);
  if (left === undefined || right === undefined) {
    return equal(before, after) ? same : { ...same, modified: leafSet };
  }
  return compareParts(schema, left, right);
}

/** Nothing differs. */
const same: Difference = { added: emptySet, removed: emptySet, modified: emptySet };

function compareParts(schema: Schema, left: readonly Part[], right: readonly Part[]): Difference {
  const before = new Map(left.map((part) => [part.segment, part]));
  const after = new Map(right.map((part) => [part.segment, part]));
  const segments = [...new Set([...before.keys(), ...after.keys()])];
  const inner = segments.map((segment): readonly [string, Difference] => {
    const [old, next] = [before.get(segment), after.get(segment)];
    if (old === undefined && next !== undefined)
      return [segment, { ...same, added: everyNode(schema, next) }];
    if (next === undefined && old !== undefined)
      return [segment, { ...same, removed: everyNode(schema, old) }];
    if (old === undefined || next === undefined) return [segment, same];
    return [segment, compareValues(schema, next.type, { before: old.value, after: next.value })];
  });
  const collect = (side: keyof Difference): FieldSet =>
    fieldSet(
      false,
      inner.map(([segment, difference]) => [segment, difference[side]]),
    );
  return { added: collect("added"), removed: collect("removed"), modified: collect("modified") };
}

/** The field set of a value that appears or disappears whole: its maps and lists count as fields too. */
function everyNode(schema: Schema, part: Part): FieldSet {
  const parts = partsOf(schema, part.type, part.value);
  if (parts === undefined || parts.length === 0) return leafSet;
  // `containers` is written even when empty, so that the list itself is never new to the real server.
  const isContainer =
    (part.type.type === "map" || part.type.type === "list") && part.segment !== "f:containers";
  const isItem = part.segment !== "" && !part.segment.startsWith("f:");
  return fieldSet(
    isContainer || isItem,
    parts.map((child) => [child.segment, everyNode(schema, child)]),
  );
}

/** `live` with everything `applied` says; items of keyed lists are merged, others replaced. */
export function mergeValues(schema: Schema, type: FieldType, { live, applied }: MergeInput): Json {
  if (live === undefined) return applied;
  const left = partsOf(schema, type, live);
  const right = partsOf(schema, type, applied);
  if (left === undefined || right === undefined) return applied;
  const liveBySegment = new Map(left.map((part) => [part.segment, part.value]));
  const merged = right.map((part) => ({
    segment: part.segment,
    value: mergeValues(schema, part.type, { live: liveBySegment.get(part.segment), applied: part.value }),
  }));
  if (type.type === "list") return mergeOrder(left, merged);
  return {
    ...(isObject(live) ? live : {}),
    ...Object.fromEntries(merged.map(({ segment, value }) => [segment.slice(2), value])),
  };
}

/** What is merged. */
export interface MergeInput {
  readonly live: Json | undefined;
  readonly applied: Json;
}

/** The applied order, with items that only the live list has at the place they had. */
function mergeOrder(
  live: readonly Part[],
  merged: readonly { segment: string; value: Json }[],
): readonly Json[] {
  const applied = new Set(merged.map(({ segment }) => segment));
  const result: Json[] = [];
  let next = 0;
  for (const part of live) {
    if (!applied.has(part.segment)) {
      result.push(part.value);
      continue;
    }
    const place = merged.findIndex(({ segment }) => segment === part.segment);
    result.push(...merged.slice(next, place + 1).map(({ value }) => value));
    next = Math.max(next, place + 1);
  }
  return [...result, ...merged.slice(next).map(({ value }) => value)];
}

/** `value` without what `dropped` holds and `kept` does not. */
export function pruneValue(schema: Schema, type: FieldType, { value, dropped, kept }: PruneInput): Json {
  const parts = partsOf(schema, type, value);
  if (parts === undefined || isEmptySet(dropped)) return value;
  const left = parts.flatMap((part) => {
    const drop = dropped.children.get(part.segment);
    const keep = kept.children.get(part.segment);
    if (drop === undefined) return [part];
    if (counts(part.segment, drop) && !counts(part.segment, keep)) return [];
    const inner = { value: part.value, dropped: drop, kept: keep ?? emptySet };
    return [{ ...part, value: pruneValue(schema, part.type, inner) }];
  });
  if (type.type === "list") return left.map((part) => part.value);
  return Object.fromEntries(left.map((part) => [part.segment.slice(2), part.value]));
}

/** A value, the fields an applier gave up, and the fields somebody still owns. */
export interface PruneInput {
  readonly value: Json;
  readonly dropped: FieldSet;
  readonly kept: FieldSet;
}

/** A named field belongs to a set as soon as anything below it does; a list item only by itself. */
function counts(segment: string, set: FieldSet | undefined): boolean {
  return set !== undefined && (segment.startsWith("f:") ? !isEmptySet(set) : set.member);
}
