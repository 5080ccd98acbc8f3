import type { Row } from "./row.ts";

/** What a bench is run with. */
export interface BenchRun {
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
  /** Fires when the person at the terminal has enough. */
  readonly signal: AbortSignal;
  /** Which of its rows were asked for. */
  wants(row: string): boolean;
  /** Gives a row away as soon as it is measured. */
  tell(row: Row): void;
  /** For people, on stderr. */
  note(text: string): void;
}

/** A family of rows that are measured in one run, beside their baselines. */
export interface Bench {
  readonly name: string;
  readonly rows: readonly string[];
  run(run: BenchRun): Promise<void>;
}
