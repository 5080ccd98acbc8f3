import { LineCounter, isMap, isNode, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { z } from "zod";

import {
  environmentSettings,
  registrySettings,
  settings as settingsSchema,
} from "#common/contracts/settings.ts";
import type { Settings } from "#common/contracts/settings.ts";

import { crossFaults } from "./settings-checks.ts";

/** One mistake in a settings file. */
export interface SettingsFault {
  /** Where it stands; for what is missing, where it should stand in. */
  readonly line: number;
  /** "environments[0].git.url: unknown key", or what the YAML parser says. */
  readonly text: string;
}

export type JudgedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly faults: readonly SettingsFault[] };

/** The settings of a text, or every mistake in it, by line. */
export function judgeSettings(text: string): JudgedSettings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { line, text: `column ${col}: ${error.message}` };
    });
    return { ok: false, faults };
  }
  const value = valueOf(document);
  if (value instanceof Error) return { ok: false, faults: [{ line: 1, text: value.message }] };
  const parsed = settingsSchema.safeParse(value);
  const texts = parsed.success
    ? crossFaults(parsed.data)
    : [...parsed.error.issues.flatMap(issueTexts), ...crossFaults(validParts(value))];
  if (parsed.success && texts.length === 0) return { ok: true, settings: parsed.data };
  const faults = texts.map((fault) => ({ line: lineOf(fault, document, lines), text: fault }));
  return { ok: false, faults: faults.sort((a, b) => a.line - b.line) };
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

/** What can be judged although other parts are wrong; the others are holes, so that numbers stay. */
function validParts(value: unknown): Pick<Settings, "environments" | "registries"> {
  const { environments, registries } = (value ?? {}) as { environments?: unknown; registries?: unknown };
  return {
    environments: validEntries(environments, environmentSettings),
    registries: validEntries(registries, registrySettings),
  };
}

function validEntries<Schema extends z.ZodType>(list: unknown, schema: Schema): z.output<Schema>[] {
  const valid: z.output<Schema>[] = [];
  if (!Array.isArray(list)) return valid;
  list.forEach((entry: unknown, index) => {
    const parsed = schema.safeParse(entry);
    if (parsed.success) valid[index] = parsed.data;
  });
  return valid;
}

type Issue = z.core.$ZodIssue;

function issueTexts(issue: Issue): readonly string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: unknown key`);
  }
  const where = issue.path.length === 0 ? "the file" : pathText(issue.path);
  return [`${where}: ${issue.message}`];
}

/** `environments[0].git.url` */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      return index === 0 ? String(part) : `.${String(part)}`;
    })
    .join("");
}

/** The line of the deepest part of a fault's path that is there. */
function lineOf(fault: string, document: Document, lines: LineCounter): number {
  const [path = ""] = fault.split(": ", 1);
  const keys = [...path.matchAll(/[^.[\]]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));
  let offset = offsetOf(document.contents);
  for (let depth = 1; depth <= keys.length; depth += 1) {
    const found = offsetAt(document, keys.slice(0, depth));
    if (found === undefined) break;
    offset = found;
  }
  return lines.linePos(offset ?? 0).line;
}

/** Where a key begins, rather than its value: that is the line a person looks for. */
function offsetAt(document: Document, keys: readonly (string | number)[]): number | undefined {
  const parent = document.getIn(keys.slice(0, -1), true);
  const last = keys.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => String(key) === String(last));
    return offsetOf(pair?.key);
  }
  return offsetOf(document.getIn([...keys], true));
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
