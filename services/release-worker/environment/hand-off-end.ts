import { errorCatalogue } from "#common/domain/errors.ts";
import type { JobErrorRow, JobRow, RolloutTarget } from "#common/store/schema.ts";

/** How a job ends whose failed targets were all waited for in vain. */
export interface VainEnd {
  readonly outcome?: "not-picked-up";
  readonly error: JobErrorRow;
}

/**
 * CORRECTNESS 24: an owner that does not bring the commit, or is not ready in the end, is no reason to
 * undo anything by itself. Undefined where a workload failed as well, or nothing was handed off.
 */
export function vainEnd(job: Pick<JobRow, "id">, bad: readonly RolloutTarget[]): VainEnd | undefined {
  if (bad.length === 0 || bad.some((target) => target.handedOff?.inVain === undefined)) return undefined;
  const detail = bad.map(({ reason }) => reason ?? "").join("; ");
  const undo = `slipway rollback ${job.id.slice(-8)}`;
  const notPickedUp = bad.every((target) => target.handedOff?.inVain === "not-picked-up");
  const { title } = errorCatalogue[notPickedUp ? "NOT_PICKED_UP" : "ROLLOUT_FAILED"];
  if (!notPickedUp) {
    const hint = `the workloads run it; to take it back: ${undo}`;
    return { error: { code: "ROLLOUT_FAILED", title, detail, hint } };
  }
  const hint = `the commit stays in git and is applied when its owner comes to it; to take it back: ${undo}`;
  return { outcome: "not-picked-up", error: { code: "NOT_PICKED_UP", title, detail, hint } };
}
