import { safeBlock, safeJson } from "./safe.ts";

/** Turns a value into YAML; loaded only where -o yaml is asked for. */
export type ToYaml = (value: unknown) => string;

/** The one door to YAML as an output. */
export async function loadYaml(): Promise<ToYaml> {
  const { stringify } = await import("yaml");
  return (value) => stringify(value, { lineWidth: 0 });
}

/** A value for programs, as JSON, or as YAML where that was loaded. */
export function dataText(value: unknown, toYaml?: ToYaml): string {
  if (toYaml === undefined) return safeJson(value);
  const text = toYaml(value).trimEnd();
  // JSON is YAML too, and can say by escape what YAML's plain styles would print raw.
  return safeBlock(text) === text ? text : safeJson(value);
}
