import { SlipwayError } from "#common/domain/errors.ts";
import { laneBranchOf } from "#common/domain/git-url.ts";
import { unreachable } from "#common/domain/unreachable.ts";

import type { PushAnswer } from "./push-answer.ts";

/**
 * What a host lets us keep beside the branch, best first: the lane's own ref; a branch in its place, each value a
 * child of the last; nothing, so that a late copy of an abandoned push can still land.
 */
export type HostLevel = "lane-ref" | "lane-branch" | "branch-only";

export interface HostProbe {
  readonly level: HostLevel;
  /** The lane's ref at the host with what it holds now; absent on the last level. */
  readonly lane?: { readonly ref: string; readonly value: string };
  /** Why the better levels are out of reach, in the host's words. */
  readonly reasons: readonly string[];
}

/** What probing needs of a cache. */
export interface ProbedHost {
  lsRemote(refs: readonly string[], signal?: AbortSignal): Promise<Map<string, string>>;
  writeLaneValue(message: string): Promise<string>;
  createLaneRef(ref: string, value: string, signal?: AbortSignal): Promise<PushAnswer>;
  /** Whether the host takes atomic pushes; nothing is pushed. */
  offersAtomic(ref: string, signal?: AbortSignal): Promise<PushAnswer>;
}

/**
 * Finds the best level by the act itself: the lane's first act creates its ref anyway (CORRECTNESS 5a), and no other
 * question is answered truly, since hooks only run on a real push. Throws where the host cannot be asked.
 */
export async function probeHost(host: ProbedHost, laneRef: string, signal?: AbortSignal): Promise<HostProbe> {
  const reasons: string[] = [];
  const atomic = refusalOf(await host.offersAtomic(laneRef, signal));
  if (atomic !== undefined) return { level: "branch-only", reasons: [atomic] };
  for (const [level, ref] of [
    ["lane-ref", laneRef],
    ["lane-branch", laneBranchOf(laneRef)],
  ] as const) {
    const found = await tryRef(host, ref, signal);
    if ("value" in found) return { level, lane: { ref, value: found.value }, reasons };
    reasons.push(`${ref}: ${found.refusal}`);
  }
  return { level: "branch-only", reasons };
}

type Found = { readonly value: string } | { readonly refusal: string };

async function tryRef(host: ProbedHost, ref: string, signal: AbortSignal | undefined): Promise<Found> {
  const look = async () => (await host.lsRemote([ref], signal)).get(ref);
  const seen = await look();
  if (seen !== undefined) return { value: seen };
  const answer = await host.createLaneRef(ref, await host.writeLaneValue("lane created"), signal);
  const refusal = refusalOf(answer);
  if (refusal !== undefined) return { refusal };
  // Read back: a ref that we may write and not read cannot tell what became of a push.
  const now = await look();
  if (now !== undefined) return { value: now };
  if (answer.kind === "unknown") throw new SlipwayError("GIT_PUSH_UNKNOWN", { detail: answer.detail });
  return { refusal: "the host takes it and does not show it" };
}

/** The host's reason where it said no; a host that could not be asked is an error. */
function refusalOf(answer: PushAnswer): string | undefined {
  switch (answer.kind) {
    case "landed":
    case "moved":
    case "unknown":
      return undefined;
    case "refused":
      return answer.detail;
    case "failed":
      throw new SlipwayError(answer.code, { detail: answer.detail });
    default:
      return unreachable(answer);
  }
}
