import { SlipwayError } from "#common/domain/errors.ts";
import * as lanes from "#common/store/lanes.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * CORRECTNESS 5a: the lane's first act creates its ref by a push of its own. Until its value is
 * recorded no intent exists, so whatever the host shows afterwards is a value to start from.
 */
export async function ensureLaneRef(context: LaneContext): Promise<string> {
  const { deps, lane, git, lease } = context;
  const recorded = (await lanes.getLane(deps.store.db, lane.id))?.lane_value ?? null;
  if (recorded !== null) return recorded;
  const ref = lane.lane_ref;
  let seen = (await git.lsRemote([ref])).get(ref);
  if (seen === undefined) {
    const value = await git.writeLaneValue(`lane ${lane.id}: created`);
    const answer = await git.createLaneRef(ref, value, deps.heartbeat.signal());
    if (answer.kind === "failed") throw new SlipwayError(answer.code, { detail: answer.detail });
    if (answer.kind === "refused") throw refLaneError(ref, answer.detail);
    seen = answer.kind === "landed" ? value : (await git.lsRemote([ref])).get(ref);
  }
  if (seen === undefined) throw refLaneError(ref, "it is still absent after the push");
  const laneValue = seen;
  await deps.store.fenced(lease, (tx) => lanes.setLaneValue(tx, { laneId: lane.id, value: laneValue }));
  return laneValue;
}

function refLaneError(ref: string, why: string): SlipwayError {
  return new SlipwayError("GIT_PUSH_REFUSED", {
    detail: `${ref} could not be created: ${why}`,
    hint: "the credential must be allowed to push refs/slipway/*",
  });
}
