import { toSlipwayError } from "#common/domain/errors.ts";
import { checkBranchName, checkRefName } from "#common/domain/git-url.ts";

import { isLocalDamage } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";
import { readPushAnswer } from "./push-answer.ts";
import type { PushAnswer } from "./push-answer.ts";

/** One try to land an intent: the branch from base to tip and the lane ref from old to new, both or neither. */
export interface PushAttempt {
  readonly branch: string;
  readonly base: string;
  readonly tip: string;
  readonly laneRef: string;
  readonly laneOld: string;
  readonly laneNew: string;
}

export interface RefMove {
  readonly ref: string;
  /** What the ref must hold now; an empty text means: it must not exist. */
  readonly expect: string;
  readonly value: string;
}

/** The two moves of an attempt, in the order in which they are pushed. */
export function movesOf(attempt: PushAttempt): RefMove[] {
  checkBranchName(attempt.branch);
  return [
    { ref: `refs/heads/${attempt.branch}`, expect: checkOid(attempt.base), value: checkOid(attempt.tip) },
    { ref: attempt.laneRef, expect: checkOid(attempt.laneOld), value: checkOid(attempt.laneNew) },
  ];
}

/**
 * Moves refs at the host, each compared and swapped, all or none. A lease also forces: it must name the true parent,
 * never what the host happens to show.
 */
export async function pushRefs(
  runner: GitRunner,
  moves: readonly RefMove[],
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<PushAnswer> {
  for (const { ref } of moves) checkRefName(ref);
  const leases = moves.map(({ ref, expect }) => `--force-with-lease=${ref}:${expect}`);
  const specs = moves.map(({ ref, value }) => `${value}:${ref}`);
  // A thin pack would need the old blobs as delta bases, and a fetch for each that was never read here.
  const options = ["--porcelain", "--atomic", "--no-verify", "--no-thin"];
  const args = ["push", ...options, ...leases, "--", "origin", ...specs];
  const refs = moves.map(({ ref }) => ref);
  const generation = runner.discards();
  try {
    const end = await runner.push(args, { timeoutMs, signal });
    const answer = readPushAnswer(end, refs);
    if (answer.kind !== "landed" && isLocalDamage(end.stderr)) runner.discard(generation);
    return answer;
  } catch (cause) {
    // git was never started, so nothing can land: the cache's folder is gone.
    const { code, message } = toSlipwayError(cause);
    if (code !== "GIT_CACHE_BROKEN") throw cause;
    runner.discard(generation);
    return { kind: "failed", code, detail: message };
  }
}
