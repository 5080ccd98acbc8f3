import type { Rollout } from "#proto/slipway/cluster/v1/cluster.ts";
import { RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";

/**
 * What a turn remembers of a target's earlier looks, in rollout time: time in which nobody could see the
 * cluster does not exist here. The next turn gets no more of it than since when the target is healthy.
 */
export interface Patience {
  /** The look this is of. */
  readonly atMs: number;
  /** At which look it became complete, and has been so without a break. */
  readonly completeAtMs: number | undefined;
  /**
   * Complete without a break since then: from the first time that was counted after it was seen so,
   * since some of the time up to that look may be from before.
   */
  readonly healthySinceMs: number | undefined;
  /** A pod cannot run, with nothing gained since then. */
  readonly failingSinceMs: number | undefined;
  /** When one was last seen: a crashing pod shows it only now and then. */
  readonly failingSeenMs: number | undefined;
  /** When more pods were updated or available than ever before. */
  readonly movedMs: number;
  readonly mostUpdated: number;
  readonly mostAvailable: number;
}

/** A failing pod that recovers within this time was only starting. */
export const failingGraceMs = 20_000;

const failingReasons = new Set([
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** Whether a person has to act: it does not pass by waiting. */
export function isFailing({ reason, message }: Pick<Rollout, "reason" | "message">): boolean {
  if (failingReasons.has(reason)) return true;
  // Quota, admission, a missing service account; other failures to create pods are tried again.
  return reason === "FailedCreate" && /forbidden|exceeded quota|not found/i.test(message);
}

/** What only takes its time where all goes well: it explains nothing that something else does. */
export function isStarting({ reason }: Pick<Rollout, "reason">): boolean {
  return startingReasons.has(reason);
}

const startingReasons = new Set([
  "ContainerCreating",
  "PodInitializing",
  "ContainersNotReady",
  "ReadinessGatesNotReady",
]);

/** The memory after one more look at `spentMs` of the target's rollout time. */
export function nextPatience(before: Patience | undefined, rollout: Rollout, spentMs: number): Patience {
  // An owner that makes the object anew starts its time again.
  const last = before === undefined || before.atMs > spentMs ? undefined : before;
  const { updated, available, phase } = rollout;
  const moved = last === undefined || updated > last.mostUpdated || available > last.mostAvailable;
  return {
    atMs: spentMs,
    ...(phase === RolloutPhase.ROLLOUT_PHASE_COMPLETE ? healthyAfter(last, spentMs) : unhealthy),
    ...failingAfter(moved ? undefined : last, isFailing(rollout), spentMs),
    movedMs: moved ? spentMs : last.movedMs,
    mostUpdated: Math.max(updated, last?.mostUpdated ?? 0),
    mostAvailable: Math.max(available, last?.mostAvailable ?? 0),
  };
}

const unhealthy = { completeAtMs: undefined, healthySinceMs: undefined };

function healthyAfter(
  last: Patience | undefined,
  spentMs: number,
): Pick<Patience, "completeAtMs" | "healthySinceMs"> {
  const completeAtMs = last?.completeAtMs ?? spentMs;
  const counted = spentMs > completeAtMs ? spentMs : undefined;
  return { completeAtMs, healthySinceMs: last?.healthySinceMs ?? counted };
}

function failingAfter(
  last: Patience | undefined,
  failing: boolean,
  spentMs: number,
): Pick<Patience, "failingSinceMs" | "failingSeenMs"> {
  if (failing) return { failingSinceMs: last?.failingSinceMs ?? spentMs, failingSeenMs: spentMs };
  const seenMs = last?.failingSeenMs;
  const isOver = seenMs === undefined || spentMs - seenMs >= failingGraceMs;
  return isOver
    ? { failingSinceMs: undefined, failingSeenMs: undefined }
    : { failingSinceMs: last?.failingSinceMs, failingSeenMs: seenMs };
}
