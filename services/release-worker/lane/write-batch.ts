import { SlipwayError } from "#common/domain/errors.ts";
import type { PassedGate } from "#common/domain/gates.ts";
import { containerKey } from "#common/domain/plan-choice.ts";
import { holdsOf } from "#common/store/holds.ts";
import * as intents from "#common/store/intents.ts";
import type { OpenIntent } from "#common/store/intents.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as jobs from "#common/store/jobs.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { askJob, lockGateFacts } from "../gates/ask-gates.ts";
import { holdBack, tellPassed } from "../gates/hold-back.ts";
import type { CommitDraft } from "../git/git-cache.ts";
import type { TipView } from "../planning/tip-view.ts";
import { toErrorRow } from "../error-row.ts";
import { keptOf } from "./close-gate.ts";
import { commitMessage, commitPeople } from "./commit-message.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";
import { ensureGuard, nextValue } from "./lane-guard.ts";
import { proposalOf } from "./proposals.ts";
import type { PlannedBatch, PlannedJob } from "./plan-batch.ts";
import { draftBytes, toStoredDraft } from "./stored-draft.ts";

/** Over this many workloads the log has one step for all; the rest is in the results. */
const maxNamedSteps = 50;
const maxIntentBytes = 8 * 1024 * 1024;

/** An intent on record whose first attempt is recorded too, and not pushed yet. */
export interface WrittenBatch {
  readonly intent: OpenIntent;
  readonly laneNew: string;
}

/**
 * Makes the chain of commits and records the push intent with its first attempt: the point of no
 * return. Undefined when a job was cancelled in between, or a gate closed: then nothing is recorded
 * and the rest is planned anew.
 */
export async function writeBatch(
  context: LaneContext,
  batch: PlannedBatch,
): Promise<WrittenBatch | undefined> {
  const { deps, lane, lease, git } = context;
  const planned = await fitting(context, batch.planned);
  if (planned.length === 0) return undefined;
  const guard = await ensureGuard(context);
  const laneOld = guard.value;
  const committedAt = await commitTime(context, batch.base);
  const drafts = planned.map((one) => toDraft(context, one, committedAt));
  const written = await git.makeCommits(batch.base, drafts);
  const oids = written.map(({ commit }) => commit);
  const commits = planned.map((one, index) => ({
    jobId: one.job.id,
    commit: oids[index] ?? "",
    draft: toStoredDraft({ ...(drafts[index] as CommitDraft), ...written[index] }),
    plan: { results: one.plan.results, changes: one.plan.changes, targets: one.plan.targets },
  }));
  const tip = oids.at(-1) ?? "";
  const intent = {
    id: deps.newId(),
    laneId: lane.id,
    fence: lease.fence,
    base: batch.base,
    tip,
    proposal: proposalFor(context, planned),
    laneOld,
    commits,
  };
  const laneNew = await nextValue(context, guard, `intent ${intent.id}: attempt 1`);
  const recorded = await deps.store.fenced(lease, async (tx) => {
    const locked = await jobs.lockJobs(
      tx,
      planned.map((one) => one.job.id),
    );
    const cancelled = await endCancelled(tx, locked);
    const asked = await holdBackGated(tx, context, { planned, locked, cancelled });
    const stopped = new Set([...cancelled, ...asked.held]);
    if (stopped.size + asked.again.length > 0) {
      await giveBackRest(tx, planned, stopped);
      return false;
    }
    await intents.recordIntent(tx, intent);
    await intents.addAttempt(tx, { intentId: intent.id, laneNew, fence: lease.fence });
    for (const one of planned) await beginPush(tx, { ...one, passed: asked.passed.get(one.job.id) ?? [] });
    return true;
  });
  for (const one of planned) deps.store.hint(one.job.id);
  if (!recorded) return undefined;
  learnViews(
    context,
    planned.map((one) => one.after),
    oids,
  );
  // The views at the end of the batch are those of its last commit, unless some of it was put off.
  if (planned.length === batch.planned.length)
    learnViews(
      context,
      batch.views,
      batch.views.map(() => tip),
    );
  deps.fault("after-intent");
  const attempt = { number: 1, laneNew, fence: lease.fence, answer: null };
  return { intent: { ...intent, attempts: [attempt] }, laneNew };
}

