/** One figure, beside what it is compared with. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: "s" | "1/s" | "MiB";
  readonly p99?: number;
  /** What a straightforward implementation, or the peers' way, needs in the same run. */
  readonly baseline: number;
  /** How many times better than the baseline; above 1 is better, for times, rates and memory alike. */
  readonly ratio: number;
  /** What else was counted. */
  readonly more?: Readonly<Record<string, number>>;
  /** The budget of DESIGN §7, for people. */
  readonly budget: string;
  readonly baselineIs: string;
}

/** A row whose ratio follows from its unit. */
export function toRow(row: Omit<Row, "ratio">): Row {
  const { value, baseline, unit } = row;
  return { ...row, ratio: unit === "1/s" ? value / baseline : baseline / value };
}

/** One line of JSON. */
export function rowJson({ name, value, unit, p99, baseline, ratio, more }: Row): string {
  const tail = p99 === undefined ? {} : { p99: round(p99) };
  const figures = { value: round(value), unit, ...tail, baseline: round(baseline), ratio: round(ratio) };
  return JSON.stringify({ name, ...figures, ...more });
}

const head = ["name", "value", "p99", "baseline", "ratio", "budget", "also", "baseline is"];

/** All rows as an aligned table. */
export function rowTable(rows: readonly Row[]): string {
  const cells = [head, ...rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function cellsOf(row: Row): string[] {
  const amount = (value: number | undefined) => (value === undefined ? "" : `${round(value)} ${row.unit}`);
  const also = Object.entries(row.more ?? {}).map(([name, value]) => `${value} ${name}`);
  const figures = [amount(row.value), amount(row.p99), amount(row.baseline), `${row.ratio.toFixed(1)}x`];
  return [row.name, ...figures, row.budget, also.join(", "), row.baselineIs];
}

/** Four significant digits: the rest is noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
