import { Range, SemVer } from "semver";
import { SlipwayError } from "./errors.ts";

/** One tag of an image repository, with what is known about it. */
export interface KnownImage {
  readonly tag: string;
  readonly digest?: string;
  readonly createdAt?: Date | undefined;
  /** `os/architecture[/variant]`; absent or empty where it is not known. */
  readonly platforms?: readonly string[];
}

/** Why an image was chosen, or what speaks against it. */
export type CandidateReason =
  | "chosen"
  | "older"
  | "lower-version"
  | "no-created-time"
  | "latest-excluded"
  | "filtered-out"
  | "not-a-version";

export interface Candidate {
  readonly image: KnownImage;
  readonly reason: CandidateReason;
}

export interface LatestChoice {
  readonly chosen?: KnownImage;
  /** Every image: the eligible ones first, best first, then those left out. */
  readonly candidates: readonly Candidate[];
}

/** Newest created first, ties by tag ascending; an image without a time comes last. */
export function compareNewestFirst(a: KnownImage, b: KnownImage): number {
  const newer = createdMs(b) - createdMs(a);
  return Number.isNaN(newer) || newer === 0 ? compareText(a.tag, b.tag) : newer;
}

/**
 * The image "latest" means under a filter: `glob:` (the default; `*`, `?`, `[…]`) takes the newest by
 * time, `semver:` the highest version. Throws FILTER_INVALID. The tag `latest` is a name for
 * something else and takes part only when the filter is exactly that.
 */
export function chooseLatest(images: readonly KnownImage[], o: { readonly filter?: string }): LatestChoice {
  const filter = parseFilter(o.filter ?? "*");
  const judged = images.map((image) => ({ image, refusal: filter.refusal(image.tag) }));
  const eligible = judged.filter((one) => one.refusal === undefined).map((one) => one.image);
  const best = eligible.sort((a, b) => filter.compare(a, b));
  // Without any time there is nothing to choose by, except when there is no choice.
  const dated = best.find((image) => filter.byVersion || image.createdAt !== undefined);
  const chosen = dated ?? (best.length === 1 ? best[0] : undefined);
  const ranked = best.map((image) => ({ image, reason: rankReason(image, chosen, filter.byVersion) }));
  const left = judged
    .filter((one) => one.refusal !== undefined)
    .sort((a, b) => compareNewestFirst(a.image, b.image))
    .map((one) => ({ image: one.image, reason: one.refusal ?? "filtered-out" }));
  return { ...(chosen === undefined ? {} : { chosen }), candidates: [...ranked, ...left] };
}

/** Whether the filter lets the tag pass; throws FILTER_INVALID. */
export function tagPasses(tag: string, filter: string): boolean {
  return parseFilter(filter).refusal(tag) === undefined;
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

/** A name that is expected to be pushed again: absent, `latest`, or a bare major number. */
export function isMovingTag(tag: string | undefined): boolean {
  return tag === undefined || tag === "latest" || /^v?\d{1,3}$/.test(tag);
}

/** Highest version first; of equal versions the longer text; what is no version last, by text. */
export function compareVersionsFirst(a: string, b: string): number {
  const left = readVersion(a);
  const right = readVersion(b);
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined) || compareText(a, b);
  }
  return right.compare(left) || b.length - a.length || compareText(a, b);
}

interface TagFilter {
  readonly byVersion: boolean;
  /** Why a tag does not pass. */
  refusal(tag: string): CandidateReason | undefined;
  compare(a: KnownImage, b: KnownImage): number;
}

const longestFilter = 256;

function parseFilter(filter: string): TagFilter {
  if (filter.length > longestFilter) throw badFilter(filter, `it is longer than ${longestFilter} characters`);
  const [, scheme = "glob", rest = filter] = /^(glob|semver|regexp?):(.*)$/s.exec(filter) ?? [];
  if (rest.trim() === "") throw badFilter(filter, "nothing is written in it");
  if (scheme === "semver") return semverFilter(filter, rest);
  if (scheme === "glob") return globFilter(filter, rest);
  throw badFilter(filter, "regular expressions are not supported; write a glob or semver filter");
}

function globFilter(filter: string, pattern: string): TagFilter {
  const glob = parseGlob(filter, pattern);
  return {
    byVersion: false,
    refusal(tag) {
      if (tag === "latest" && pattern !== "latest") return "latest-excluded";
      return globMatches(glob, tag) ? undefined : "filtered-out";
    },
    compare: compareNewestFirst,
  };
}

