import { SlipwayError } from "#common/domain/errors.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import * as intents from "#common/store/intents.ts";
import type { IntentCommit, OpenIntent } from "#common/store/intents.ts";
import type { CommitDraft, PushAnswer } from "../git/git-cache.ts";
import { isReachable } from "../knows-commit.ts";
import type { LaneContext } from "./lane-context.ts";
import { recordAdoption, recordGivenBack, recordRefusal } from "./record-outcome.ts";
import { fromStoredDraft } from "./stored-draft.ts";

const maxLooks = 6;
/** After so many pushes without a clear answer the lane is sealed instead, and its jobs start anew. */
const maxPushes = 3;

/**
 * Brings an open intent to its end (CORRECTNESS 5a to 5d): pushes it, or finds out what became of
 * an earlier push. Returns only when the intent is closed; throws GIT_UNAVAILABLE (and leaves it
 * open) while the host cannot be asked.
 */
export async function resolveIntent(context: LaneContext, intent: OpenIntent): Promise<void> {
  if (intent.attempts.length === 0) {
    const answer = await pushAttempt(context, intent);
    if (await settledByAnswer({ context, intent, answer, first: true })) return;
  }
  for (let look = 0; look < maxLooks; look += 1) {
    const current = await intents.openIntent(context.deps.store.db, context.lane.id);
    if (current === undefined) return;
    if (await settledByLooking(context, current)) return;
  }
  throw new SlipwayError("GIT_PUSH_UNKNOWN", {
    detail: "the branch keeps moving while its push is looked up",
  });
}

interface Answered {
  readonly context: LaneContext;
  readonly intent: OpenIntent;
  readonly answer: { readonly push: PushAnswer; readonly laneNew: string };
  readonly first: boolean;
}

/** An explicit answer to the only attempt of the lease's holder settles the intent at once (5d). */
async function settledByAnswer({ context, intent, answer, first }: Answered): Promise<boolean> {
  const { push, laneNew } = answer;
  switch (push.kind) {
    case "landed":
      await recordAdoption({
        context,
        intent,
        laneValue: laneNew,
        adopted: intent.commits,
        lost: [],
        tip: intent.tip,
      });
      return true;
    case "moved":
      if (!first) return false;
      await recordGivenBack({ context, intent, laneValue: await laneNow(context), why: push.detail });
      return true;
    case "refused":
      if (!first) return false;
      await recordRefusal({
        context,
        intent,
        error: new SlipwayError("GIT_PUSH_REFUSED", { detail: push.detail }),
      });
      return true;
    case "failed":
      if (!first) throw new SlipwayError(push.code, { detail: push.detail });
      await recordRefusal({ context, intent, error: new SlipwayError(push.code, { detail: push.detail }) });
      return true;
    case "unknown":
      return false;
    default:
      return unreachable(push);
  }
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
    const answer = await pushAttempt(context, intent);
    return settledByAnswer({ context, intent, answer, first: false });
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
async function pushAttempt(context: LaneContext, intent: OpenIntent): Promise<Answered["answer"]> {
  const { deps, git, lane, lease } = context;
  const drafts = intent.commits.map((commit): CommitDraft => fromStoredDraft(commit.jobId, commit.draft));
  const oids = await git.writeCommits(intent.base, drafts);
  if (oids.at(-1) !== intent.tip) {
    throw new SlipwayError("INTERNAL", { detail: `the intent's commits came out as ${oids.join(", ")}` });
  }
  const laneNew = await git.writeLaneValue(`intent ${intent.id}: attempt ${intent.attempts.length + 1}`);
  const number = await deps.store.fenced(lease, (tx) =>
    intents.addAttempt(tx, { intentId: intent.id, laneNew, fence: lease.fence }),
  );
  deps.fault("before-push");
  // The new tip is read while the push is under way: its record writes the projection.
  for (const environment of context.environments)
    void context.tips.read(intent.tip, environment).catch(() => undefined);
  const attempt = { branch: lane.branch, base: intent.base, tip: intent.tip, laneRef: lane.lane_ref };
  const push = await git.push({ ...attempt, laneOld: intent.laneOld, laneNew }, deps.heartbeat.signal());
  deps.fault("after-push");
  deps.log.info("pushed", { lane: lane.id, intent: intent.id, attempt: number, answer: push.kind });
  return { push, laneNew };
}

async function splitByReach(context: LaneContext, commits: readonly IntentCommit[], tip: string) {
  const adopted: IntentCommit[] = [];
  const lost: IntentCommit[] = [];
  for (const commit of commits) {
    ((await isReachable(context.git, commit.commit, tip)) ? adopted : lost).push(commit);
  }
  return { adopted, lost };
}
