import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  visit,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { isPlainText, type YamlTree } from "./manifest-yaml.ts";

/** Bytes of one document to replace; offsets inside the document, in UTF-16 units. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One entry to write, both as text. */
export interface NewEntry {
  readonly key: string;
  readonly value: string;
}

/** How the people of a document write. */
export interface Habits {
  readonly source: string;
  readonly eol: "\n" | "\r\n";
  /** Spaces, or in JSON a tab, that one level is moved in by. */
  readonly step: string;
  readonly quote: "'" | '"';
}

/** Reads the habits of a document off its source. */
export function readHabits(source: string, doc: YamlTree): Habits {
  const counts = { "'": 0, '"': 0 };
  visit(doc, {
    Scalar(_, scalar) {
      if (scalar.type === "QUOTE_SINGLE") counts["'"] += 1;
      if (scalar.type === "QUOTE_DOUBLE") counts['"'] += 1;
    },
  });
  return {
    source,
    eol: source.includes("\r\n") ? "\r\n" : "\n",
    step: stepOf(source, doc.contents),
    quote: counts['"'] > counts["'"] ? '"' : "'",
  };
}

/** Adds an entry to a map, after its last one where that has a clear end. */
export function addEntry(habits: Habits, map: YAMLMap, entry: NewEntry): TextEdit {
  const source = entrySource(habits, map, entry);
  return map.flow === true ? addToFlow(habits, map, source) : addToBlock(habits, map, [source]);
}

/** Adds a key to a map whose value is a new map of one entry. */
export function addMapOfOne(habits: Habits, map: YAMLMap, made: { key: string; entry: NewEntry }): TextEdit {
  const { key, entry } = made;
  const name = keySource(map, key);
  if (map.flow !== true) {
    return addToBlock(habits, map, [`${name}:`, habits.step + entrySource(habits, undefined, entry)]);
  }
  const inner = entrySource(habits, map, entry);
  const lead = leadOf(habits, map);
  const value = lead.includes("\n") ? `{${lead}${unitOf(habits)}${inner}${lead}}` : `{${inner}}`;
  return addToFlow(habits, map, `${name}:${colonGap(habits, map)}${value}`);
}

/** Writes the first entry of a map that is empty: `{}`, `~`, or nothing at all after its key. */
export function fillMap(
  habits: Habits,
  parent: YAMLMap,
  filled: { pair: Pair; entry: NewEntry },
): TextEdit | undefined {
  const { pair, entry } = filled;
  const { key, value } = pair;
  if (!isScalar(key)) return undefined;
  if (isMap(value) && value.flow === true) {
    const [start, end] = boundsOf(value);
    const inner = entrySource(habits, parent.flow === true ? parent : undefined, entry);
    const lead = parent.flow === true ? leadOf(habits, parent) : "";
    const text = lead.includes("\n") ? `${lead}${unitOf(habits)}${inner}${lead}` : inner;
    const isBlank = habits.source.slice(start + 1, end - 1).trim() === "";
    return isBlank ? { start: start + 1, end: end - 1, text } : undefined;
  }
  if (!isScalar(value) || value.value !== null) return undefined;
  const [start, end] = boundsOf(value);
  if (start < end) return { start, end, text: `{${entrySource(habits, undefined, entry)}}` };
  if (parent.flow === true) return undefined;
  const at = endOfLine(habits.source, boundsOf(key)[1]);
  const indent = indentOf(habits, key) + habits.step;
  return { start: at, end: at, text: `${habits.eol}${indent}${entrySource(habits, undefined, entry)}` };
}

/** Takes an entry out of a map: whole lines in block style, the entry and its comma in flow style. */
export function removeEntry(habits: Habits, map: YAMLMap, pair: Pair): TextEdit | undefined {
  if (!isScalar(pair.key)) return undefined;
  return map.flow === true ? removeFromFlow(habits, map, pair) : removeLines(habits, pair);
}

