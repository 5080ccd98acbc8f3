import { compareText } from "./compare-text.ts";
import { SlipwayError } from "./errors.ts";
import { globMatches, parseGlob } from "./tag-glob.ts";
import { compilePattern, type TagPattern } from "./tag-regexp.ts";
import { compareVersionsFirst, parseRange, readVersion } from "./tag-version.ts";

/** One tag of an image repository, with what is known about it. */
export interface KnownImage {
  readonly tag: string;
  readonly digest?: string;
  readonly createdAt?: Date | undefined;
  /** When it was first seen here: what a minimum age counts from where the image has no date. */
  readonly firstSeenAt?: Date | undefined;
  /** `os/architecture[/variant]`; empty or absent where that is not known. */
  readonly platforms?: readonly string[] | undefined;
}

/** Why a filter does not let a tag pass. */
export type FilterRefusal = "latest-excluded" | "filtered-out" | "not-a-version" | "not-a-number";

/** What a filter chooses by: the newest date, the highest version or number, the last text. */
export type FilterOrder = "date" | "version" | "number" | "text";

/** A tag filter taken apart. */
export interface TagFilter {
  readonly order: FilterOrder;
  /** Why a tag does not pass; undefined where it does. */
  refusal(tag: string): FilterRefusal | undefined;
  /** Best first; total over the tags that pass. */
  compare(a: KnownImage, b: KnownImage): number;
  /** What a person should know of how it is written. */
  readonly warnings: readonly string[];
}

/** Joins filters so that a tag must pass each of them; the last one orders. */
export const filterJoint = " && ";

const longestFilter = 256;
const mostFilters = 8;

/**
 * Reads a filter: `glob:` (also without a word before it), `regexp:`, `newest` choose by date, `semver:` by
 * version, `numerical:` by a captured number, `alphabetical:` by text. Throws FILTER_INVALID.
 */
export function parseFilter(text: string): TagFilter {
  const parts = text.split(filterJoint);
  if (parts.length > mostFilters) throw badFilter(text, `more than ${mostFilters} filters are joined`);
  const filters = parts.map(parseOne);
  const last = filters.at(-1);
  if (last === undefined || filters.length === 1) return last ?? parseOne(text);
  return {
    ...last,
    // What the ordering filter says comes first: it names what kind of tag is wanted.
    refusal: (tag) =>
      filters.toReversed().reduce<Refusal>((found, one) => found ?? one.refusal(tag), undefined),
    warnings: filters.flatMap((one) => one.warnings),
  };
}

/** What is wrong with a filter, in words; undefined when nothing is. */
export function filterFault(filter: string): string | undefined {
  try {
    parseFilter(filter);
    return undefined;
  } catch (error) {
    if (error instanceof SlipwayError) return error.detail ?? error.message;
    throw error;
  }
}

/** What is odd about a filter that can be read; nothing of one that cannot. */
export function filterWarnings(filter: string): readonly string[] {
  return filterFault(filter) === undefined ? parseFilter(filter).warnings : [];
}

/** Whether the filter lets the tag pass; throws FILTER_INVALID. */
export function tagPasses(tag: string, filter: string): boolean {
  return parseFilter(filter).refusal(tag) === undefined;
}

/** Newest created first, ties by tag ascending; an image without a time comes last. */
export function compareNewestFirst(a: KnownImage, b: KnownImage): number {
  const newer = createdMs(b) - createdMs(a);
  return Number.isNaN(newer) || newer === 0 ? compareText(a.tag, b.tag) : newer;
}

type Refusal = FilterRefusal | undefined;

function parseOne(filter: string): TagFilter {
  if (filter.length > longestFilter) throw badFilter(filter, `it is longer than ${longestFilter} characters`);
  if (filter.trim() === "newest") return newestFilter;
  const [, scheme = "glob", rest = filter] =
    /^(glob|semver|regexp?|numerical|alphabetical):(.*)$/s.exec(filter) ?? [];
  if (rest.trim() === "") throw badFilter(filter, "nothing is written in it");
  switch (scheme) {
    case "semver":
      return semverFilter(filter, rest);
    case "numerical":
      return numericalFilter(filter, rest);
    case "alphabetical":
      return alphabeticalFilter(filter, rest);
    case "glob":
      return globFilter(filter, rest);
    default:
      return regexpFilter(filter, rest);
  }
}

const newestFilter: TagFilter = {
  order: "date",
  refusal: (tag) => (tag === "latest" ? "latest-excluded" : undefined),
  compare: compareNewestFirst,
  warnings: [],
};