/** In an environment whose branch only a merge may move, a job is alone in its push. */
function proposalFor(context: LaneContext, planned: readonly PlannedJob[]): string | null {
  const job = planned[0]?.job;
  const git = environmentNamed(context, job?.environment ?? "")?.git;
  return job !== undefined && git?.push === "proposal" ? proposalOf(job.id) : null;
}

/** We wrote these commits: applying and the next batch need not read them back from git. */
function learnViews(context: LaneContext, views: readonly TipView[], oids: readonly string[]): void {
  for (const [index, view] of views.entries()) context.tips.learn(oids[index] ?? "", view);
}

/**
 * Keeps what one intent may carry. Later jobs stand on the changes of earlier ones, so the first that
 * does not fit, and all after it, go into the next batch; a giant that stands alone is refused.
 */
async function fitting(context: LaneContext, planned: readonly PlannedJob[]): Promise<readonly PlannedJob[]> {
  let bytes = 0;
  const first = planned.findIndex((one) => {
    bytes += draftBytes(toDraft(context, one, new Date(0)));
    return bytes > maxIntentBytes;
  });
  if (first < 0) return planned;
  for (const [index, one] of planned.entries()) {
    if (index >= first) await putOff(context, one, index === 0);
  }
  return planned.slice(0, first);
}

async function putOff(context: LaneContext, one: PlannedJob, alone: boolean): Promise<void> {
  await context.deps.store.fenced(context.lease, async (tx) => {
    await steps.endOpenSteps(tx, one.job.id, {
      outcome: alone ? "failed" : "skipped",
      detail: "too large for this push",
    });
    if (alone) {
      const error = toErrorRow(
        "RELEASE_TOO_LARGE",
        `more than ${maxIntentBytes} bytes of manifests would change`,
      );
      await jobs.moveJob(tx, { id: one.job.id, event: "cannot-plan", patch: { error } });
    } else {
      await jobs.moveJob(tx, { id: one.job.id, event: "lane-lost", patch: { dueInMs: 0 } });
    }
  });
  context.deps.store.hint(one.job.id);
}

/** Under the row locks of the intent's transaction: a cancel that came first wins. */
async function endCancelled(tx: Db, locked: readonly JobRow[]): Promise<readonly string[]> {
  const cancelled = locked.filter((job) => job.cancel_requested_at !== null);
  for (const job of cancelled) {
    await steps.endOpenSteps(tx, job.id, { outcome: "skipped", detail: "cancelled" });
    await jobs.moveJob(tx, { id: job.id, event: "cancelled" });
  }
  return cancelled.map(({ id }) => id);
}

interface AskedGates {
  /** Jobs that a gate stopped. */
  readonly held: readonly string[];
  /** What each of the others passed by an override. */
  readonly passed: ReadonlyMap<string, readonly PassedGate[]>;
  /** Of automated jobs those that a hold came before: they are planned again without it. */
  readonly again: readonly string[];
}

/** CORRECTNESS 6: what people closed before the point of no return counts, however late it was. */
async function holdBackGated(
  tx: Db,
  context: LaneContext,
  of: { planned: readonly PlannedJob[]; locked: readonly JobRow[]; cancelled: readonly string[] },
): Promise<AskedGates> {
  const rows = of.locked.filter(({ id }) => !of.cancelled.includes(id));
  const facts = await lockGateFacts(tx, rows);
  const held: string[] = [];
  const passed = new Map<string, readonly PassedGate[]>();
  for (const job of rows) {
    const plan = of.planned.find((one) => one.job.id === job.id)?.plan;
    const environment = environmentNamed(context, job.environment);
    if (plan === undefined || environment === undefined) continue;
    const answer = askJob(job, { environment, facts, plan });
    passed.set(job.id, answer.passed);
    if (answer.closed === undefined) continue;
    await holdBack(tx, job, { closed: answer.closed, now: facts.now, kept: keptOf(plan) });
    held.push(job.id);
  }
  const planned = of.planned.filter(({ job }) => !held.includes(job.id));
  return { held, passed, again: await heldMeanwhile(tx, planned) };
}

