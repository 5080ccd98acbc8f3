import { isReachable, knowsCommit } from "../knows-commit.ts";
import type { EnvironmentContext } from "./environment-context.ts";

/** Git descent as rule 16 asks for it. */
export interface Descent {
  /** True when the live commit descends from ours, so that an older one never overwrites it. */
  isAncestor(older: string, newer: string): Promise<boolean>;
  /** People removed our own commit from the branch. */
  vanished(): boolean;
}

/** The part of a turn that asking git needs. */
export interface DescentContext extends Pick<EnvironmentContext, "environment"> {
  readonly deps: Pick<EnvironmentContext["deps"], "gitOf">;
}

/**
 * A live commit that is unknown is looked for at the host. `onBranchOnly`: a commit that people took
 * off the branch orders nothing any more, since git says something else now.
 */
export function createDescent(
  context: DescentContext,
  mine: string,
  how: { readonly onBranchOnly?: boolean } = {},
): Descent {
  let vanished = false;
  let fetched: Promise<string> | undefined;
  const gitNow = () => context.deps.gitOf(context.environment);
  const tip = () => (fetched ??= gitNow().fetchTip());
  return {
    vanished: () => vanished,
    async isAncestor(older, newer) {
      const git = gitNow();
      if (!(await knowsCommit(git, newer))) {
        const now = await tip();
        // Still unknown: ours is applied only if it is on the branch now.
        if (!(await knowsCommit(git, newer))) {
          vanished = !(await isReachable(git, mine, now));
          return vanished;
        }
      }
      if (!(await isReachable(git, older, newer))) return false;
      return how.onBranchOnly !== true || isReachable(git, newer, await tip());
    },
  };
}
