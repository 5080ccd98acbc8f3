import { readFileSync } from "node:fs";

/** How a value of the API is built up, as far as merging and ownership need it. */
export type FieldType =
  | { readonly type: "scalar"; readonly scalar: Scalar }
  | { readonly type: "untyped" }
  | { readonly type: "struct"; readonly name: string; readonly atomic: boolean }
  | { readonly type: "map"; readonly value: FieldType; readonly atomic: boolean }
  | { readonly type: "list"; readonly item: FieldType; readonly merge: ListMerge };

/** What a single value may be; `any` is a quantity, a number or a string. */
export type Scalar = "string" | "integer" | "number" | "boolean" | "any";

/** How the items of a list are told apart. */
export type ListMerge =
  | { readonly by: "position" }
  | { readonly by: "value" }
  | { readonly by: "keys"; readonly keys: readonly string[] };

/** One struct: its fields, and the defaults that matter for list keys. */
export interface StructType {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly defaults: ReadonlyMap<string, string>;
}

/** All structs by name; the name of a kind is the name of its struct. */
export type Schema = ReadonlyMap<string, StructType>;

const scalars: Readonly<Record<string, FieldType>> = {
  s: { type: "scalar", scalar: "string" },
  i: { type: "scalar", scalar: "integer" },
  n: { type: "scalar", scalar: "number" },
  b: { type: "scalar", scalar: "boolean" },
  "?": { type: "scalar", scalar: "any" },
  "*": { type: "untyped" },
};

/** The schema of the kinds the sandbox serves (schema.txt says how it is written). */
export function loadSchema(): Schema {
  return parseSchema(readFileSync(new URL("schema.txt", import.meta.url), "utf8"));
}

/** Reads the notation of schema.txt. */
export function parseSchema(text: string): Schema {
  const structs = new Map<string, StructType>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [name = "", ...fields] = line.split(" ");
    structs.set(name, parseStruct(fields));
  }
  return structs;
}

function parseStruct(texts: readonly string[]): StructType {
  const fields = new Map<string, FieldType>();
  const defaults = new Map<string, string>();
  for (const text of texts.filter((one) => one !== "")) {
    const colon = text.indexOf(":");
    const [type = "", preset] = text.slice(colon + 1).split("=");
    const name = text.slice(0, colon);
    fields.set(name, parseType(type));
    if (preset !== undefined) defaults.set(name, preset);
  }
  return { fields, defaults };
}

function parseType(text: string): FieldType {
  const scalar = Object.hasOwn(scalars, text) ? scalars[text] : undefined;
  if (scalar !== undefined) return scalar;
  if (text.startsWith("[")) return parseList(text);
  const atomic = text.endsWith("!");
  const bare = atomic ? text.slice(0, -1) : text;
  if (bare.startsWith("{")) return { type: "map", value: parseType(bare.slice(1, -1)), atomic };
  return { type: "struct", name: bare, atomic };
}

function parseList(text: string): FieldType {
  const close = text.lastIndexOf("]");
  const item = parseType(text.slice(1, close));
  const rest = text.slice(close + 1);
  if (rest === "set") return { type: "list", item, merge: { by: "value" } };
  if (rest === "") return { type: "list", item, merge: { by: "position" } };
  return { type: "list", item, merge: { by: "keys", keys: rest.slice(1, -1).split(",") } };
}
