import { isMap, isScalar, isSeq, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import {
  addToBlock,
  addToFlow,
  boundsOf,
  endOfLine,
  endOfNode,
  entrySource,
  indentOf,
  keySource,
  removeEntry,
  wholeLines,
  writeScalar,
  type Habits,
  type NewEntry,
  type TextEdit,
} from "./manifest-insert.ts";

/** Adds a map to the end of a sequence of maps. */
export function addItem(habits: Habits, list: YAMLSeq, fields: readonly NewEntry[]): TextEdit | undefined {
  const last = list.items.at(-1);
  if (!isMap(last) || last.items.length === 0) return undefined;
  if (list.flow === true) {
    const start = boundsOf(last)[0];
    const [lead = ""] = /\s*$/.exec(habits.source.slice(0, start)) ?? [];
    const end = boundsOf(last)[1];
    return { start: end, end, text: `,${lead === "" ? " " : lead}${flowMap(habits, fields)}` };
  }
  const end = endOfNode(last);
  if (end === undefined) return undefined;
  const first = last.items[0]?.key;
  if (!isScalar(first) && last.flow !== true) return undefined;
  const dash = dashBefore(
    habits.source,
    last.flow === true ? boundsOf(last)[0] : boundsOf(first as Scalar)[0],
  );
  if (dash === undefined) return undefined;
  const at = endOfLine(habits.source, end);
  const lines = fields.map((field) => likeIn(habits, last, field));
  const text = lines
    .map((line, index) => `${habits.eol}${index === 0 ? dash : blanks(dash)}${line}`)
    .join("");
  return { start: at, end: at, text };
}

/** Adds a key to a map whose value is a sequence of one map, or fills the empty one it has. */
export function addSequence(
  habits: Habits,
  map: YAMLMap,
  made: { readonly key: string; readonly fields: readonly NewEntry[] },
): TextEdit | undefined {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === made.key);
  const isFlow = map.flow === true;
  const value = `[${flowMap(habits, made.fields)}]`;
  if (pair === undefined && isFlow) return addToFlow(habits, map, `${keySource(map, made.key)}: ${value}`);
  const lines = made.fields.map(
    (field, index) => `${index === 0 ? "- " : "  "}${entrySource(habits, undefined, field)}`,
  );
  const indent = listIndent(habits, map);
  if (pair === undefined)
    return addToBlock(habits, map, [`${made.key}:`, ...lines.map((line) => indent + line)]);
  if (isSeq(pair.value) && pair.value.items.length === 0) {
    const [start, end] = boundsOf(pair.value);
    return { start, end, text: value };
  }
  if (!isScalar(pair.value) || pair.value.value !== null || !isScalar(pair.key)) return undefined;
  const [start, end] = boundsOf(pair.value);
  if (start < end) return { start, end, text: value };
  const at = endOfLine(habits.source, boundsOf(pair.key)[1]);
  const base = indentOf(habits, pair.key);
  return { start: at, end: at, text: lines.map((line) => `${habits.eol}${base}${indent}${line}`).join("") };
}

/** Takes an item out of a sequence of maps; with the last one the key goes. */
export function removeItem(
  habits: Habits,
  map: YAMLMap,
  of: { readonly key: string; readonly list: YAMLSeq; readonly item: YAMLMap },
): TextEdit | undefined {
  const { list, item } = of;
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === of.key);
  if (list.items.length === 1 && pair !== undefined) return removeEntry(habits, map, pair);
  const at = list.items.indexOf(item);
  const end = endOfNode(item);
  if (end === undefined || at === -1) return undefined;
  if (list.flow === true) {
    const before = list.items[at - 1];
    const next = list.items[at + 1];
    if (isMap(next)) return { start: boundsOf(item)[0], end: boundsOf(next)[0], text: "" };
    return isMap(before) ? { start: boundsOf(before)[1], end: boundsOf(item)[1], text: "" } : undefined;
  }
  const key = item.items[0]?.key;
  const start = item.flow === true ? boundsOf(item)[0] : isScalar(key) ? boundsOf(key)[0] : undefined;
  if (start === undefined || dashBefore(habits.source, start) === undefined) return undefined;
  return wholeLines(habits.source, start, end);
}

/** A field in the quotes that the same field of a neighbour has. */
function likeIn(habits: Habits, neighbour: YAMLMap, field: NewEntry): string {
  const like = neighbour.items.find(({ key }) => isScalar(key) && key.value === field.key)?.value;
  const value = writeScalar(field.value, isScalar(like) ? like.type : undefined, habits.quote);
  return `${keySource(neighbour, field.key)}: ${value}`;
}

/** How far the items of the map's sequences are moved in. */
function listIndent(habits: Habits, map: YAMLMap): string {
  for (const { key, value } of map.items) {
    if (!isScalar(key) || !isSeq(value) || value.flow === true) continue;
    const start = boundsOf(value)[0];
    const line = habits.source.slice(habits.source.lastIndexOf("\n", start - 1) + 1, start);
    const column = line.replace(/-.*$/s, "").length;
    return " ".repeat(Math.max(0, column - indentOf(habits, key).length));
  }
  return "";
}

/** The text of a line up to an item: blanks, a dash, blanks. */
function dashBefore(source: string, start: number): string | undefined {
  const line = source.slice(source.lastIndexOf("\n", start - 1) + 1, start);
  return /^ *- +$/.test(line) ? line : undefined;
}

function blanks(text: string): string {
  return " ".repeat(text.length);
}

function flowMap(habits: Habits, fields: readonly NewEntry[]): string {
  return `{${fields.map((field) => entrySource(habits, undefined, field)).join(", ")}}`;
}
