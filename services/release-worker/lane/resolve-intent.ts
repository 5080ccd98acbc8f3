import { SlipwayError } from "#common/domain/errors.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import { lockEnded } from "#common/store/ended-jobs.ts";
import * as intents from "#common/store/intents.ts";
import type { IntentCommit, OpenIntent } from "#common/store/intents.ts";
import type { Db } from "#common/store/store.ts";
import type { CommitDraft, PushAnswer } from "../git/git-cache.ts";
import { isReachable } from "../knows-commit.ts";
import type { LaneContext } from "./lane-context.ts";
import { lookAtGuard, mustGuard, nextValue, pushGuarded, sealGuard, type LaneGuard } from "./lane-guard.ts";
import { recordProposal } from "./proposals.ts";
import { recordAdoption, recordGivenBack, recordProposalLost, recordRefusal } from "./record-outcome.ts";
import { fromStoredDraft } from "./stored-draft.ts";
import type { WrittenBatch } from "./write-batch.ts";

const maxLooks = 6;
/** After so many pushes without a clear answer the lane is sealed instead, and its jobs start anew. */
const maxPushes = 3;

/** How an intent ended, as far as the next batch cares. */
export type Ending = "landed" | "proposed" | "given-back" | "refused" | "looked-up";

/**
 * Pushes an intent that was recorded a moment ago by this worker, and brings it to its end. An
 * explicit answer to its only attempt settles it at once (5d); everything else is looked up.
 */
export async function pushIntent(context: LaneContext, written: WrittenBatch): Promise<Ending> {
  const { intent, laneNew } = written;
  const push = await pushAs(context, intent, laneNew);
  const ending = await settledByFirstAnswer(context, intent, { push, laneNew });
  if (ending !== undefined) return ending;
  await resolveIntent(context);
  return "looked-up";
}

/**
 * Finds out what became of the lane's open intent, and brings it to its end (CORRECTNESS 5a to 5d).
 * Returns only when it is closed; throws GIT_UNAVAILABLE (and leaves it open) while the host cannot
 * be asked.
 */
export async function resolveIntent(context: LaneContext): Promise<void> {
  for (let look = 0; look < maxLooks; look += 1) {
    const current = await intents.openIntent(context.deps.store.db, context.lane.id);
    if (current === undefined || (await settledByLooking(context, current))) return;
  }
  throw new SlipwayError("GIT_PUSH_UNKNOWN", {
    detail: "the branch keeps moving while its push is looked up",
  });
}

interface Answer {
  readonly push: PushAnswer;
  readonly laneNew: string;
}

async function settledByFirstAnswer(
  context: LaneContext,
  intent: OpenIntent,
  { push, laneNew }: Answer,
): Promise<Ending | undefined> {
  switch (push.kind) {
    case "landed":
      await recordLanded(context, intent, laneNew);
      return intent.proposal === null ? "landed" : "proposed";
    case "moved":
      await recordGivenBack({ context, intent, laneValue: await lookAtGuard(context), why: push.detail });
      return "given-back";
    case "refused": {
      const error = new SlipwayError("GIT_PUSH_REFUSED", { detail: push.detail });
      await recordRefusal({ context, intent, error });
      return "refused";
    }
    case "failed":
      await recordRefusal({ context, intent, error: new SlipwayError(push.code, { detail: push.detail }) });
      return "given-back";
    case "unknown":
      return undefined;
    default:
      return unreachable(push);
  }
}

async function recordLanded(context: LaneContext, intent: OpenIntent, laneValue: string): Promise<void> {
  if (intent.proposal !== null) return recordProposal(context, intent, laneValue || null);
  const adopted = intent.commits;
  await recordAdoption({ context, intent, laneValue: laneValue || null, adopted, lost: [], tip: intent.tip });
}

/** Reads the lane ref, then the branch; in this order, so that a push in between is seen as landed. */
async function settledByLooking(context: LaneContext, intent: OpenIntent): Promise<boolean> {
  const guard = await mustGuard(context);
  const seen = await lookAtGuard(context);
  if (intent.proposal !== null) return settledByProposal(context, { intent, guard, seen });
  const tip = await context.git.fetchTip();
  const split = await splitByReach(context, intent.commits, tip);
  if (guard.level === "branch-only") return settledByBranch(context, { intent, tip, split });
  if (seen === intent.laneOld) return pushAgainOrSeal(context, intent, tip);
  const landed = intent.attempts.some((attempt) => attempt.laneNew === seen);
  await recordAdoption({ context, intent, laneValue: seen, ...split, tip, sealed: !landed });
  return true;
}

