import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import type { Log } from "#common/kit/log.ts";

import { removeStaleLock } from "./cache-leftovers.ts";
import { orDiskFull } from "./disk.ts";
import type { GitRunner } from "./git-runner.ts";
import { isAbsent } from "./history.ts";
import type { Remote } from "./remote.ts";

export interface HealingParts {
  readonly runner: GitRunner;
  readonly remote: Remote;
  readonly log: Log;
}

export interface HealedAct<T> {
  readonly act: () => Promise<T>;
  /** The commits that the act reads: one that the branch does not hold is no damage. */
  readonly commits?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export type Heal = <T>(healed: HealedAct<T>) => Promise<T>;

/**
 * Does an act on the cache; where git calls the cache damaged, it is made anew by one fetch and the act is done once
 * more. A commit that is then still absent was removed from the branch: that is said as what it is.
 */
export function createHealing(parts: HealingParts): Heal {
  const { runner, remote, log } = parts;
  return async ({ act, commits = [], signal }) => {
    const generation = runner.discards();
    try {
      return await act();
    } catch (cause) {
      const error = await orDiskFull(runner, toSlipwayError(cause));
      if (error.code !== "GIT_CACHE_BROKEN") throw error;
      const absent = await absentOf(runner, commits);
      if (absent === undefined && !(await removeStaleLock(runner.folder, error.detail ?? ""))) {
        log.warn("the git cache is damaged and is made anew", { error });
        runner.discard(generation);
      }
    }
    await remote.fetchTip(signal);
    try {
      return await act();
    } catch (cause) {
      const absent =
        toSlipwayError(cause).code === "GIT_CACHE_BROKEN" ? await absentOf(runner, commits) : undefined;
      if (absent === undefined) throw cause;
      throw new SlipwayError("GIT_PUSH_REJECTED", {
        detail: `${absent} is not on the branch any more`,
        cause,
      });
    }
  };
}

async function absentOf(runner: GitRunner, commits: readonly string[]): Promise<string | undefined> {
  for (const commit of commits) if (await isAbsent(runner, commit)) return commit;
  return undefined;
}
