import { laneBranchOf } from "#common/domain/git-url.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { OpenIntent } from "#common/store/intents.ts";
import * as lanes from "#common/store/lanes.ts";
import type { HostLevel, PushAnswer } from "../git/git-cache.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * What keeps an abandoned push from landing late (CORRECTNESS 5): the lane's own ref, moved together
 * with the branch; on hosts that refuse it a branch in its place; else nothing, and a late copy is
 * only noticed (5e).
 */
export interface LaneGuard {
  readonly level: HostLevel;
  readonly ref: string;
  /** What the ref holds, as recorded; empty on the level without a ref. */
  readonly value: string;
}

/** The lane's first act (5a): finds the level by creating the ref. Until then no intent exists. */
export async function ensureGuard(context: LaneContext): Promise<LaneGuard> {
  const { deps, git, lane, lease } = context;
  const recorded = await recordedGuard(context);
  if (recorded !== undefined && (recorded.value !== "" || recorded.level === "branch-only")) return recorded;
  const probe = await git.probeHost(lane.lane_ref, deps.heartbeat.signal());
  const { level } = probe;
  const value = probe.lane?.value ?? null;
  await deps.store.fenced(lease, (tx) => lanes.setLaneGuard(tx, { laneId: lane.id, level, value }));
  if (probe.reasons.length > 0) {
    deps.log.warn("the git host refuses the lane's ref", { lane: lane.id, level, reasons: probe.reasons });
  }
  return { level, ref: refOf(level, lane.lane_ref), value: value ?? "" };
}

/** A value that nobody ever used; on a branch it is a child of the last. */
export function nextValue({ git }: LaneContext, guard: LaneGuard, message: string): Promise<string> {
  if (guard.level === "branch-only") return Promise.resolve("");
  return git.writeLaneValue(message, guard.level === "lane-branch" ? guard.value : undefined);
}

export async function pushGuarded(
  context: LaneContext,
  intent: OpenIntent,
  laneNew: string,
): Promise<PushAnswer> {
  const { deps, git, lane } = context;
  const { proposal, tip } = intent;
  const move =
    proposal === null ? { branch: lane.branch, base: intent.base, tip } : { branch: proposal, base: "", tip };
  const guard = await mustGuard(context);
  if (guard.level === "branch-only") return git.pushBranch(move, deps.heartbeat.signal());
  const attempt = { ...move, laneRef: guard.ref, laneOld: intent.laneOld, laneNew };
  return git.push(attempt, deps.heartbeat.signal());
}

/** Moves the ref alone: no attempt of the intent can land any more. */
export async function sealGuard(context: LaneContext, intent: OpenIntent): Promise<void> {
  const guard = await mustGuard(context);
  const fresh = await nextValue(context, { ...guard, value: intent.laneOld }, `intent ${intent.id}: sealed`);
  const move = { old: intent.laneOld, fresh };
  const answer = await context.git.seal(guard.ref, move, context.deps.heartbeat.signal());
  if (answer.kind === "failed") throw new SlipwayError(answer.code, { detail: answer.detail });
  // Whatever else the answer was, only the next look at the host tells what the ref holds now.
}

/** What the ref holds at the host; null when somebody deleted it: the lane's next act makes it anew. */
export async function lookAtGuard(context: LaneContext): Promise<string | null> {
  const { level, ref } = await mustGuard(context);
  if (level === "branch-only") return null;
  return (await context.git.lsRemote([ref])).get(ref) ?? null;
}

export async function mustGuard(context: LaneContext): Promise<LaneGuard> {
  const guard = await recordedGuard(context);
  if (guard !== undefined) return guard;
  throw new SlipwayError("INTERNAL", { detail: `lane ${context.lane.id} has an intent and no guard` });
}

async function recordedGuard({ deps, lane }: LaneContext): Promise<LaneGuard | undefined> {
  const row = await lanes.getLane(deps.store.db, lane.id);
  if (row === undefined || row.level === null) return undefined;
  return { level: row.level, ref: refOf(row.level, row.lane_ref), value: row.lane_value ?? "" };
}

function refOf(level: HostLevel, laneRef: string): string {
  return level === "lane-branch" ? laneBranchOf(laneRef) : laneRef;
}