function globFilter(filter: string, pattern: string): TagFilter {
  const glob = parseGlob(pattern);
  if ("fault" in glob) throw badFilter(filter, glob.fault);
  return {
    order: "date",
    refusal(tag) {
      if (tag === "latest" && pattern !== "latest") return "latest-excluded";
      return globMatches(glob, tag) ? undefined : "filtered-out";
    },
    compare: compareNewestFirst,
    warnings: [],
  };
}

function semverFilter(filter: string, text: string): TagFilter {
  const range = parseRange(text);
  if (range === undefined) throw badFilter(filter, `"${text}" is not a version range`);
  return {
    order: "version",
    refusal(tag) {
      const version = readVersion(tag);
      if (version === undefined) return tag === "latest" ? "latest-excluded" : "not-a-version";
      return range.test(version) ? undefined : "filtered-out";
    },
    compare: (a, b) => compareVersionsFirst(a.tag, b.tag),
    warnings: [],
  };
}

function regexpFilter(filter: string, source: string): TagFilter {
  const pattern = patternOf(filter, source);
  return {
    order: "date",
    refusal(tag) {
      if (tag === "latest") return /^\^?latest\$?$/.test(source) ? undefined : "latest-excluded";
      return pattern.test(tag) ? undefined : "filtered-out";
    },
    compare: compareNewestFirst,
    warnings: openEnds(filter, source, pattern),
  };
}

function numericalFilter(filter: string, source: string): TagFilter {
  const pattern = patternOf(filter, source);
  if (pattern.captures.length !== 1) {
    throw badFilter(filter, "it needs one named capture that holds the number, such as ^build-(?<n>[0-9]+)$");
  }
  const numberOf = (tag: string) => readNumber(pattern.key(tag));
  return {
    order: "number",
    refusal(tag) {
      const key = pattern.key(tag);
      if (key === undefined) return tag === "latest" ? "latest-excluded" : "filtered-out";
      return readNumber(key) === undefined ? "not-a-number" : undefined;
    },
    compare: (a, b) => compareNumbers(numberOf(b.tag), numberOf(a.tag)) || compareText(a.tag, b.tag),
    warnings: openEnds(filter, source, pattern),
  };
}

function alphabeticalFilter(filter: string, text: string): TagFilter {
  const source = text === "*" ? "^.*$" : text;
  const pattern = patternOf(filter, source);
  if (pattern.captures.length > 1) throw badFilter(filter, "it has more than one named capture to order by");
  const keyOf = (tag: string) => pattern.key(tag) ?? "";
  return {
    order: "text",
    refusal(tag) {
      if (tag === "latest") return "latest-excluded";
      return pattern.key(tag) === undefined ? "filtered-out" : undefined;
    },
    compare: (a, b) => compareText(keyOf(b.tag), keyOf(a.tag)) || compareText(a.tag, b.tag),
    warnings: openEnds(filter, source, pattern),
  };
}

function patternOf(filter: string, source: string): TagPattern {
  const pattern = compilePattern(source);
  if ("fault" in pattern) throw badFilter(filter, pattern.fault);
  return pattern;
}

function openEnds(filter: string, source: string, { anchored }: TagPattern): readonly string[] {
  if (anchored) return [];
  return [
    `"${shorten(filter)}" matches in the middle of a tag too; write ^(?:${shorten(source)})$ to match all of it`,
  ];
}

/** Exact, however long: whole part and fraction are compared apart. */
interface TagNumber {
  readonly whole: bigint;
  readonly fraction: string;
}

function readNumber(text: string | undefined): TagNumber | undefined {
  const parts = /^(\d{1,100})(?:\.(\d{1,100}))?$/.exec(text ?? "");
  if (parts === null) return undefined;
  return { whole: BigInt(parts[1] ?? "0"), fraction: (parts[2] ?? "").replace(/0+$/, "") };
}

function compareNumbers(a: TagNumber | undefined, b: TagNumber | undefined): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined);
  if (a.whole !== b.whole) return a.whole < b.whole ? -1 : 1;
  // Without trailing zeros digits after the point order as text does.
  return compareText(a.fraction, b.fraction);
}

function createdMs(image: KnownImage): number {
  return image.createdAt?.getTime() ?? Number.NEGATIVE_INFINITY;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function badFilter(filter: string, why: string): SlipwayError {
  return new SlipwayError("FILTER_INVALID", { detail: `"${shorten(filter)}": ${why}` });
}
