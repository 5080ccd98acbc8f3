import { SlipwayError } from "#common/domain/errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Reads one kind of value: needed, with a fallback, or optional (then perhaps undefined). */
export interface ReadValue<T, Written, Limits = unknown> {
  (name: string, options?: { readonly fallback?: Written } & Limits): T;
  (name: string, options: { readonly optional: true } & Limits): T | undefined;
}

export interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
}

export interface TextLimits {
  readonly oneOf?: readonly string[];
}

export interface EnvReader {
  readonly text: ReadValue<string, string, TextLimits>;
  readonly url: ReadValue<string, string>;
  readonly port: ReadValue<number, number>;
  /** `250ms`, `30s`, `10m`, `2h`, in milliseconds. */
  readonly durationMs: ReadValue<number, string>;
  readonly int: ReadValue<number, number, NumberLimits>;
  /** true, 1, yes, on or false, 0, no, off; false when absent. */
  flag(name: string, options?: { readonly fallback?: boolean }): boolean;
  /** The settings as given, or one SETTINGS_INVALID that lists every fault found while reading. */
  done<T>(config: T): T;
}

interface ReadOptions extends NumberLimits, TextLimits {
  readonly fallback?: string | number;
  readonly optional?: boolean;
}

/** A parser's verdict: the value, or what would have been right. */
type Parsed<T> = { readonly value: T } | { readonly wanted: string };
type Parse<T> = (text: string, options: ReadOptions) => Parsed<T>;

/** Reads settings from environment variables and gathers all faults for `done`. */
export function envReader(env: Env): EnvReader {
  const faults: string[] = [];
  const reader =
    <T>(parse: Parse<T>, placeholder: T) =>
    (name: string, options: ReadOptions = {}): T => {
      const text = env[name] ?? "";
      const written = text === "" ? options.fallback?.toString() : text;
      if (written === undefined) {
        if (options.optional !== true) faults.push(`${name} is missing`);
        return options.optional === true ? (undefined as T) : placeholder;
      }
      const parsed = parse(written, options);
      if ("value" in parsed) return parsed.value;
      // Only what is wanted is told, never the value: it may be a secret in the wrong place.
      faults.push(`${name} must be ${parsed.wanted}`);
      return placeholder;
    };
  const flag = reader(parseFlag, false);
  return {
    text: reader(parseText, ""),
    url: reader(parseUrl, ""),
    port: reader((text) => parseInteger(text, { min: 0, max: 65_535 }), 0),
    durationMs: reader(parseDuration, 0),
    int: reader(parseInteger, 0),
    flag: (name, options) => flag(name, { fallback: String(options?.fallback ?? false) }),
    done: (config) => {
      if (faults.length > 0) throw settingsInvalid(faults);
      return config;
    },
  };
}

function settingsInvalid(faults: readonly string[]): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", {
    detail: faults.join("\n"),
    hint: "These are environment variables.",
    facts: { faults },
  });
}

function parseText(text: string, { oneOf }: ReadOptions): Parsed<string> {
  if (oneOf !== undefined && !oneOf.includes(text)) return { wanted: `one of ${oneOf.join(", ")}` };
  return { value: text };
}

function parseUrl(text: string): Parsed<string> {
  return URL.canParse(text) ? { value: text } : { wanted: "a URL such as https://host:1234/path" };
}

function parseInteger(text: string, limits: NumberLimits): Parsed<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = limits;
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return { value };
  const range = limits.min === undefined && limits.max === undefined ? "" : ` from ${min} to ${max}`;
  return { wanted: `a whole number${range}` };
}

function parseDuration(text: string): Parsed<number> {
  const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text);
  const scale = unitMs[match?.[2] ?? ""];
  if (scale === undefined) return { wanted: "a duration such as 250ms, 30s, 10m or 2h" };
  return { value: Number(match?.[1]) * scale };
}

function parseFlag(text: string): Parsed<boolean> {
  const word = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return { value: true };
  if (["false", "0", "no", "off"].includes(word)) return { value: false };
  return { wanted: "true or false" };
}
