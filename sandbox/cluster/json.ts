import { isDeepStrictEqual } from "node:util";

/** A JSON value that nobody changes in place. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object; absent and `undefined` mean the same. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Whether the value is an object (and neither a list nor null). */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Structural equality; the order of keys does not matter. */
export function equal(left: Json | undefined, right: Json | undefined): boolean {
  return left === right || isDeepStrictEqual(left, right);
}

/** The value found by walking the keys, if every step exists. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here: Json | undefined = value;
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined;
    here = here[key];
  }
  return here;
}

/** The object at the path, or an empty one. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}

/** The list of objects at the path, or an empty one. */
export function objectsAt(value: Json | undefined, ...path: readonly string[]): readonly JsonObject[] {
  const found = at(value, ...path);
  return isList(found) ? found.filter(isObject) : [];
}

/** The string at the path, or an empty one. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The number at the path, or zero. */
export function numberAt(value: Json | undefined, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

/** The object with the value set at the path; objects on the way are made where they are missing. */
export function withAt(value: JsonObject, path: readonly string[], leaf: Json): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  return { ...value, [key]: rest.length === 0 ? leaf : withAt(objectAt(value, key), rest, leaf) };
}

/** The object without keys that are undefined. */
export function compact(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

/** The value without nulls in objects, as a decoder with optional fields would keep it. */
export function withoutNulls(value: Json): Json {
  if (isList(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const kept: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined && item !== null) kept[key] = withoutNulls(item);
  }
  return kept;
}
