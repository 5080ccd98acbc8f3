import { createHash } from "node:crypto";
import type { RecordedChange } from "#common/store/schema.ts";

/** Two plans with one hash change the same bytes, wherever the tip is by then. */
export function hashOf(changes: readonly RecordedChange[]): string {
  return createHash("sha256").update(JSON.stringify(changes)).digest("hex");
}