/** The text of a scalar, in the quotes wanted; plain text gets quotes where it would be read as something else. */
export function writeScalar(value: string, wanted: Scalar.Type | undefined, quote: "'" | '"'): string {
  // oxlint-disable-next-line no-control-regex -- they are what single quotes cannot hold
  const needsEscapes = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/.test(value);
  if (needsEscapes || wanted === "QUOTE_DOUBLE") return doubleQuoted(value);
  if (wanted === "QUOTE_SINGLE") return singleQuoted(value);
  if (isPlainText(value)) return value;
  return quote === '"' ? doubleQuoted(value) : singleQuoted(value);
}

/** Where a line ends that holds an offset, before its line break. */
export function endOfLine(source: string, offset: number): number {
  const at = source.indexOf("\n", offset);
  if (at === -1) return source.length;
  return at > offset && source[at - 1] === "\r" ? at - 1 : at;
}

function singleQuoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function doubleQuoted(value: string): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** An entry as it would stand in a map. */
export function entrySource(habits: Habits, map: YAMLMap | undefined, entry: NewEntry): string {
  const last = map?.items.at(-1)?.value;
  const wanted = isScalar(last) ? last.type : undefined;
  const isJson = map?.flow === true && isQuotedKey(map.items.at(-1)) === "QUOTE_DOUBLE";
  const value = writeScalar(entry.value, isJson ? "QUOTE_DOUBLE" : wanted, habits.quote);
  const gap = map?.flow === true ? colonGap(habits, map) : " ";
  return `${keySource(map, entry.key)}:${gap}${value}`;
}

/** A key in the quotes of its neighbours. */
export function keySource(map: YAMLMap | undefined, key: string): string {
  return writeScalar(key, isQuotedKey(map?.items.at(-1)), '"');
}

function isQuotedKey(pair: Pair | undefined): Scalar.Type | undefined {
  return isScalar(pair?.key) && pair.key.type !== "PLAIN" ? pair.key.type : undefined;
}

/** Lines after the last entry of a block map that has a clear end; else before its first. */
export function addToBlock(habits: Habits, map: YAMLMap, lines: readonly string[]): TextEdit {
  const [first] = map.items;
  const start = isNodeLike(first?.key) ? boundsOf(first.key)[0] : 0;
  const indent = isScalar(first?.key) ? indentOf(habits, first.key) : "";
  const ends = map.items.map(endOfPair).filter((end) => end !== undefined);
  const last = ends.at(-1);
  if (last === undefined) {
    const text = lines.map((line) => `${line}${habits.eol}${indent}`).join("");
    return { start, end: start, text };
  }
  const at = endOfLine(habits.source, last);
  return { start: at, end: at, text: lines.map((line) => `${habits.eol}${indent}${line}`).join("") };
}

/** An entry behind the last one of a flow map. */
export function addToFlow(habits: Habits, map: YAMLMap, entry: string): TextEdit {
  const last = map.items.at(-1);
  const at = last === undefined ? boundsOf(map)[0] + 1 : (endOfPair(last) ?? boundsOf(map)[0] + 1);
  if (last === undefined) return { start: at, end: at, text: entry };
  return { start: at, end: at, text: `,${leadOf(habits, map)}${entry}` };
}

/** The blanks before the last key of a flow map: how the next one is set apart. */
function leadOf(habits: Habits, map: YAMLMap): string {
  const key = map.items.at(-1)?.key;
  if (!isScalar(key)) return "";
  const [lead = ""] = /\s*$/.exec(habits.source.slice(0, boundsOf(key)[0])) ?? [];
  if (lead.includes("\n") || map.items.length > 1) return lead;
  return colonGap(habits, map) === "" ? "" : " ";
}

/** Compact JSON has nothing between colon and value. */
function colonGap(habits: Habits, map: YAMLMap): string {
  const last = map.items.at(-1);
  if (!isScalar(last?.key) || !isNodeLike(last.value)) return " ";
  const end = boundsOf(last.key)[1];
  const isTight = habits.source[end] === ":" && /[^\s]/.test(habits.source[end + 1] ?? " ");
  return isTight ? "" : " ";
}

