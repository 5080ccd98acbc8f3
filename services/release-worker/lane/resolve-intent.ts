import { SlipwayError } from "#common/domain/errors.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import * as intents from "#common/store/intents.ts";
import type { IntentCommit, OpenIntent } from "#common/store/intents.ts";
import type { CommitDraft, PushAnswer } from "../git/git-cache.ts";
import { isReachable } from "../knows-commit.ts";
import type { LaneContext } from "./lane-context.ts";
import { recordAdoption, recordGivenBack, recordRefusal } from "./record-outcome.ts";
import { fromStoredDraft } from "./stored-draft.ts";
import type { WrittenBatch } from "./write-batch.ts";

const maxLooks = 6;
/** After so many pushes without a clear answer the lane is sealed instead, and its jobs start anew. */
const maxPushes = 3;

/** How an intent ended, as far as the next batch cares. */
export type Ending = "landed" | "given-back" | "refused" | "looked-up";

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
      return "landed";
    case "moved":
      await recordGivenBack({ context, intent, laneValue: await laneNow(context), why: push.detail });
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
  await recordAdoption({ context, intent, laneValue, adopted: intent.commits, lost: [], tip: intent.tip });
}

/** Reads the lane ref, then the branch; in this order, so that a push in between is seen as landed. */
async function settledByLooking(context: LaneContext, intent: OpenIntent): Promise<boolean> {
  const seen = await laneNow(context);
  const tip = await context.git.fetchTip();
  if (seen === intent.laneOld) return pushAgainOrSeal(context, intent, tip);
  const split = await splitByReach(context, intent.commits, tip);
  if (intent.attempts.some((attempt) => attempt.laneNew === seen)) {
    await recordAdoption({ context, intent, laneValue: seen, ...split, tip });
    return true;
  }
  await recordAdoption({ context, intent, laneValue: seen, ...split, tip, sealed: true });
  return true;
}

/** What the lane ref holds at the host; null when somebody deleted it: the lane's next act makes it anew. */
async function laneNow({ git, lane }: LaneContext): Promise<string | null> {
  return (await git.lsRemote([lane.lane_ref])).get(lane.lane_ref) ?? null;
}

async function pushAgainOrSeal(context: LaneContext, intent: OpenIntent, tip: string): Promise<boolean> {
  const { git, lane } = context;
  if (tip === intent.base && intent.attempts.length < maxPushes) {
    const { push, laneNew } = await pushAgain(context, intent);
    if (push.kind === "failed") throw new SlipwayError(push.code, { detail: push.detail });
    // An earlier copy may still be under way: of a later attempt only "landed" is believed.
    if (push.kind === "landed") await recordLanded(context, intent, laneNew);
    return push.kind === "landed";
  }
  const fresh = await git.writeLaneValue(`intent ${intent.id}: sealed`);
  const sealed = await git.seal(
    lane.lane_ref,
    { old: intent.laneOld, fresh },
    context.deps.heartbeat.signal(),
  );
  if (sealed.kind === "failed") throw new SlipwayError(sealed.code, { detail: sealed.detail });
  // Whatever the answer was, only the next look at the host tells what the lane holds now.
  return false;
}

/** Recorded first, pushed then: only a recorded attempt may ever land (5b). */
async function pushAgain(context: LaneContext, intent: OpenIntent): Promise<Answer> {
  const { deps, git, lease } = context;
  const laneNew = await git.writeLaneValue(`intent ${intent.id}: attempt ${intent.attempts.length + 1}`);
  await deps.store.fenced(lease, (tx) =>
    intents.addAttempt(tx, { intentId: intent.id, laneNew, fence: lease.fence }),
  );
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
  const attempt = { branch: lane.branch, base: intent.base, tip: intent.tip, laneRef: lane.lane_ref };
  const push = await git.push({ ...attempt, laneOld: intent.laneOld, laneNew }, deps.heartbeat.signal());
  deps.fault("after-push");
  deps.log.info("pushed", { lane: lane.id, intent: intent.id, answer: push.kind });
  return push;
}

async function splitByReach(context: LaneContext, commits: readonly IntentCommit[], tip: string) {
  const adopted: IntentCommit[] = [];
  const lost: IntentCommit[] = [];
  for (const commit of commits) {
    ((await isReachable(context.git, commit.commit, tip)) ? adopted : lost).push(commit);
  }
  return { adopted, lost };
}
