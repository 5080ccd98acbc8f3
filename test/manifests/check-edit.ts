import { parseDocument } from "yaml";
import { editImages, revertChanges } from "#common/domain/manifest.ts";
import { tagOf, type GeneratedFile, type Hole, type Piece } from "./generated-files.ts";

const o = { defaultNamespace: "default" };

/** Edits half the documents of a file; a word for what is wrong with the result, if anything is. */
export function faultOfEdit(file: GeneratedFile, alsoRevert: boolean): string | undefined {
  const text = file.documents.flat().map(sourceOf).join("");
  const edits = [...file.wanted].map(([number, image]) => {
    const hole = file.documents[number]?.find(
      (piece): piece is Hole => typeof piece !== "string" && !piece.label,
    );
    const [, namespace = "", kind = "", name = ""] = /^(.*):(.*)\/(.*)$/.exec(hole?.workload ?? "") ?? [];
    return { workload: { namespace, kind, name }, container: hole?.container ?? "", image };
  });
  const result = editImages(text, edits, o);
  if (!result.ok) return `${result.reason}: ${result.detail}`;
  const fault = faultOfText(file, { before: text, after: result.text });
  if (fault !== undefined || !alsoRevert) return fault;
  const back = revertChanges(result.text, result.changes, o);
  return back.ok && back.text === text ? undefined : "taking it back does not restore every byte";
}

function sourceOf(piece: Piece): string {
  return typeof piece === "string" ? piece : piece.source;
}

interface Texts {
  readonly before: string;
  readonly after: string;
}

/** Every document: its fixed bytes as they stood, its holes as asked, and its meaning the same but for those. */
function faultOfText(file: GeneratedFile, texts: Texts): string | undefined {
  let [was, is] = [0, 0];
  for (const [number, pieces] of file.documents.entries()) {
    const to = file.wanted.get(number);
    const length = lengthOf(texts.after, is, { pieces, to });
    if (length === undefined) return `document ${number}: other bytes than asked`;
    const size = pieces.map(sourceOf).join("").length;
    const slices = { before: texts.before.slice(was, was + size), after: texts.after.slice(is, is + length) };
    const fault = to === undefined ? undefined : faultOfMeaning(slices, to);
    if (fault !== undefined) return `document ${number}: ${fault}`;
    was += size;
    is += length;
  }
  return is === texts.after.length ? undefined : "there are bytes too many";
}

/** Walks the edited text along the pieces of a document; how far it goes, or undefined where it differs. */
function lengthOf(
  text: string,
  start: number,
  document: { readonly pieces: readonly Piece[]; readonly to: string | undefined },
): number | undefined {
  let at = start;
  for (const piece of document.pieces) {
    const stands = choicesFor(piece, document.to).find((choice) => text.startsWith(choice, at));
    if (stands === undefined) return undefined;
    at += stands.length;
  }
  return at - start;
}

/** A label may also stay: its tag may be no label. */
function choicesFor(piece: Piece, to: string | undefined): readonly string[] {
  if (typeof piece === "string" || to === undefined) return [sourceOf(piece)];
  const value = piece.label ? tagOf(to) : to;
  return [`"${value}"`, `'${value}'`, value, ...(piece.label ? [piece.source] : [])];
}

/** Another reader of YAML sees nothing else differ than the values that were meant, and sees the image. */
function faultOfMeaning(texts: Texts, to: string): string | undefined {
  const version = texts.before.length % 2 === 0 ? "1.1" : "1.2";
  const read = (text: string): unknown => {
    const source = text.slice(Math.max(0, text.search(/^apiVersion/m)));
    const doc = parseDocument(source, { version, logLevel: "silent", prettyErrors: false });
    return doc.errors.length > 0 ? doc.errors[0]?.message : doc.toJS({ maxAliasCount: 100 });
  };
  const changed = differences(read(texts.before), read(texts.after));
  const stray = changed.find((value) => value !== to && value !== tagOf(to));
  if (stray !== undefined) return `something else changed to ${JSON.stringify(stray)}`;
  return changed.includes(to) || texts.before === texts.after ? undefined : "the image is not read as asked";
}

function differences(before: unknown, after: unknown, depth = 0): readonly unknown[] {
  if (Object.is(before, after) || depth > 30) return [];
  if (typeof before !== "object" || typeof after !== "object" || before === null || after === null) {
    return [after];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences((before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key], depth + 1),
  );
}
