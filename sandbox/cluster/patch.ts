import { patchRejected } from "./errors.ts";
import { equal, isList, isObject, type Json, type JsonObject } from "./json.ts";
import type { FieldType, Schema } from "./schema.ts";

/** The value after an RFC 7386 merge patch. */
export function mergePatch(value: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json | undefined> = { ...(isObject(value) ? value : {}) };
  for (const [key, item] of Object.entries(patch)) {
    if (item === null || item === undefined) delete result[key];
    else result[key] = mergePatch(result[key], item);
  }
  return result;
}

/** The value after a strategic merge patch: like a merge patch, but keyed lists are merged item by item. */
export function strategicMerge(schema: Schema, type: FieldType, { value, patch }: StrategicInput): Json {
  if (type.type === "list" && isList(patch)) return strategicList(schema, type, { value, patch });
  if (!isObject(patch)) return patch;
  if (patch["$patch"] === "replace") return withoutDirectives(patch);
  const base: Record<string, Json | undefined> = { ...(isObject(value) ? value : {}) };
  for (const [key, item] of Object.entries(withoutDirectives(patch))) {
    if (item === null || item === undefined) delete base[key];
    else base[key] = strategicMerge(schema, fieldType(schema, type, key), { value: base[key], patch: item });
  }
  return base;
}

/** What a strategic merge works on. */
export interface StrategicInput {
  readonly value: Json | undefined;
  readonly patch: Json;
}

function strategicList(
  schema: Schema,
  type: Extract<FieldType, { type: "list" }>,
  { value, patch }: { value: Json | undefined; patch: readonly Json[] },
): Json {
  const live = isList(value) ? value : [];
  if (type.merge.by === "value") return [...live, ...patch.filter((item) => !live.includes(item))];
  const [key] = type.merge.by === "keys" ? type.merge.keys : [];
  if (key === undefined) return patch;
  const result = [...live];
  for (const item of patch) {
    if (!isObject(item)) throw patchRejected();
    const place = result.findIndex((one) => isObject(one) && equal(one[key], item[key]));
    if (item["$patch"] === "delete") result.splice(place, place < 0 ? 0 : 1);
    else if (place < 0) result.push(withoutDirectives(item));
    else result[place] = strategicMerge(schema, type.item, { value: result[place], patch: item });
  }
  return result;
}

function fieldType(schema: Schema, type: FieldType, key: string): FieldType {
  if (type.type === "map") return type.value;
  const field = type.type === "struct" ? schema.get(type.name)?.fields.get(key) : undefined;
  return field ?? { type: "untyped" };
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith("$")));
}

/** The value after the operations of an RFC 6902 patch; any that cannot be done refuses the whole patch. */
export function jsonPatch(value: Json, operations: Json): Json {
  if (!isList(operations)) throw patchRejected();
  return operations.reduce<Json>((result, operation) => {
    if (!isObject(operation)) throw patchRejected();
    return applyOperation(result, operation);
  }, value);
}

function applyOperation(value: Json, operation: JsonObject): Json {
  const path = pointer(operation["path"]);
  const item = operation["value"];
  switch (operation["op"]) {
    case "test":
      if (!equal(find(value, path), item)) throw patchRejected();
      return value;
    case "remove":
      return edit(value, path, { act: "remove" });
    case "add":
      return edit(value, path, { act: "add", item: given(item) });
    case "replace":
      return edit(value, path, { act: "replace", item: given(item) });
    case "copy":
      return edit(value, path, { act: "add", item: given(find(value, pointer(operation["from"]))) });
    case "move": {
      const from = pointer(operation["from"]);
      const moved = given(find(value, from));
      return edit(edit(value, from, { act: "remove" }), path, { act: "add", item: moved });
    }
    default:
      throw patchRejected();
  }
}

function given(item: Json | undefined): Json {
  if (item === undefined) throw patchRejected();
  return item;
}

function pointer(text: Json | undefined): readonly string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) throw patchRejected();
  return text
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((here, token) => {
    if (isList(here)) return here[Number(token)];
    return isObject(here) && Object.hasOwn(here, token) ? here[token] : undefined;
  }, value);
}

type Edit = { readonly act: "remove" } | { readonly act: "add" | "replace"; readonly item: Json };

function edit(value: Json | undefined, path: readonly string[], change: Edit): Json {
  const [token, ...rest] = path;
  if (token === undefined) {
    if (change.act === "remove") throw patchRejected();
    return change.item;
  }
  if (isList(value)) return editList(value, [token, ...rest], change);
  if (!isObject(value)) throw patchRejected();
  if (rest.length > 0) return { ...value, [token]: edit(value[token], rest, change) };
  if (change.act !== "add" && value[token] === undefined) throw patchRejected();
  if (change.act !== "remove") return { ...value, [token]: change.item };
  const { [token]: _, ...left } = value;
  return left;
}

function editList(value: readonly Json[], path: readonly [string, ...string[]], change: Edit): Json {
  const [token, ...rest] = path;
  const index = token === "-" ? value.length : Number(token);
  const last = change.act === "add" && rest.length === 0 ? value.length : value.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > last) throw patchRejected();
  if (rest.length > 0) return value.with(index, edit(value[index], rest, change));
  if (change.act === "remove") return value.toSpliced(index, 1);
  return change.act === "add" ? value.toSpliced(index, 0, change.item) : value.with(index, change.item);
}
