import { stringify } from "yaml";

import { safeBlock, safeJson } from "./safe.ts";

/** A value for programs, as JSON or YAML. */
export function dataText(value: unknown, format: "json" | "yaml"): string {
  if (format === "json") return safeJson(value);
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  // JSON is YAML too, and can say by escape what YAML's plain styles would print raw.
  return safeBlock(text) === text ? text : safeJson(value);
}
