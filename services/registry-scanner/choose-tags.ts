import { SlipwayError } from "#common/domain/errors.ts";
import { parseFilter } from "#common/domain/tag-filter.ts";
import type { TagFilter } from "#common/domain/tag-filter.ts";
import { compareVersionsFirst, readVersion } from "#common/domain/tag-version.ts";
import { isMovingTag } from "#common/domain/tag.ts";
import type { DeclaredUse } from "./declared-uses.ts";

/** Which tags of a repository are asked for without anybody's asking: those that could matter. */

/** Who uses a repository, as far as is known. */
export interface Uses {
  readonly declared: readonly DeclaredUse[];
  /** The tags that run. */
  readonly running: ReadonlySet<string>;
}

/** So many of what each filter chooses by, the best ones: versions, numbers, texts. */
export const highest = 50;
const versionsAreMost = 0.8;
const noFilter = "newest";

export interface UnreadFacts extends Uses {
  /** Every tag of the repository. */
  readonly tags: readonly string[];
}

/**
 * What is worth reading: news, what runs or is declared, names that are pushed again and again, and what a
 * filter lets pass. Where a filter goes by version or number, or the tags are versions anyway, the highest are
 * enough; where they are not, only the date tells which is the newest, and all are read. The rest waits until somebody asks.
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
  const read = filterOf(filter);
  if (read === undefined) return [];
  const passing = tags.filter((tag) => read.refusal(tag) === undefined);
  if (read.order !== "date") {
    return passing.toSorted((a, b) => read.compare({ tag: a }, { tag: b })).slice(0, highest);
  }
  const versions = passing.filter((tag) => readVersion(tag) !== undefined);
  if (versions.length < passing.length * versionsAreMost) return passing;
  return versions.toSorted(compareVersionsFirst).slice(0, highest);
}

/** A filter that cannot be read chooses nothing; whoever lists the workload is told so. */
function filterOf(text: string): TagFilter | undefined {
  try {
    return parseFilter(text);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "FILTER_INVALID") return undefined;
    throw error;
  }
}

/** `latest`, `main`, `stable`; `1` and `1.2`, which follow their newest patch. */
export function isPushedAgain(tag: string): boolean {
  return isMovingTag(tag) || /^v?\d{1,4}\.\d{1,4}$/.test(tag) || !/\d/.test(tag);
}