function removeFromFlow(habits: Habits, map: YAMLMap, pair: Pair): TextEdit | undefined {
  const index = map.items.indexOf(pair);
  const next = map.items[index + 1]?.key;
  const before = map.items[index - 1];
  if (!isScalar(pair.key)) return undefined;
  const start = boundsOf(pair.key)[0];
  const end = endOfPair(pair);
  if (end === undefined) return undefined;
  if (isNodeLike(next)) return { start, end: boundsOf(next)[0], text: "" };
  if (before === undefined) {
    const [from, to] = boundsOf(map);
    const around = habits.source.slice(from + 1, start) + habits.source.slice(end, to - 1);
    return around.trim() === "" ? { start: from + 1, end: to - 1, text: "" } : { start, end, text: "" };
  }
  const from = endOfPair(before);
  return from === undefined ? undefined : { start: from, end, text: "" };
}

function removeLines(habits: Habits, pair: Pair): TextEdit | undefined {
  const { source } = habits;
  const [start] = isScalar(pair.key) ? boundsOf(pair.key) : [0];
  const from = source.lastIndexOf("\n", start - 1) + 1;
  if (source.slice(from, start).trim() !== "") return undefined;
  return wholeLines(source, start, endOfPair(pair) ?? blockEnd(pair));
}

/** The lines from one offset to another, with a line break: the one behind, or before the last line of a text. */
export function wholeLines(source: string, start: number, end: number): TextEdit {
  const from = source.lastIndexOf("\n", start - 1) + 1;
  const isWhole = end > 0 && source[end - 1] === "\n";
  const newline = isWhole ? end - 1 : source.indexOf("\n", end);
  if (newline !== -1) return { start: from, end: newline + 1, text: "" };
  const previous = from > 1 && source[from - 2] === "\r" ? from - 2 : from - 1;
  return { start: Math.max(0, previous), end: source.length, text: "" };
}

function blockEnd(pair: Pair): number {
  return isNodeLike(pair.value) ? boundsOf(pair.value)[1] : 0;
}

/** Where an entry ends, without comments; undefined for a block scalar, whose end is a matter of blank lines. */
function endOfPair(pair: Pair): number | undefined {
  const key = isNodeLike(pair.key) ? boundsOf(pair.key)[1] : undefined;
  if (!isNodeLike(pair.value)) return key;
  const isNothing = isScalar(pair.value) && pair.value.value === null && pair.value.source === "";
  return isNothing ? key : endOfNode(pair.value);
}

/** Where a node ends, without comments; undefined where that is a matter of blank lines. */
export function endOfNode(node: Node): number | undefined {
  if (isScalar(node)) {
    return node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED" ? undefined : boundsOf(node)[1];
  }
  if (isAlias(node) || ((isMap(node) || isSeq(node)) && node.flow === true)) return boundsOf(node)[1];
  const last = isMap(node) || isSeq(node) ? node.items.at(-1) : undefined;
  if (isNodeLike(last)) return endOfNode(last);
  return isMap(node) && node.items.length > 0 ? endOfPair(node.items.at(-1) as Pair) : undefined;
}

function isNodeLike(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

/** The range of a node without what follows it. */
export function boundsOf(node: Node): readonly [start: number, end: number] {
  const [start, end] = node.range ?? [0, 0];
  return [start, end];
}

/** The column of a block key as blanks: all before it is indentation, or the dash of a sequence. */
export function indentOf(habits: Habits, key: Scalar): string {
  const [start] = boundsOf(key);
  const line = habits.source.slice(habits.source.lastIndexOf("\n", start - 1) + 1, start);
  return " ".repeat(line.replace(/^\uFEFF/, "").length);
}

function unitOf(habits: Habits): string {
  return habits.step;
}

function stepOf(source: string, root: unknown): string {
  if (!isMap(root)) return "  ";
  if (root.flow === true) {
    const key = root.items[0]?.key;
    const before = isScalar(key) ? source.slice(0, boundsOf(key)[0]) : "";
    return /\n([ \t]+)$/.exec(before)?.[1] ?? "  ";
  }
  for (const { key, value } of root.items) {
    const inner = isMap(value) && value.flow !== true ? value.items[0]?.key : undefined;
    if (!isScalar(inner) || !isScalar(key)) continue;
    const width = columnOf(source, inner) - columnOf(source, key);
    if (width > 0) return " ".repeat(width);
  }
  return "  ";
}

function columnOf(source: string, node: Scalar): number {
  const [start] = boundsOf(node);
  return start - (source.lastIndexOf("\n", start - 1) + 1);
}
