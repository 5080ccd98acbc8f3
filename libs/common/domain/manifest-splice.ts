import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from "yaml";
import type { YamlDocument } from "./manifest-yaml.ts";
import { isPlainText, parsePart, splitDocuments } from "./manifest-yaml.ts";

/** New bytes for one scalar. */
export interface Splice {
  readonly document: YamlDocument;
  readonly scalar: Scalar;
  /** What is to stand in the source, quotes included. */
  readonly source: string;
  /** What a reader must see there, when that is to be text. */
  readonly value?: string;
}

export type SpliceResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly detail: string };

/** The bytes of a scalar as they stand in its document. */
export function sourceOf(document: YamlDocument, scalar: Scalar): string {
  return document.source.slice(...bounds(scalar));
}

/** The text in the quotes found; plain text gets quotes where it would be read as something else. */
export function renderText(scalar: Scalar, value: string): string {
  if (scalar.type === "QUOTE_SINGLE") return `'${value.replaceAll("'", "''")}'`;
  if (scalar.type === "PLAIN" && isPlainText(value)) return value;
  return JSON.stringify(value);
}

/**
 * Puts the new bytes in place and proves it by parsing again: the same documents, each node as
 * before, and the intended value at every target.
 */
export function applySplices(text: string, splices: readonly Splice[]): SpliceResult {
  const edited = put(text, splices);
  const detail = differenceOf(text, edited, splices);
  return detail === undefined ? { ok: true, text: edited } : { ok: false, detail };
}

function put(text: string, splices: readonly Splice[]): string {
  const ordered = splices
    .map(({ document, scalar, source }) => ({ at: bounds(scalar).map((b) => document.start + b), source }))
    .sort((a, b) => (a.at[0] ?? 0) - (b.at[0] ?? 0));
  const pieces: string[] = [];
  let done = 0;
  for (const { at, source } of ordered) {
    const [start = 0, end = 0] = at;
    pieces.push(text.slice(done, start), source);
    done = end;
  }
  return [...pieces, text.slice(done)].join("");
}

function differenceOf(text: string, edited: string, splices: readonly Splice[]): string | undefined {
  const before = splitDocuments(text);
  const after = splitDocuments(edited);
  if (before.length !== after.length) return "the number of documents would change";
  for (const [index, part] of before.entries()) {
    const here = splices.filter((splice) => splice.document.number === index + 1);
    const source = after[index]?.source ?? "";
    if (here.length === 0 && source !== part.source) return "another document would change";
    const difference = here.length === 0 ? undefined : documentDifference(here, source);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function documentDifference(splices: readonly Splice[], source: string): string | undefined {
  const before = splices[0]?.document.parsed;
  const after = parsePart(source);
  if (before?.ok !== true) return "the document did not parse before";
  if (!after.ok) return `the document would no longer parse: ${after.message}`;
  const targets = new Map<Node, Splice>(splices.map((splice) => [splice.scalar, splice]));
  const comparison: Comparison = { targets, source, reached: 0 };
  if (!isSame(before.doc.contents, after.doc.contents, comparison)) return "something else would change, too";
  return comparison.reached === splices.length ? undefined : "the value would not stand where it is read";
}

interface Comparison {
  readonly targets: ReadonlyMap<Node, Splice>;
  /** The edited document. */
  readonly source: string;
  /** Judges a pair of nodes itself, where it wants to. */
  readonly judge?: Judge;
  reached: number;
}

/** What an edit that adds or removes nodes says of the place it changed; undefined elsewhere. */
export type Judge = (before: unknown, after: unknown) => boolean | undefined;

/** Whether two trees are the same, but for what the judge decides. */
export function isSameTree(before: unknown, after: unknown, judge: Judge = () => undefined): boolean {
  return isSame(before, after, { targets: new Map(), source: "", judge, reached: 0 });
}

function isSame(a: unknown, b: unknown, comparison: Comparison): boolean {
  const judged = comparison.judge?.(a, b);
  if (judged !== undefined) return judged;
  if (isAlias(a)) return isAlias(b) && a.source === b.source;
  if (isScalar(a)) return isScalar(b) && isSameProps(a, b) && isSameScalar(a, b, comparison);
  if (isSeq(a)) {
    if (!isSeq(b) || !isSameProps(a, b) || a.items.length !== b.items.length) return false;
    return a.items.every((item, index) => isSame(item, b.items[index], comparison));
  }
  if (isMap(a)) {
    if (!isMap(b) || !isSameProps(a, b) || a.items.length !== b.items.length) return false;
    return a.items.every((pair, index) => {
      const other = b.items[index];
      return isSame(pair.key, other?.key, comparison) && isSame(pair.value, other?.value, comparison);
    });
  }
  return a === b;
}

function isSameProps(a: Node & { anchor?: string }, b: Node & { anchor?: string }): boolean {
  return a.tag === b.tag && a.anchor === b.anchor;
}

function isSameScalar(a: Scalar, b: Scalar, comparison: Comparison): boolean {
  const splice = comparison.targets.get(a);
  if (splice === undefined) return a.type === b.type && a.source === b.source && Object.is(a.value, b.value);
  comparison.reached += 1;
  const stands = comparison.source.slice(...bounds(b));
  return stands === splice.source && (splice.value === undefined || b.value === splice.value);
}

function bounds(scalar: Scalar): [start: number, end: number] {
  const [start, end] = scalar.range ?? [0, 0];
  return [start, end];
}
