import { Range, SemVer } from "semver";

import { compareText } from "./compare-text.ts";

/** Highest version first; of equal versions the longer text; what is no version last, by text. */
export function compareVersionsFirst(a: string, b: string): number {
  const left = readVersion(a);
  const right = readVersion(b);
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined) || compareText(a, b);
  }
  return right.compare(left) || b.length - a.length || compareText(a, b);
}

/**
 * Flux writes ranges in the dialect of Go's Masterminds/semver: a comma means "and", and a
 * pre-release anywhere (`>=1.0-0`) lets every pre-release in.
 */
export function parseRange(text: string): Range | undefined {
  const padded = text
    .replaceAll(",", " ")
    .replaceAll("=>", ">=")
    .replaceAll("=<", "<=")
    .replaceAll(/(^|[\s<>=~^v])(\d+)-(?=[0-9A-Za-z])/g, "$1$2.0.0-")
    .replaceAll(/(^|[\s<>=~^v])(\d+\.\d+)-(?=[0-9A-Za-z])/g, "$1$2.0-");
  try {
    return new Range(padded, { includePrerelease: /\d-[0-9A-Za-z]/.test(padded) });
  } catch {
    // semver throws a TypeError for what is no range, and nothing else; who asks names the filter.
    return undefined;
  }
}

/** semver throws for longer ones; a tag has at most 128 characters. */
const longestVersion = 128;

/** Reads `1.2.3`, and also `1`, `1.2`, `v1` and leading zeros (`2024.01.15`), as Flux does. */
export function readVersion(tag: string): SemVer | undefined {
  if (tag.length > longestVersion) return undefined;
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
