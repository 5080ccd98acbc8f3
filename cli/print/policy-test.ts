import type { CandidateReason } from "#common/domain/tag.ts";

import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

interface TestedTag {
  readonly tag: string;
  /** ISO 8601; null where the tag has no usable date. */
  readonly created: string | null;
  readonly digest?: string;
}

/** What `policy test -o json` prints. */
export interface TestedPolicy {
  readonly chosen: TestedTag | null;
  /** Best first; `order` counts from 1. */
  readonly candidates: readonly (TestedTag & { readonly order: number; readonly reason: CandidateReason })[];
}

/** One row per tag, the chosen one first. */
export function testedLines(
  { candidates, chosen }: TestedPolicy,
  style: { readonly headers: boolean; readonly current?: string | undefined },
): readonly string[] {
  const rows = candidates.map(({ order, tag, created, reason }) => [
    String(order),
    tag,
    created === null ? "?" : shortDate(created),
    `${reason}${tag === style.current ? " (current)" : ""}`,
  ]);
  const table = tableLines(style.headers ? [["ORDER", "TAG", "CREATED", "REASON"], ...rows] : rows);
  return chosen === null ? [...table, "Nothing is chosen."] : table;
}
