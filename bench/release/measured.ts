import type { BenchRun } from "../support/bench.ts";
import type { Row } from "../support/row.ts";
import type { Releases } from "./releases.ts";

/** A row and how it is measured on a stage. */
export interface Measured {
  readonly name: string;
  measure(releases: Releases): Promise<Row>;
}

/** Those that were asked for. */
export function wanted(run: BenchRun, measured: readonly Measured[]): readonly Measured[] {
  return measured.filter(({ name }) => run.wants(name));
}

/** One after the other, each told as soon as it is measured. */
export async function measureAll(
  run: BenchRun,
  releases: Releases,
  measured: readonly Measured[],
): Promise<void> {
  for (const one of wanted(run, measured)) {
    run.note(`measuring ${one.name}`);
    run.tell(await one.measure(releases));
  }
}
