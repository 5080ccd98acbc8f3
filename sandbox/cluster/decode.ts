import { unreachable } from "#common/domain/unreachable.ts";

import { badRequest, StatusError } from "./errors.ts";
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import type { FieldType, Scalar, Schema } from "./schema.ts";
import { objectType } from "./structured.ts";

/** How fields that the kind does not have are taken. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** A body as the server keeps it: nulls and unknown fields dropped. */
export interface Decoded {
  readonly object: JsonObject;
  readonly unknown: readonly string[];
}

/** Reads a body sent to create or replace an object; refuses wrong types, and unknown fields if strict. */
export function decodeBody(
  schema: Schema,
  kind: ResourceKind,
  { body, validation }: { readonly body: JsonObject; readonly validation: FieldValidation },
): Decoded {
  const { object, unknown } = decodeObject(schema, kind, body);
  if (validation === "Strict" && unknown.length > 0) {
    throw badRequest(`${cannotBeHandled(kind)}: ${strictError(unknown)}`);
  }
  return { object, unknown };
}

/** The same for the result of a patch, whose refusal names the patch. */
export function decodePatched(
  schema: Schema,
  kind: ResourceKind,
  { body, patch, validation }: { body: JsonObject; patch: string; validation: FieldValidation },
): Decoded {
  const { object, unknown } = decodeObject(schema, kind, body);
  if (validation !== "Strict" || unknown.length === 0) return { object, unknown };
  const message = `Invalid value: ${JSON.stringify(patch)}: ${strictError(unknown)}`;
  throw new StatusError(422, ` "" is invalid: patch: ${message}`, {
    reason: "Invalid",
    details: { causes: [{ reason: "FieldValueInvalid", message, field: "patch" }] },
  });
}

function cannotBeHandled(kind: ResourceKind): string {
  return `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`;
}

function strictError(unknown: readonly string[]): string {
  return `strict decoding error: ${unknown.map((field) => `unknown field "${field}"`).join(", ")}`;
}

function decodeObject(schema: Schema, kind: ResourceKind, body: JsonObject): Decoded {
  const unknown: string[] = [];
  const walk = { schema, kind, unknown };
  const object = decode(walk, objectType(schema, kind.kind), { value: body, path: "", struct: kind.kind });
  return { object: isObject(object) ? object : {}, unknown };
}

interface Walk {
  readonly schema: Schema;
  readonly kind: ResourceKind;
  readonly unknown: string[];
}

interface Place {
  readonly value: Json;
  readonly path: string;
  readonly struct: string;
}

function decode(walk: Walk, type: FieldType, place: Place): Json {
  const { value, path } = place;
  switch (type.type) {
    case "untyped":
      return value;
    case "scalar":
      return decodeScalar(walk, type.scalar, place);
    case "list": {
      if (!isList(value)) throw wrongType(walk.kind, place, "[]");
      return value.map((item, index) =>
        decode(walk, type.item, { ...place, value: item, path: `${path}[${index}]` }),
      );
    }
    case "struct":
    case "map":
      return decodeMap(walk, type, place);
    default:
      return unreachable(type);
  }
}

function decodeMap(walk: Walk, type: Extract<FieldType, { type: "struct" | "map" }>, place: Place): Json {
  const { value, path } = place;
  const struct = type.type === "struct" ? type.name : place.struct;
  if (!isObject(value)) throw wrongType(walk.kind, place, type.type === "struct" ? `v1.${type.name}` : "map");
  const kept: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    const inner = path === "" ? key : `${path}.${key}`;
    const itemType = type.type === "map" ? type.value : walk.schema.get(type.name)?.fields.get(key);
    if (itemType === undefined) walk.unknown.push(inner);
    else if (item !== null && item !== undefined) {
      kept[key] = decode(walk, itemType, { value: item, path: inner, struct });
    }
  }
  return kept;
}

function decodeScalar(walk: Walk, scalar: Scalar, place: Place): Json {
  const { value } = place;
  if (scalar === "string" && typeof value !== "string") throw wrongType(walk.kind, place, "string");
  if (scalar === "boolean" && typeof value !== "boolean") throw wrongType(walk.kind, place, "bool");
  if (scalar === "number" && typeof value !== "number") throw wrongType(walk.kind, place, "float64");
  if (scalar === "integer" && !Number.isInteger(value)) throw wrongType(walk.kind, place, "int32");
  return value;
}

function wrongType(kind: ResourceKind, { value, path, struct }: Place, wanted: string): StatusError {
  const got = nameOf(value);
  const where = `${struct}.${path.replaceAll(/\[\d+\]/g, "")}`;
  return badRequest(
    `${cannotBeHandled(kind)}: json: cannot unmarshal ${got} into Go struct field ${where} of type ${wanted}`,
  );
}

function nameOf(value: Json): string {
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}
