import { safe } from "./safe.ts";

/** Rows as aligned lines, columns apart by two; nothing trails a line. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(safe));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, lengthOf(cell));
  }
  return cells.map((row) =>
    row
      .map((cell, at) => padTo(cell, widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Pads by characters rather than UTF-16 units. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - lengthOf(text)));
}

/** At most `width` characters, the last one "…" when something was cut. */
export function cutTo(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
