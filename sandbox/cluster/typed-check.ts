import { unreachable } from "#common/domain/unreachable.ts";

import { pathText, type FieldPath } from "./field-set.ts";
import { isList, isObject, type Json } from "./json.ts";
import type { FieldType, Scalar, Schema } from "./schema.ts";
import { itemSegment } from "./structured.ts";

/** Why an applied document does not fit the schema, in the server's words, or undefined when it fits. */
export function schemaFault(schema: Schema, type: FieldType, value: Json): string | undefined {
  return check(schema, type, { value, path: [] });
}

interface Place {
  readonly value: Json;
  readonly path: FieldPath;
}

function check(schema: Schema, type: FieldType, place: Place): string | undefined {
  if (place.value === null) return undefined;
  switch (type.type) {
    case "untyped":
      return undefined;
    case "scalar":
      return scalarFault(type.scalar, place);
    case "struct":
    case "map":
      return mapFault(schema, type, place);
    case "list":
      return listFault(schema, type, place);
    default:
      return unreachable(type);
  }
}

function mapFault(
  schema: Schema,
  type: Extract<FieldType, { type: "struct" | "map" }>,
  { value, path }: Place,
): string | undefined {
  if (!isObject(value)) return `${pathText(path)}: expected map, got &{${goText(value)}}`;
  for (const [key, item] of Object.entries(value)) {
    const inner = [...path, `f:${key}`];
    const itemType = type.type === "map" ? type.value : schema.get(type.name)?.fields.get(key);
    if (itemType === undefined) return `${pathText(inner)}: field not declared in schema`;
    const fault = check(schema, itemType, { value: item ?? null, path: inner });
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function listFault(
  schema: Schema,
  type: Extract<FieldType, { type: "list" }>,
  { value, path }: Place,
): string | undefined {
  if (!isList(value)) return `${pathText(path)}: expected list, got &{${goText(value)}}`;
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const segment = type.merge.by === "position" ? undefined : itemSegment(schema, type, item);
    if (segment !== undefined && seen.has(segment)) {
      return `${pathText(path)}: duplicate entries for key ${pathText([segment])}`;
    }
    if (segment !== undefined) seen.add(segment);
    // pathText knows no indexes; written as a value they read the same.
    const inner = [...path, segment ?? `v:${index}`];
    const fault = check(schema, type.item, { value: item, path: inner });
    if (fault !== undefined) return fault.replace(`[=${index}]`, `[${index}]`);
  }
  return undefined;
}

/** The fault of a fraction where an integer belongs; the server words it unlike the others. */
export const fractionFault = "cannot convert float64 to int32";

function scalarFault(scalar: Scalar, { value, path }: Place): string | undefined {
  const where = pathText(path);
  switch (scalar) {
    case "string":
      if (typeof value === "string") return undefined;
      return `${where}: expected string, got &value.valueUnstructured{Value:${goLiteral(value)}}`;
    case "integer":
    case "number":
      if (typeof value !== "number") {
        const got = typeof value === "boolean" ? "bool" : typeof value;
        return `${where}: expected numeric (int or float), got ${got}`;
      }
      return scalar === "integer" && !Number.isInteger(value) ? fractionFault : undefined;
    case "boolean":
      return typeof value === "boolean" ? undefined : `${where}: expected boolean, got &{${goText(value)}}`;
    case "any":
      return typeof value === "object" ? `${where}: expected scalar, got &{${goText(value)}}` : undefined;
    default:
      return unreachable(scalar);
  }
}

/** A value as the server's error texts quote it. */
function goLiteral(value: Json): string {
  if (isList(value)) return `[]interface {}{${value.map(goLiteral).join(", ")}}`;
  return isObject(value) ? `map[string]interface {}${JSON.stringify(value)}` : JSON.stringify(value);
}

/** A value as the server's error texts print it. */
function goText(value: Json): string {
  if (isList(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isObject(value)) return String(value);
  const entries = Object.entries(value).map(([key, item]) => `${key}:${goText(item ?? null)}`);
  return `map[${entries.join(" ")}]`;
}
