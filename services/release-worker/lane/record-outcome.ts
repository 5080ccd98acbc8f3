import type { SlipwayError } from "#common/domain/errors.ts";
import { environmentSubject } from "#common/contracts/queue.ts";
import { lockEnded } from "#common/store/ended-jobs.ts";
import * as intents from "#common/store/intents.ts";
import type { IntentCommit, OpenIntent } from "#common/store/intents.ts";
import * as jobs from "#common/store/jobs.ts";
import * as lanes from "#common/store/lanes.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { maxAttemptsAfter, retryDelayMs } from "../deps.ts";
import { toErrorRow } from "../error-row.ts";
import { adopt } from "./adopt.ts";
import { landLate, tellNotLanded } from "./ended-jobs.ts";
import { saveViews } from "./index-tip.ts";
import type { LaneContext } from "./lane-context.ts";
import { mustGuard } from "./lane-guard.ts";
import { acceptSyncs, peoplesChanges } from "./sync-on-change.ts";

export interface Adoption {
  readonly context: LaneContext;
  readonly intent: OpenIntent;
  readonly laneValue: string | null;
  readonly adopted: readonly IntentCommit[];
  readonly lost: readonly IntentCommit[];
  readonly tip: string;
  /** True when the lane moved on without any of our attempts: what is lost may be planned again. */
  readonly sealed?: boolean;
}

/** One transaction: the intent is closed, its commits are their jobs' commits, the projection is at the tip. */
export async function recordAdoption(adoption: Adoption): Promise<void> {
  const { context, intent, tip } = adoption;
  const { deps, lane, lease } = context;
  const why = adoption.lost.length === 0 ? "" : await whyNotThere(context, adoption.sealed === true);
  const views = await Promise.all(
    context.environments.map((environment) => context.tips.read(tip, environment)),
  );
  // What people pushed on top of our chain, or, where it did not land, since the tip we knew.
  const landed = adoption.adopted.some(({ commit }) => commit === intent.tip);
  const changes =
    landed && tip === intent.tip
      ? []
      : await peoplesChanges(context, { from: landed ? intent.tip : intent.base, views });
  await deps.store.fenced(lease, async (tx) => {
    await intents.resolveIntent(tx, { id: intent.id, state: adoption.sealed === true ? "sealed" : "landed" });
    await lanes.setLaneValue(tx, { laneId: lane.id, value: adoption.laneValue });
    await saveViews(tx, context, views);
    await acceptSyncs(tx, context, changes);
    const { live, ended } = await byEnd(tx, intent);
    for (const commit of adoption.adopted) {
      if (live(commit)) await adopt(tx, context, { ...commit, event: "adopted" });
      else await landLate(tx, context, commit);
    }
    for (const commit of adoption.lost.filter(live)) await lose(tx, commit, adoption.sealed === true);
    for (const commit of adoption.lost.filter(ended)) await tellNotLanded(tx, commit.jobId, why);
  });
  deps.fault("after-record");
  await tell(context, intent);
}

/** The only attempt was refused since a ref had moved: its jobs are planned again on what is there now. */
export async function recordGivenBack(o: {
  context: LaneContext;
  intent: OpenIntent;
  /** What the lane ref holds now: it may be the one that had moved. */
  laneValue: string | null;
  why: string;
}): Promise<void> {
  const { context, intent } = o;
  await context.deps.store.fenced(context.lease, async (tx) => {
    await intents.resolveIntent(tx, { id: intent.id, state: "refused" });
    await lanes.setLaneValue(tx, { laneId: context.lane.id, value: o.laneValue });
    const { live, ended } = await byEnd(tx, intent);
    for (const commit of intent.commits.filter(live))
      await giveBack(tx, commit.jobId, `the branch moved (${o.why}); planning again`);
    for (const commit of intent.commits.filter(ended)) await tellNotLanded(tx, commit.jobId, refused);
  });
  await tell(context, intent);
}

/** The host said no and nothing landed: a lone job ends or waits, a batch is split to find the culprit. */
export async function recordRefusal(o: {
  context: LaneContext;
  intent: OpenIntent;
  error: SlipwayError;
}): Promise<void> {
  const { context, intent, error } = o;
  const several = intent.commits.length > 1;
  await context.deps.store.fenced(context.lease, async (tx) => {
    await intents.resolveIntent(tx, { id: intent.id, state: "refused" });
    const { live, ended } = await byEnd(tx, intent);
    for (const commit of intent.commits.filter(ended)) await tellNotLanded(tx, commit.jobId, refused);
    for (const commit of intent.commits.filter(live)) {
      if (error.next === "retry") await giveBack(tx, commit.jobId, error);
      else if (several) await splitOff(tx, commit.jobId);
      else await endRefused(tx, commit.jobId, error);
    }
  });
  await tell(context, intent);
}

