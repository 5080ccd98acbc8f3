import { expect, test } from "vitest";

import { Rollout, RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";

import { releaseState } from "./release-state.ts";

const progressing = { phase: RolloutPhase.ROLLOUT_PHASE_PROGRESSING, desired: 3 };

test.each([
  [{ phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE, desired: 3, updated: 3, available: 3 }, "ready", "ready"],
  [{ phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE }, "ready", "ready"],
  [{ ...progressing, updated: 2, available: 3 }, "updating", "updating 2/3"],
  [{ ...progressing, updated: 3, available: 1 }, "updating", "updating 1/3"],
  [{ ...progressing, updated: 1, reason: "ContainerCreating" }, "updating", "updating 1/3"],
  [{ ...progressing, updated: 1, reason: "ImagePullBackOff" }, "error", "error: ImagePullBackOff"],
  [
    { phase: RolloutPhase.ROLLOUT_PHASE_FAILED, reason: "ProgressDeadlineExceeded" },
    "error",
    "error: ProgressDeadlineExceeded",
  ],
  [{ phase: RolloutPhase.ROLLOUT_PHASE_FAILED }, "error", "error: failed"],
  [{ phase: RolloutPhase.UNRECOGNIZED }, "unknown", "unknown"],
])("%j is %s, shown as %j", (rollout, state, text) => {
  expect(releaseState(Rollout.fromPartial(rollout))).toMatchObject({ state, text });
});

test("tells reason and message as they came", () => {
  const rollout = Rollout.fromPartial({ ...progressing, reason: "ErrImagePull", message: "no such tag" });
  expect(releaseState(rollout)).toMatchObject({ reason: "ErrImagePull", message: "no such tag", desired: 3 });
});