function semverFilter(filter: string, text: string): TagFilter {
  const range = parseRange(filter, text);
  return {
    byVersion: true,
    refusal(tag) {
      const version = readVersion(tag);
      if (version === undefined) return tag === "latest" ? "latest-excluded" : "not-a-version";
      return range.test(version) ? undefined : "filtered-out";
    },
    compare: (a, b) => compareVersionsFirst(a.tag, b.tag),
  };
}

/**
 * Flux writes ranges in the dialect of Go's Masterminds/semver: a comma means "and", and a
 * pre-release anywhere (`>=1.0-0`) lets every pre-release in.
 */
function parseRange(filter: string, text: string): Range {
  const padded = text
    .replaceAll(",", " ")
    .replaceAll("=>", ">=")
    .replaceAll("=<", "<=")
    .replaceAll(/(^|[\s<>=~^v])(\d+)-(?=[0-9A-Za-z])/g, "$1$2.0.0-")
    .replaceAll(/(^|[\s<>=~^v])(\d+\.\d+)-(?=[0-9A-Za-z])/g, "$1$2.0-");
  try {
    return new Range(padded, { includePrerelease: /\d-[0-9A-Za-z]/.test(padded) });
  } catch (cause) {
    throw badFilter(filter, `"${text}" is not a version range`, cause);
  }
}

/** Reads `1.2.3`, and also `1`, `1.2`, `v1` and leading zeros (`2024.01.15`), as Flux does. */
function readVersion(tag: string): SemVer | undefined {
  const parts = /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-([0-9A-Za-z.-]+))?$/.exec(tag);
  if (parts === null) return undefined;
  const [major, minor, patch] = [parts[1], parts[2], parts[3]].map((part) => Number(part ?? 0));
  const pre = parts[4] === undefined ? "" : `-${parts[4]}`;
  const text = `${major}.${minor}.${patch}${pre}`;
  if (
    pre !== "" &&
    !/^-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*$/.test(pre)
  ) {
    return undefined;
  }
  return new SemVer(text);
}

type GlobPart = { readonly star: true } | { readonly star: false; matches(char: string): boolean };

const mostGlobParts = 256;

/** Matched in linear steps by our own hand: a regular expression made of many stars can take for ever. */
function parseGlob(filter: string, pattern: string): readonly GlobPart[] {
  const parts: GlobPart[] = [];
  const tokens = pattern.match(/\[[!^]?[^\]]+\]|[\s\S]/g) ?? [];
  for (const token of tokens.slice(0, mostGlobParts)) {
    if (token === "*") parts.push({ star: true });
    else if (token === "?") parts.push({ star: false, matches: () => true });
    else if (token.length > 1) parts.push({ star: false, matches: charSet(token) });
    else if (/[\w.-]/.test(token)) parts.push({ star: false, matches: (char) => char === token });
    else throw badFilter(filter, `"${token}" cannot stand in a tag; a glob knows *, ? and […]`);
  }
  return parts;
}

function charSet(token: string): (char: string) => boolean {
  const negated = /^\[[!^]/.test(token);
  const body = token.slice(negated ? 2 : 1, -1);
  const ranges = body.match(/[^-]-[^-]|[\s\S]/g) ?? [];
  return (char) => {
    const inside = ranges.some((range) => (range[0] ?? "") <= char && char <= (range[2] ?? range[0] ?? ""));
    return inside !== negated;
  };
}

/** The classic two-pointer match: on a mismatch go back to the last star only. */
function globMatches(parts: readonly GlobPart[], text: string): boolean {
  let at = 0;
  let part = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const current = parts[part];
    if (current?.star === true) {
      star = part;
      part += 1;
      resumeAt = at;
    } else if (current?.matches(text[at] ?? "") === true) {
      at += 1;
      part += 1;
    } else if (star === -1) {
      return false;
    } else {
      part = star + 1;
      resumeAt += 1;
      at = resumeAt;
    }
  }
  return parts.slice(part).every((rest) => rest.star);
}

function rankReason(image: KnownImage, chosen: KnownImage | undefined, byVersion: boolean): CandidateReason {
  if (image === chosen) return "chosen";
  if (byVersion) return "lower-version";
  return image.createdAt === undefined ? "no-created-time" : "older";
}

function createdMs(image: KnownImage): number {
  return image.createdAt?.getTime() ?? Number.NEGATIVE_INFINITY;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function badFilter(filter: string, why: string, cause?: unknown): SlipwayError {
  const shown = filter.length > 60 ? `${filter.slice(0, 60)}…` : filter;
  return new SlipwayError("FILTER_INVALID", { detail: `"${shown}": ${why}`, cause });
}