/** A proposal that is not at the host: planned again after a seal, else removed by people. */
export async function recordProposalLost(o: {
  context: LaneContext;
  intent: OpenIntent;
  laneValue: string | null;
  landed: boolean;
}): Promise<void> {
  const { context, intent, laneValue, landed } = o;
  const why = await whyNotThere(context, !landed);
  await context.deps.store.fenced(context.lease, async (tx) => {
    await intents.resolveIntent(tx, { id: intent.id, state: landed ? "landed" : "sealed" });
    await lanes.setLaneValue(tx, { laneId: context.lane.id, value: laneValue });
    const { live, ended } = await byEnd(tx, intent);
    for (const commit of intent.commits.filter(live)) await lose(tx, commit, !landed);
    for (const commit of intent.commits.filter(ended)) await tellNotLanded(tx, commit.jobId, why);
  });
  await tell(context, intent);
}

const refused = "The host refused its push: nothing of it is on the branch.";

/** What is known of an ended job whose commit is not on the branch. */
async function whyNotThere(context: LaneContext, sealed: boolean): Promise<string> {
  if (!sealed) return "Its commit landed and was removed from the branch.";
  const { level } = await mustGuard(context);
  if (level !== "branch-only") return "Its push did not land, and cannot any more.";
  return "Its push has not landed; should a late copy of it land, it is found and undone.";
}

/** Under the jobs' row locks: people may have ended some of them while the push was looked up (5f). */
async function byEnd(tx: Db, intent: OpenIntent) {
  const over = await lockEnded(
    tx,
    intent.commits.map((commit) => commit.jobId),
  );
  const ended = (commit: IntentCommit): boolean => over.has(commit.jobId);
  return { ended, live: (commit: IntentCommit) => !ended(commit) };
}

async function lose(tx: Db, commit: IntentCommit, sealed: boolean): Promise<void> {
  if (sealed) return giveBack(tx, commit.jobId, "the push did not land; planning again");
  await steps.endOpenSteps(tx, commit.jobId, {
    outcome: "failed",
    detail: "the commit was removed from the branch",
  });
  await jobs.moveJob(tx, { id: commit.jobId, event: "landed-and-removed" });
}

async function giveBack(tx: Db, jobId: string, because: string | SlipwayError): Promise<void> {
  const error = typeof because === "string" ? undefined : because;
  const why = typeof because === "string" ? because : because.message;
  const job = await jobs.mustGetJob(tx, jobId);
  await steps.endOpenSteps(tx, jobId, { outcome: "skipped", detail: why });
  if (job.attempt + 1 >= maxAttemptsAfter(error)) {
    const patch = { error: toErrorRow(error ?? "GIT_PUSH_REJECTED", why) };
    await jobs.moveJob(tx, { id: jobId, event: "push-refused", patch });
    return;
  }
  const pause = error === undefined ? 0 : retryDelayMs(job.attempt);
  const patch = {
    attempt: job.attempt + 1,
    dueInMs: pause,
    waiting_for: error === undefined ? null : error.message,
  };
  await jobs.moveJob(tx, { id: jobId, event: "sealed-after-move", patch });
}

async function splitOff(tx: Db, jobId: string): Promise<void> {
  await steps.endOpenSteps(tx, jobId, {
    outcome: "skipped",
    detail: "refused in a batch; trying in a smaller one",
  });
  await jobs.moveJob(tx, { id: jobId, event: "push-refused-in-batch", patch: { dueInMs: 0 } });
}

async function endRefused(tx: Db, jobId: string, error: SlipwayError): Promise<void> {
  await steps.endOpenSteps(tx, jobId, { outcome: "failed", detail: error.detail ?? error.message });
  await jobs.moveJob(tx, { id: jobId, event: "push-refused", patch: { error: toErrorRow(error) } });
}

async function tell(context: LaneContext, intent: OpenIntent): Promise<void> {
  for (const commit of intent.commits) context.deps.store.hint(commit.jobId);
  const names = new Set(context.environments.map((environment) => environment.name));
  await Promise.all([...names].map((name) => context.deps.ring(environmentSubject(name))));
}
