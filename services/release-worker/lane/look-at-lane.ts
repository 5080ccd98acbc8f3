import { toSlipwayError, type SlipwayError } from "#common/domain/errors.ts";
import { withOnlyJob } from "#common/kit/current-work.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { openPushOf } from "#common/store/ended-jobs.ts";
import * as intents from "#common/store/intents.ts";
import * as lanes from "#common/store/lanes.ts";
import * as jobs from "#common/store/jobs.ts";
import * as leases from "#common/store/leases.ts";
import * as manifests from "#common/store/manifests.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";
import { actsIn, type WorkerDeps } from "../deps.ts";
import { toErrorRow } from "../error-row.ts";
import { tracedForAll } from "../trace-jobs.ts";
import type { GitCache } from "../git/git-cache.ts";
import { noticeLateCommits } from "./ended-jobs.ts";
import { endForgottenPushes } from "./forgotten-pushes.ts";
import { createLaneTip, environmentNamed, type LaneContext, type LaneTip } from "./lane-context.ts";
import { watchProposals } from "./proposals.ts";
import { endOrRetry } from "./end-planned.ts";
import { planBatch } from "./plan-batch.ts";
import { pushIntent, resolveIntent } from "./resolve-intent.ts";
import { beginSyncs } from "./sync-begin.ts";
import { followBase, followTip } from "./sync-on-change.ts";
import { recoverLostJobs, takeJobs } from "./take-jobs.ts";
import { writeBatch } from "./write-batch.ts";

const maxBatch = 64;
/** Batches in one turn; then the lease is handed back so that other workers have theirs. */
const maxBatches = 20;
const maxTurns = 20;
const pollTipMs = 15_000;
const problemPauseMs = 5_000;

interface LaneMemory {
  /** What each credential's cache knows of the branch. */
  readonly tips: WeakMap<GitCache, LaneTip>;
  /** How many jobs a push may carry; halved when a batch is refused, until the culprit is alone. */
  batchLimit: number;
  /** The last tip that was looked through for commits of ended jobs. */
  lookedThrough?: string;
}

export interface LaneRoom {
  /** Does what is due on a lane, if its lease is free; never throws. */
  look(laneId: string): Promise<void>;
  /** Begins no batch any more; the one that runs goes on to its end. */
  stop(): void;
}

export function createLaneRoom(deps: WorkerDeps): LaneRoom {
  const memories = new Map<string, LaneMemory>();
  const busy = new Set<string>();
  const stopping = new AbortController();
  return {
    async look(laneId) {
      if (busy.has(laneId)) return;
      busy.add(laneId);
      try {
        await lookWhileDue({ deps, memories, stopping: stopping.signal }, laneId);
      } catch (error) {
        deps.log.error("lane could not be looked at", { error, lane: laneId });
      } finally {
        busy.delete(laneId);
      }
    },
    stop: () => stopping.abort(),
  };
}

interface RoomParts {
  readonly deps: WorkerDeps;
  readonly memories: Map<string, LaneMemory>;
  readonly stopping: AbortSignal;
}

/**
 * Whoever was rung while we held the lease has gone away again: a job that came after our last batch
 * would wait for somebody's own look. So what is due is asked once more, with the lease handed back.
 */
async function lookWhileDue(room: RoomParts, laneId: string): Promise<void> {
  for (let turns = 0; turns < maxTurns && !room.stopping.aborted; turns += 1) {
    if (!(await lookAtLane(room, laneId))) return;
    if (!(await jobs.hasDueJobs(room.deps.store.db, laneId))) return;
  }
}

/** False where another worker holds the lane, there is none, or it cannot go on. */
async function lookAtLane({ deps, memories, stopping }: RoomParts, laneId: string): Promise<boolean> {
  const environments = actsIn(deps).filter(
    (environment) => laneKey(environment.git.url, environment.git.branch) === laneId,
  );
  const first = environments[0];
  if (first === undefined) return false;
  const lease = await leases.takeLease(deps.store.db, { id: `lane:${laneId}`, owner: deps.workerId });
  if (lease === undefined) return false;
  try {
    const lane = await lanes.getLane(deps.store.db, laneId);
    if (lane === undefined) return false;
    const memory = memories.get(laneId) ?? { tips: new WeakMap(), batchLimit: maxBatch };
    memories.set(laneId, memory);
    return await turn({ ...reachedBy({ deps, lane, lease, environments }, memory, first), stopping }, memory);
  } finally {
    await leases.returnLease(deps.store.db, lease);
  }
}

/** The lane as one environment's credential reaches it. */
function reachedBy(
  parts: Pick<LaneContext, "deps" | "lane" | "lease" | "environments">,
  memory: LaneMemory,
  environment: EnvironmentSettings,
): LaneContext {
  const git = parts.deps.gitOf(environment);
  const tip = memory.tips.get(git) ?? createLaneTip(git, parts.lane.branch);
  memory.tips.set(git, tip);
  tip.compare(parts.lane.tip);
  return { ...parts, git, tip, tips: parts.deps.tipsOf(environment) };
}

/** A push goes out with the credential of the environment whose jobs it carries. */
function reachedFor(context: LaneContext, memory: LaneMemory, job: JobRow | undefined): LaneContext {
  const environment = environmentNamed(context, job?.environment ?? "");
  if (environment === undefined || context.deps.gitOf(environment) === context.git) return context;
  return reachedBy(context, memory, environment);
}

interface TurnContext extends LaneContext {
  readonly stopping: AbortSignal;
}

/** False where the lane could not go on: then it waits, whatever is due. */
async function turn(context: TurnContext, memory: LaneMemory): Promise<boolean> {
  try {
    await workOnLane(context, memory);
    return true;
  } catch (thrown) {
    await noteProblem(context, thrown);
    return false;
  }
}

