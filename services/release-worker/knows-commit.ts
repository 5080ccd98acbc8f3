import { SlipwayError } from "#common/domain/errors.ts";
import type { GitCache } from "./git/git-cache.ts";

/** Whether the cache holds a commit; it may be older than another worker's push. */
export async function knowsCommit(git: Pick<GitCache, "isAncestor">, commit: string): Promise<boolean> {
  return isReachable(git, commit, commit);
}

/** Whether a commit is in the history of a tip; one that a whole fetch did not bring is not. */
export async function isReachable(
  git: Pick<GitCache, "isAncestor">,
  commit: string,
  tip: string,
): Promise<boolean> {
  try {
    return await git.isAncestor(commit, tip);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}
