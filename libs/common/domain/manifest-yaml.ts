import { Composer, Parser, Schema, isScalar, parseDocument, type CST, type Document } from "yaml";

/** One document of a stream, parsed on its own so that a broken neighbour cannot reach it. */
export interface YamlDocument {
  /** From 1. */
  readonly number: number;
  /** Offsets in the text of the file, in UTF-16 units; node ranges are relative to `start`. */
  readonly start: number;
  readonly source: string;
  readonly parsed: ParsedDocument;
}

export type ParsedDocument =
  | { readonly ok: true; readonly doc: YamlTree }
  | { readonly ok: false; readonly offset: number; readonly message: string };

export type YamlTree = Document.Parsed;

/** A part of a text that holds one document, with its directives and marker. */
export interface SourcePart {
  readonly start: number;
  readonly source: string;
}

/** The documents of the text, in order; all of them, or those whose source is wanted. */
export function readDocuments(
  text: string,
  isWanted: (source: string) => boolean = () => true,
): readonly YamlDocument[] {
  return splitDocuments(text).flatMap((part, index) =>
    isWanted(part.source) ? [{ number: index + 1, ...part, parsed: parsePart(part.source) }] : [],
  );
}

/**
 * Cuts a stream at its markers. YAML forbids `---` and `...` at the start of a line inside any
 * scalar, so this needs no parser, and an unclosed quote ends with its own document.
 */
export function splitDocuments(text: string): readonly SourcePart[] {
  const cuts = [0];
  for (const match of text.matchAll(/^(?:---|\.\.\.)(?=\s|$)[^\n]*\n?/gm)) {
    cuts.push(match[0].startsWith("-") ? match.index : match.index + match[0].length);
  }
  const parts: SourcePart[] = [];
  let start = 0;
  for (const [index, cut] of cuts.entries()) {
    const end = cuts[index + 1] ?? text.length;
    if (end !== text.length && !hasContent(text.slice(cut, end))) continue; // directives belong to what follows
    if (end > start) parts.push({ start, source: text.slice(start, end) });
    start = end;
  }
  const last = parts.at(-1);
  if (last === undefined || parts.length === 1 || hasContent(last.source)) return parts;
  const before = parts.at(-2) ?? last;
  return [...parts.slice(0, -2), { start: before.start, source: before.source + last.source }];
}

/** Parses one document by the rules Kubernetes reads YAML with; never throws. */
export function parsePart(source: string): ParsedDocument {
  try {
    const tokens = [...new Parser().parse(source)];
    if (tokens.some((token) => isDeeperThan(token, deepestLevel))) {
      return { ok: false, offset: 0, message: `nested deeper than ${deepestLevel} levels` };
    }
    const [doc, ...more] = new Composer(parseOptions).compose(tokens, true, source.length);
    if (doc === undefined || more.length > 0) return { ok: false, offset: 0, message: "not one document" };
    const [fault] = doc.errors;
    if (fault === undefined) return { ok: true, doc };
    // What is missing at the end is shown on the last line written, not on the next document's first.
    const last = Math.max(0, source.trimEnd().length - 1);
    return { ok: false, offset: Math.min(fault.pos[0], last), message: fault.message };
  } catch (error) {
    // Whatever the parser stumbles over is a property of this document, and is reported as such.
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, offset: 0, message: `cannot be parsed: ${message}` };
  }
}

/** Whether the text, written without quotes, is this same text to every reader of YAML. */
export function isPlainText(text: string): boolean {
  if (!/^[\w./:@+-]+$/.test(text) || /^[-:.+]|:$/.test(text)) return false;
  // Numbers and dates begin with a digit, a sign or a dot, and the words for true and null are letters alone.
  if (/^[A-Za-z_]/.test(text) && /[^A-Za-z]/.test(text)) return true;
  return textReaders.every((options) => {
    const node = parseDocument(text, { ...parseOptions, ...options }).contents;
    return isScalar(node) && node.value === text;
  });
}

/** A counter of lines, from 1, for offsets of the text. */
export function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

const deepestLevel = 128;

/**
 * Kubernetes reads YAML 1.1 as Go's yaml does: `0644` is octal and `yes` a boolean, but `80:80` and
 * dates stay text. The rare explicit types (binary, sets, …) mean nothing in a manifest.
 */
const kubernetesSchema = new Schema({
  schema: "yaml-1.1",
  merge: true,
  customTags: (tags) => [
    ...tags.filter((tag) => {
      if (typeof tag === "string" || ("format" in tag && tag.format === "TIME")) return false;
      return !/:(?:timestamp|binary|omap|pairs|set)$/.test(tag.tag);
    }),
    {
      identify: () => false,
      default: true,
      tag: "tag:yaml.org,2002:int",
      test: /^[-+]?0(?:[oO][0-7_]+|X[0-9a-fA-F_]+|B[01_]+)$/,
      resolve: (text: string) => {
        const digits = Number(text.replace(/^[-+]/, "").replaceAll("_", ""));
        return text.startsWith("-") ? -digits : digits;
      },
    },
  ],
});

const parseOptions = {
  schema: kubernetesSchema as unknown as string,
  prettyErrors: false,
  // The library compares every pair of keys; manifest-tree.ts finds duplicates in one pass.
  uniqueKeys: false,
  logLevel: "silent",
} as const;

const textReaders = [{}, { schema: "core" }, { schema: "yaml-1.1" }] as const;

/** Whether there is more than blank lines, comments, directives and a byte order mark. */
function hasContent(text: string): boolean {
  return /^(?![^\S\n]*(?:#|$)|%)/m.test(text.replace(/^\uFEFF/, ""));
}

function isDeeperThan(root: CST.Token, levels: number): boolean {
  const open: { readonly token: CST.Token; readonly level: number }[] = [{ token: root, level: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, level } = next;
    if (level > levels) return true;
    for (const child of childrenOf(token)) open.push({ token: child, level: level + 1 });
  }
  return false;
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === "document") return token.value === undefined ? [] : [token.value];
  if (!("items" in token)) return [];
  return token.items.flatMap((item) =>
    [item.key, item.value].filter((part) => part !== null && part !== undefined),
  );
}
