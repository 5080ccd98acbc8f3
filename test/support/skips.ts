import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache");

/**
 * Whether a test that wants a real peer can run. What is missing is written to `.cache/skips.jsonl`
 * with how to get it; with REQUIRE_REAL=1 it is a failure instead.
 */
export function needs(name: string, available: boolean, howToGet: string): boolean {
  if (available) return true;
  if (process.env["REQUIRE_REAL"] === "1") throw new Error(`${name} is needed: ${howToGet}`);
  mkdirSync(cache, { recursive: true });
  appendFileSync(join(cache, "skips.jsonl"), `${JSON.stringify({ name, howToGet })}\n`);
  return false;
}
