import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/**
 * Whether a test may use a real system. What is missing is written down for the list at the end of
 * the run; with REQUIRE_REAL=1 it is an error.
 */
export function needs(name: string, available: boolean, howToGet: string): boolean {
  if (available) return true;
  if (process.env["REQUIRE_REAL"] === "1") throw new Error(`${name} is missing. ${howToGet}`);
  mkdirSync(join(root, ".cache"), { recursive: true });
  appendFileSync(join(root, ".cache/skips.jsonl"), `${JSON.stringify({ name, howToGet })}\n`);
  return false;
}
