/** A unified diff as lines to show. Pure. */

export interface DiffLine {
  readonly kind: "add" | "remove" | "hunk" | "same";
  readonly text: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** The lines of its hunks with their numbers; file names and marks before the first are left out. */
export function diffLines(unified: string): readonly DiffLine[] {
  const lines = unified.replace(/\n$/, "").split("\n");
  const start = lines.findIndex((line) => line.startsWith("@@"));
  if (start < 0) return [];
  const at = { before: 0, after: 0 };
  return lines.slice(start).flatMap((line) => diffLine(line, at) ?? []);
}

function diffLine(line: string, at: { before: number; after: number }): DiffLine | undefined {
  const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
  if (hunk !== null) {
    at.before = Number(hunk[1]);
    at.after = Number(hunk[2]);
    return { kind: "hunk", text: line, before: undefined, after: undefined };
  }
  if (line.startsWith("\\")) return { kind: "hunk", text: line, before: undefined, after: undefined };
  const text = line.slice(1);
  if (line.startsWith("+")) return { kind: "add", text, before: undefined, after: at.after++ };
  if (line.startsWith("-")) return { kind: "remove", text, before: at.before++, after: undefined };
  return { kind: "same", text, before: at.before++, after: at.after++ };
}
