import { checkTreePath } from "./fast-import.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";

export interface TreeEntry {
  /** `100644`, `100755`, `120000` (symbolic link) or `160000` (submodule). */
  readonly mode: string;
  readonly oid: string;
  readonly path: string;
}

/** Lists the files of a commit, all or those at or below the given paths; `.` is the whole tree. */
export async function listTree(
  runner: GitRunner,
  commit: string,
  underPaths: readonly string[] = [],
): Promise<TreeEntry[]> {
  const paths = underPaths.map((path) => path.replace(/^(\.\/)+/, "").replace(/\/+$/, ""));
  const whole = paths.length === 0 || paths.some((path) => path === "." || path === "");
  if (!whole) paths.forEach(checkTreePath);
  const args = ["ls-tree", "-r", "-z", "--full-tree", checkOid(commit), "--", ...(whole ? [] : paths)];
  return readTree(await runner.must(args));
}

function readTree(text: string): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (const line of text.split("\0")) {
    const [, mode, oid, path] = /^(\d{6}) \w+ ([0-9a-f]{40})\t(.+)$/s.exec(line) ?? [];
    if (mode !== undefined && oid !== undefined && path !== undefined) entries.push({ mode, oid, path });
  }
  return entries;
}
