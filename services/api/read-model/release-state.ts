import type { Workload } from "#common/contracts/http.ts";
import { RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Rollout } from "#proto/slipway/cluster/v1/cluster.ts";

type ReleaseState = Workload["release"];

const nothing = { desired: 0, updated: 0, available: 0, reason: null, message: null };

/** Declared, but the cluster does not run it. */
export const notRunning: ReleaseState = { state: "not-running", text: "not running", ...nothing };

/** Nobody can tell: the cluster's view is away or not complete. */
export const unknownState: ReleaseState = { state: "unknown", text: "unknown", ...nothing };

/** Reasons that do not pass by themselves, while the rollout is not given up yet. */
const stuck = /^(ErrImage|ImagePull|InvalidImage|CrashLoop|CreateContainer|RunContainer|FailedCreate)/;

/** The rollout in the words of a table: "ready", "updating 2/3", "error: ImagePullBackOff". */
export function releaseState(rollout: Rollout | undefined): ReleaseState {
  if (rollout === undefined) return unknownState;
  const { desired, updated, available } = rollout;
  const reason = rollout.reason === "" ? null : rollout.reason;
  const facts = {
    desired,
    updated,
    available,
    reason,
    message: rollout.message === "" ? null : rollout.message,
  };
  switch (rollout.phase) {
    case RolloutPhase.ROLLOUT_PHASE_COMPLETE:
      return { state: "ready", text: "ready", ...facts };
    case RolloutPhase.ROLLOUT_PHASE_PROGRESSING:
      if (reason !== null && stuck.test(reason))
        return { state: "error", text: `error: ${reason}`, ...facts };
      return { state: "updating", text: `updating ${progressOf(rollout)}/${desired}`, ...facts };
    case RolloutPhase.ROLLOUT_PHASE_FAILED:
      return { state: "error", text: `error: ${reason ?? "failed"}`, ...facts };
    default:
      // A watcher of another version may know more phases than we do.
      return { ...unknownState, ...facts };
  }
}

/** Once all are updated, what is waited for is that they become available. */
function progressOf({ desired, updated, available }: Rollout): number {
  return updated >= desired ? Math.min(available, desired) : updated;
}
