import { safe } from "./safe.ts";
import { beginningOf, widthOf } from "./width.ts";

/** A column is never cut below this. */
const narrowest = 12;

/**
 * Rows as aligned lines, columns apart by two; nothing trails a line. On a terminal of so many
 * columns the widest cells are cut until the lines fit; a pipe (undefined) gets everything.
 */
export function tableLines(rows: readonly (readonly string[])[], columns?: number): readonly string[] {
  const cells = rows.map((row) => row.map(safe));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  }
  const fitting = columns === undefined ? widths : fitted(widths, columns);
  return cells.map((row) =>
    row
      .map((cell, at) => padTo(cutTo(cell, fitting[at] ?? 0), fitting[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Takes from the widest first, as long as anything can be taken. */
function fitted(widths: readonly number[], columns: number): readonly number[] {
  const fitting = [...widths];
  let over = fitting.reduce((sum, width) => sum + width, 0) + 2 * (fitting.length - 1) - columns;
  while (over > 0) {
    const widest = Math.max(...fitting);
    if (widest <= narrowest) break;
    const second = Math.max(narrowest, ...fitting.filter((width) => width < widest));
    const at = fitting.lastIndexOf(widest);
    const taken = Math.min(over, Math.max(1, widest - second));
    fitting[at] = widest - taken;
    over -= taken;
  }
  return fitting;
}

/** Pads by the columns of a terminal rather than UTF-16 units. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** At most `width` columns, the last one "…" when something was cut. */
export function cutTo(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${beginningOf(text, width - 1)}…`;
}
