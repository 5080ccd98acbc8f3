import { compareVersionsFirst, isMovingTag, tagPasses } from "#common/domain/tag.ts";
import type { DeclaredUse } from "#common/store/image-uses.ts";

/** Which tags of a repository are asked for without anybody's asking: those that could matter. */

/** Who uses a repository, as far as is known. */
export interface Uses {
  readonly declared: readonly DeclaredUse[];
  /** The tags that run. */
  readonly running: ReadonlySet<string>;
}

/** Of each filter, so many of the highest versions. */
export const newestVersions = 50;
const versionsAreMost = 0.8;
const noFilter = "*";

export interface UnreadFacts extends Uses {
  /** Every tag of the repository. */
  readonly tags: readonly string[];
}

/**
 * What is worth reading: news, what runs or is declared, names that are pushed again and again, and what a
 * filter lets pass. Where tags are versions the highest of them are enough; where they are not, only the
 * date tells which is the newest, and all are read. The rest waits until somebody asks.
 */
export function chooseToRead<T extends { readonly tag: string; readonly late: boolean }>(
  unread: readonly T[],
  facts: UnreadFacts,
): readonly T[] {
  if (unread.length === 0) return unread;
  const used = usedTags(facts);
  const filters = new Set(facts.declared.map(({ filter }) => filter ?? noFilter));
  if (filters.size === 0) filters.add(noFilter);
  const worth = new Set([...filters].flatMap((filter) => worthOf(facts.tags, filter)));
  return unread.filter(({ tag, late }) => late || used.has(tag) || isPushedAgain(tag) || worth.has(tag));
}

/** Tags that are the likeliest to move: what is used, and names that are made to be moved. */
export function isLikelyToMove(tag: string, used: ReadonlySet<string>): boolean {
  return used.has(tag) || isPushedAgain(tag);
}

/** What runs or is declared. */
export function usedTags({ declared, running }: Uses): ReadonlySet<string> {
  return new Set([...running, ...declared.flatMap(({ tag }) => tag ?? [])]);
}

function worthOf(tags: readonly string[], filter: string): readonly string[] {
  const passing = tags.filter((tag) => passes(tag, filter));
  const versions = passing.filter(isVersion);
  const byVersion = filter.startsWith("semver:") || versions.length >= passing.length * versionsAreMost;
  if (!byVersion) return passing;
  return versions.toSorted(compareVersionsFirst).slice(0, newestVersions);
}

function passes(tag: string, filter: string): boolean {
  try {
    return tagPasses(tag, filter);
  } catch {
    // A filter that cannot be read chooses nothing; whoever lists the workload is told so.
    return false;
  }
}

/** `latest`, `main`, `stable`; `1` and `1.2`, which follow their newest patch. */
function isPushedAgain(tag: string): boolean {
  return isMovingTag(tag) || /^v?\d{1,4}\.\d{1,4}$/.test(tag) || !/\d/.test(tag);
}

const noVersion = "-";

function isVersion(tag: string): boolean {
  return compareVersionsFirst(tag, noVersion) < 0;
}
