import { toSlipwayError } from "#common/domain/errors.ts";
import { checkBranchName, checkRefName } from "#common/domain/git-url.ts";

import { isLocalDamage } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";
import { readPushAnswer } from "./push-answer.ts";
import type { PushAnswer } from "./push-answer.ts";

/** The branch from its expected commit to the tip of the chain. */
export interface BranchMove {
  readonly branch: string;
  /** What the branch must hold now; an empty text: it must not exist. */
  readonly base: string;
  readonly tip: string;
}

/** One try to land an intent: the branch from base to tip and the lane ref from old to new, both or neither. */
export interface PushAttempt extends BranchMove {
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
  return [
    branchMove(attempt),
    { ref: attempt.laneRef, expect: checkOid(attempt.laneOld), value: checkOid(attempt.laneNew) },
  ];
}

export function branchMove({ branch, base, tip }: BranchMove): RefMove {
  checkBranchName(branch);
  return { ref: `refs/heads/${branch}`, expect: base === "" ? "" : checkOid(base), value: checkOid(tip) };
}

export interface PushRun {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** `plain`: one ref, for hosts without atomic pushes. `dry`: the host is only asked what it offers. */
  readonly how?: "atomic" | "plain" | "dry";
}

const options: Readonly<Record<NonNullable<PushRun["how"]>, readonly string[]>> = {
  atomic: ["--atomic"],
  plain: [],
  dry: ["--atomic", "--dry-run"],
};

/**
 * Moves refs at the host, each compared and swapped, all or none. A lease also forces: it must name the true parent,
 * never what the host happens to show.
 */
export async function pushRefs(
  runner: GitRunner,
  moves: readonly RefMove[],
  { timeoutMs, signal, how = "atomic" }: PushRun,
): Promise<PushAnswer> {
  for (const { ref } of moves) checkRefName(ref);
  const leases = moves.map(({ ref, expect }) => `--force-with-lease=${ref}:${expect}`);
  const specs = moves.map(({ ref, value }) => `${value}:${ref}`);
  // A thin pack would need the old blobs as delta bases, and a fetch for each that was never read here.
  const usual = ["--porcelain", "--no-verify", "--no-thin"];
  const args = ["push", ...usual, ...options[how], ...leases, "--", "origin", ...specs];
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