/** As for the branch itself, but a proposal is ours alone: it holds our commit, or it is not there. */
async function settledByProposal(
  context: LaneContext,
  o: { intent: OpenIntent; guard: LaneGuard; seen: string | null },
): Promise<boolean> {
  const { intent, guard, seen } = o;
  const ref = `refs/heads/${intent.proposal ?? ""}`;
  const there = (await context.git.lsRemote([ref])).get(ref);
  if (there === intent.tip) {
    await recordProposal(context, intent, seen);
    return true;
  }
  const open = guard.level === "branch-only" || seen === intent.laneOld;
  if (open && there === undefined && (await mayPush(context, intent))) {
    // writeCommits needs the base, which a cache that has just been made does not have yet.
    await context.git.fetchTip();
    return settledByPushingAgain(context, intent);
  }
  if (open && guard.level !== "branch-only") {
    await sealGuard(context, intent);
    return false;
  }
  const landed = intent.attempts.some((attempt) => attempt.laneNew !== "" && attempt.laneNew === seen);
  await recordProposalLost({ context, intent, laneValue: seen, landed });
  return true;
}

/** Without a lane ref only the branch can tell; a copy that lands later is found by the next plan (5e). */
async function settledByBranch(
  context: LaneContext,
  o: { intent: OpenIntent; tip: string; split: Reach },
): Promise<boolean> {
  const { intent, tip, split } = o;
  if (tip === intent.base && (await mayPush(context, intent))) return settledByPushingAgain(context, intent);
  await recordAdoption({ context, intent, laneValue: null, ...split, tip, sealed: true });
  return true;
}

async function pushAgainOrSeal(context: LaneContext, intent: OpenIntent, tip: string): Promise<boolean> {
  if (tip === intent.base && (await mayPush(context, intent))) return settledByPushingAgain(context, intent);
  await sealGuard(context, intent);
  return false;
}

/** A chain that holds an ended job's commit is never pushed again: the seal is owed (5f). */
async function mayPush(context: LaneContext, intent: OpenIntent): Promise<boolean> {
  if (intent.attempts.length >= maxPushes) return false;
  return (await endedOf(context.deps.store.db, intent)).size === 0;
}

function endedOf(db: Db, intent: OpenIntent): Promise<ReadonlySet<string>> {
  return lockEnded(
    db,
    intent.commits.map((commit) => commit.jobId),
  );
}

/** An earlier copy may still be under way: of a later attempt only "landed" is believed. */
async function settledByPushingAgain(context: LaneContext, intent: OpenIntent): Promise<boolean> {
  const again = await pushAgain(context, intent);
  // Somebody has ended a job of it just now: the next look seals.
  if (again === undefined) return false;
  const { push, laneNew } = again;
  if (push.kind === "failed") throw new SlipwayError(push.code, { detail: push.detail });
  if (push.kind === "landed") await recordLanded(context, intent, laneNew);
  return push.kind === "landed";
}

/** Recorded first, pushed then: only a recorded attempt may ever land (5b). */
async function pushAgain(context: LaneContext, intent: OpenIntent): Promise<Answer | undefined> {
  const { deps, lease } = context;
  const guard = { ...(await mustGuard(context)), value: intent.laneOld };
  const laneNew = await nextValue(
    context,
    guard,
    `intent ${intent.id}: attempt ${intent.attempts.length + 1}`,
  );
  const added = await deps.store.fenced(lease, async (tx) => {
    if ((await endedOf(tx, intent)).size > 0) return false;
    await intents.addAttempt(tx, { intentId: intent.id, laneNew, fence: lease.fence });
    return true;
  });
  if (!added) return undefined;
  return { push: await pushAs(context, intent, laneNew), laneNew };
}

async function pushAs(context: LaneContext, intent: OpenIntent, laneNew: string): Promise<PushAnswer> {
  const { deps, git, lane } = context;
  const drafts = intent.commits.map((commit): CommitDraft => fromStoredDraft(commit.jobId, commit.draft));
  const oids = await git.writeCommits(intent.base, drafts);
  if (oids.at(-1) !== intent.tip) {
    throw new SlipwayError("INTERNAL", { detail: `the intent's commits came out as ${oids.join(", ")}` });
  }
  deps.fault("before-push");
  const push = await pushGuarded(context, intent, laneNew);
  deps.fault("after-push");
  const jobs = intent.commits.map((commit) => commit.jobId);
  const facts = {
    lane: lane.id,
    intent: intent.id,
    jobs,
    answer: push.kind,
    gitProcesses: git.gitProcesses(),
  };
  deps.log.info("pushed", facts);
  deps.metrics.pushed(push.kind);
  return push;
}

interface Reach {
  readonly adopted: readonly IntentCommit[];
  readonly lost: readonly IntentCommit[];
}

async function splitByReach(
  context: LaneContext,
  commits: readonly IntentCommit[],
  tip: string,
): Promise<Reach> {
  const adopted: IntentCommit[] = [];
  const lost: IntentCommit[] = [];
  for (const commit of commits) {
    ((await isReachable(context.git, commit.commit, tip)) ? adopted : lost).push(commit);
  }
  return { adopted, lost };
}
