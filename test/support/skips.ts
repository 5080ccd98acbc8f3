import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache");

/** What the run writes down, a line each, for the list at its end (tools/test.ts). */
export const skipsFile = join(cache, "skips.jsonl");
export const systemsFile = join(cache, "systems.jsonl");

/**
 * Whether a test may use a real system. What is used and what is missing is written down for the list
 * at the end of the run; with REQUIRE_REAL=1 what is missing is an error.
 */
export function needs(name: string, available: boolean, howToGet: string): boolean {
  if (available) {
    note(systemsFile, { name });
    return true;
  }
  if (process.env["REQUIRE_REAL"] === "1") throw new Error(`${name} is missing. ${howToGet}`);
  note(skipsFile, { name, howToGet });
  return false;
}

function note(file: string, line: object): void {
  mkdirSync(cache, { recursive: true });
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