async function workOnLane(context: TurnContext, memory: LaneMemory): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch += 1) {
    if (context.deps.heartbeat.signal().aborted || context.stopping.aborted) return;
    await resolveLeftIntent(context, memory);
    await recoverLostJobs(context);
    const took = await releaseNext(context, memory);
    if (took === 0) break;
  }
  await pollTip(context, memory);
}

async function resolveLeftIntent(turn: LaneContext, memory: LaneMemory): Promise<void> {
  const { db } = turn.deps.store;
  const left = await intents.openIntent(db, turn.lane.id);
  if (left === undefined) return;
  const context = reachedFor(turn, memory, await jobs.getJob(db, left.commits[0]?.jobId ?? ""));
  context.tip.set(undefined);
  // writeCommits needs the base: a cache that has just been made does not have it yet.
  // What came to the branch is looked through before the intent's end moves the tip on record.
  await endForgottenPushes(context, await context.tip.fetch());
  await resolveIntent(context);
  context.tip.set(undefined);
}

async function releaseNext(context: LaneContext, memory: LaneMemory): Promise<number> {
  const taken = await takeJobs(context, memory.batchLimit);
  if (taken.length === 0) {
    memory.batchLimit = maxBatch;
    return 0;
  }
  try {
    return await withOnlyJob(taken, () => releaseTaken(context, memory, taken));
  } catch (thrown) {
    await withOnlyJob(taken, () => giveBackTaken(context, taken, thrown));
    throw thrown;
  }
}

async function releaseTaken(
  turn: LaneContext,
  memory: LaneMemory,
  taken: readonly JobRow[],
): Promise<number> {
  const context = reachedFor(turn, memory, taken[0]);
  const rest = await beginSyncs(context, taken);
  if (rest.length === 0) return taken.length;
  const batch = await planBatch(context, rest);
  if (batch.planned.length === 0) return taken.length;
  await followBase(context, batch.base);
  const written = await writeBatch(context, batch);
  if (written === undefined) return taken.length;
  context.tip.set(undefined);
  const pushed = rest.filter(({ id }) => written.intent.commits.some(({ jobId }) => jobId === id));
  const ending = await tracedForAll(context.deps.tracing, { jobs: pushed, name: "push" }, () =>
    pushIntent(context, written),
  );
  if (ending === "landed") context.tip.set(written.intent.tip);
  if (ending === "proposed") context.tip.set(written.intent.base);
  // Only the host's own refusal asks for smaller batches: somebody in this one is the culprit.
  if (ending === "refused") memory.batchLimit = Math.max(1, Math.floor(written.intent.commits.length / 2));
  return taken.length;
}

/** Something outside failed before the intent: the jobs say why they wait, or end after the eighth try. */
async function giveBackTaken(context: LaneContext, taken: readonly JobRow[], thrown: unknown): Promise<void> {
  const error = toSlipwayError(thrown);
  if (error.code === "LEASE_LOST" || error.code === "STORE_UNAVAILABLE") return;
  for (const { id } of taken) {
    const job = await jobs.mustGetJob(context.deps.store.db, id);
    if (job.phase !== "writing" || job.intent) continue;
    await endOrRetry(context, { job, error, event: "cannot-plan" });
  }
}

/** People push too: the projection follows the branch, and rolling-out jobs hear of it. */
async function pollTip(context: LaneContext, memory: LaneMemory): Promise<void> {
  const { deps, lane } = context;
  const now = await deps.store.now();
  const current = await lanes.getLane(deps.store.db, lane.id);
  if (current === undefined || current.due_at.getTime() > now.getTime()) return;
  const tip = await context.tip.confirm();
  if (tip !== current.tip) await endForgottenPushes(context, tip);
  if (tip !== current.tip || current.problem !== null) await followTip(context, tip);
  await watchProposals(context, tip);
  if (memory.lookedThrough !== tip) await noticeLateCommits(context, tip);
  memory.lookedThrough = tip;
  await deps.store.fenced(context.lease, async (tx) => {
    await manifests.confirmEnvironmentTips(tx, lane.id);
    await lanes.confirmTip(tx, { laneId: lane.id, nextInMs: pollTipMs, askedAt: now });
  });
}

/** The lane could not go on: its jobs stay where they are, with the reason, and it is looked at again. */
async function noteProblem(context: LaneContext, thrown: unknown): Promise<void> {
  const { deps, lane, lease } = context;
  const error = toSlipwayError(thrown);
  context.tip.set(undefined);
  if (error.code === "LEASE_LOST") {
    deps.log.warn("another worker took this lane over", { lane: lane.id });
    return;
  }
  deps.log.warn("lane has a problem", { error, lane: lane.id });
  await deps.store.fenced(lease, async (tx) => {
    await lanes.setLaneProblem(tx, { laneId: lane.id, problem: toErrorRow(error), nextInMs: problemPauseMs });
    // Without a usable host an intent stays open (5f): its jobs say why.
    const open = await jobs.jobsOfLane(tx, { laneId: lane.id, phase: "writing", intent: true });
    for (const job of open) await jobs.patchJob(tx, job.id, { waiting_for: await whyOpen(tx, job, error) });
  });
}

/** After half an hour a person may end the job; from then on its reason says so. */
async function whyOpen(tx: Db, job: JobRow, error: SlipwayError): Promise<string> {
  const push = await openPushOf(tx, job.id);
  if (push?.endable !== true) return error.message;
  return `${error.message}; a person may end it now: slipway end ${job.id.slice(-8)}`;
}