/** CORRECTNESS 6: holds that came between the plan and now. */
async function heldMeanwhile(tx: Db, planned: readonly PlannedJob[]): Promise<readonly string[]> {
  const automated = planned.filter(({ job }) => job.kind === "release" && job.origin === "automation");
  const environments = [...new Set(automated.map(({ job }) => job.environment))];
  const held = new Map<string, ReadonlySet<string>>();
  for (const name of environments) held.set(name, new Set((await holdsOf(tx, name)).map(containerKey)));
  return automated
    .filter(({ job, plan }) =>
      plan.results.some(
        (one) => one.result === "change" && held.get(job.environment)?.has(containerKey(one)) === true,
      ),
    )
    .map(({ job }) => job.id);
}

async function giveBackRest(
  tx: Db,
  planned: readonly PlannedJob[],
  stopped: ReadonlySet<string>,
): Promise<void> {
  for (const one of planned.filter(({ job }) => !stopped.has(job.id))) {
    await steps.endOpenSteps(tx, one.job.id, {
      outcome: "skipped",
      detail: "another job of the batch was stopped",
    });
    await jobs.moveJob(tx, { id: one.job.id, event: "lane-lost", patch: { dueInMs: 0 } });
  }
}

async function beginPush(
  tx: Db,
  one: PlannedJob & { readonly passed: readonly PassedGate[] },
): Promise<void> {
  const { job, plan } = one;
  await steps.endOpenSteps(tx, job.id, { outcome: "ok", detail: `tip ${one.view.commit.slice(0, 7)}` });
  const many = { text: `Update ${plan.updates.length} services.`, detail: `${plan.texts.size} files` };
  const updates = plan.updates.length > maxNamedSteps ? [many] : plan.updates;
  await tellPassed(tx, job, one.passed);
  await steps.appendSteps(tx, job.id, [
    { text: "Clone OK.", outcome: "ok" },
    ...plan.skipLines.slice(0, 50).map((text) => ({ text, outcome: "skipped" as const })),
    ...updates.flatMap(({ text, detail }) => [
      { text, outcome: "ok" as const },
      { text: "Update pod controller OK.", outcome: "ok" as const, detail },
    ]),
    { text: "Commit and push the config repo.", open: true },
  ]);
  await jobs.moveJob(tx, {
    id: job.id,
    event: "intent-recorded",
    patch: { plan_hash: plan.hash, results: plan.results },
  });
}

function toDraft(context: LaneContext, one: PlannedJob, committedAt: Date): CommitDraft {
  const git = environmentNamed(context, one.job.environment)?.git;
  if (git === undefined) throw new SlipwayError("ENVIRONMENT_NOT_FOUND", { detail: one.job.environment });
  const { author, committer } = commitPeople(git, one.job.requested_by);
  return {
    jobId: one.job.id,
    message: commitMessage(git, { job: one.job, results: one.plan.results }),
    author: { ...author, at: one.job.created_at },
    committer: { ...committer, at: committedAt },
    ...(git.signingKeyFile === undefined ? {} : { signingKeyFile: git.signingKeyFile }),
    files: [...one.plan.texts].map(([path, text]) => ({
      path,
      mode: one.view.files.get(path)?.mode ?? "100644",
      bytes: Buffer.from(text, "utf8"),
    })),
  };
}

/** CORRECTNESS 10: never before the parent's date, so that dates do not run backwards along the chain. */
async function commitTime(context: LaneContext, base: string): Promise<Date> {
  const [now, parent] = await Promise.all([context.deps.store.now(), context.git.commitTimes(base)]);
  return parent.committer.getTime() > now.getTime() ? parent.committer : now;
}
