import { createTwoFilesPatch, diffLines, FILE_HEADERS_ONLY } from "diff";

export interface UnifiedDiff {
  readonly path: string;
  readonly unified: string;
  readonly added: number;
  readonly removed: number;
}

/** A diff as git prints it, with how many lines came and went. */
export function unifiedDiff(file: { path: string; before: string; after: string }): UnifiedDiff {
  const { path, before, after } = file;
  const unified = createTwoFilesPatch(`a/${path}`, `b/${path}`, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
  const parts = diffLines(before, after);
  const count = (which: "added" | "removed") =>
    parts.filter((part) => part[which]).reduce((sum, part) => sum + part.count, 0);
  return { path, unified, added: count("added"), removed: count("removed") };
}
