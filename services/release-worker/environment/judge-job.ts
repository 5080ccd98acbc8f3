import { laneSubject } from "#common/contracts/queue.ts";
import { shortName } from "#common/domain/plan.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { endJob } from "./end-job.ts";
import { judgeSeen, withHealth } from "./judge-seen.ts";
import type { EnvironmentContext, RolloutClock } from "./environment-context.ts";
import { askWhereStuck, explainBad } from "./explain-rollout.ts";
import { judgeHandedOff } from "./hand-off.ts";
import { readLiveWorkload } from "./live-workload.ts";
import { endTargetSteps, maxNamedSteps, targetStepText } from "./target-steps.ts";
import { endUnknown, unknownLimitMs, waitUnknown } from "./wait-unknown.ts";

/** Progress is written at most this often. */
const tellEveryMs = 1_000;
/** The watcher's probe comes every 2 s; a longer gap is time in which nobody saw the rollout. */
const longestGapMs = 4_000;

interface Judged {
  readonly target: RolloutTarget;
  /** Only while there is no verdict. */
  readonly progress: string | undefined;
  /** Who is waited for, where somebody else applies it. */
  readonly waitsFor?: string;
}

/** Compares the view with what was applied; ends the job when every target has its verdict. */
export async function judgeJob(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { view, environment } = context;
  if (!view.isFresh()) {
    const why = view.problem() || "no fresh news";
    return waitUnknown(context, job, `the view of ${environment.name}'s cluster is stale: ${why}`);
  }
  const nowMs = context.deps.clock.monotonicMs();
  const clock = clockOf(context, job, nowMs);
  const judged = await Promise.all(
    job.targets.map(async (target) =>
      target.verdict === "pending"
        ? judgePending(context, job, withClock(target, clock))
        : withVerdict(target),
    ),
  );
  const isNews = judged.some(({ target }, index) => isNewOf(target, job.targets[index]));
  if (isNews) return tellVerdicts(context, job, judged);
  askWhereStuck(
    context,
    job,
    judged.map(({ target }) => target),
  );
  const neverSeen = judged.find(({ target }) => isOverdue(context, target));
  if (neverSeen !== undefined) {
    const why = `${shortName(neverSeen.target.workload)} was never seen as it was applied`;
    return endUnknown(context, job, why);
  }
  const waited = job.waiting_for !== waitsFor(judged) || job.unknown_since !== null;
  if (nowMs - clock.toldAtMs >= tellEveryMs || waited) await tellProgress(context, job, judged);
}

/** A verdict, or that an owner applied it: what the row must not lose. */
function isNewOf(target: RolloutTarget, before: RolloutTarget | undefined): boolean {
  return target.verdict !== before?.verdict || target.uid !== before.uid;
}

function waitsFor(judged: readonly Judged[]): string | null {
  return judged.find((one) => one.waitsFor !== undefined)?.waitsFor ?? null;
}

/** Deadlines run by what was seen: they stand still while the API server is away. */
function clockOf(context: EnvironmentContext, job: JobRow, nowMs: number): RolloutClock {
  const known = context.clocks.get(job.id);
  const memory = { troubles: new Map(), patience: new Map(), asked: new Map() };
  const clock = known ?? { untoldMs: 0, toldAtMs: nowMs, countedToMs: nowMs, ...memory };
  context.clocks.set(job.id, clock);
  const seenMs = context.view.seenAtMs() - clock.countedToMs;
  if (seenMs > 0) {
    clock.untoldMs += Math.min(seenMs, longestGapMs);
    clock.countedToMs += seenMs;
  }
  return clock;
}

/** The target with what was seen since its row was written. */
function withClock(target: RolloutTarget, clock: RolloutClock): RolloutTarget {
  const trouble = clock.troubles.get(target.workload) ?? target.trouble;
  return {
    ...target,
    spentMs: target.spentMs + clock.untoldMs,
    ...(trouble === undefined ? {} : { trouble }),
  };
}

/** What the row holds now is not added again. */
function told(context: EnvironmentContext, job: JobRow): void {
  const clock = context.clocks.get(job.id);
  if (clock === undefined) return;
  clock.untoldMs = 0;
  clock.toldAtMs = context.deps.clock.monotonicMs();
}

function withVerdict(target: RolloutTarget): Judged {
  return { target, progress: undefined };
}

async function judgePending(
  context: EnvironmentContext,
  job: JobRow,
  before: RolloutTarget,
): Promise<Judged> {
  const judged = await judge(context, job, before);
  const patience = context.clocks.get(job.id)?.patience.get(before.workload);
  return { ...judged, target: withHealth(judged.target, patience) };
}

async function judge(context: EnvironmentContext, job: JobRow, target: RolloutTarget): Promise<Judged> {
  const seen = context.view.get(target.workload);
  if (seen === undefined && !context.view.isWhole()) return { target, progress: notSeen(context) };
  if (target.handedOff !== undefined) return judgeHandedOff(context, job, target);
  if (await isAhead(context, target, seen)) return { target, progress: "waiting to be seen" };
  const verdict = judgeSeen(context, job, { target, seen });
  switch (verdict.kind) {
    case "pending":
      if (verdict.trouble === undefined) return { target, progress: verdict.progress };
      context.clocks.get(job.id)?.troubles.set(target.workload, verdict.trouble);
      return { target: { ...target, trouble: verdict.trouble }, progress: verdict.progress };
    case "good":
      return withVerdict({
        ...target,
        verdict: "good",
        reason: carriedBy(job, target, seen) ?? verdict.note ?? null,
      });
    case "bad":
      return withVerdict({ ...target, verdict: "bad", reason: verdict.reason });
    case "superseded": {
      const by = verdict.by === null ? "changed by somebody else" : `superseded by ${verdict.by.slice(-8)}`;
      return withVerdict({ ...target, verdict: "superseded", reason: by });
    }
    default:
      return unreachable(verdict);
  }
}

/** Not knowing is not failing: of a kind that cannot be watched nobody can tell that it is gone. */
function notSeen({ view }: EnvironmentContext): string {
  return ["waiting to be seen", view.problem()].filter((text) => text !== "").join(": ");
}

/**
 * The view may be older than the apply of an object that was just made anew: only the API server can
 * say that what was applied is gone.
 */
async function isAhead(
  context: EnvironmentContext,
  target: RolloutTarget,
  seen: Workload | undefined,
): Promise<boolean> {
  if (target.uid === null || seen?.uid === target.uid) return false;
  return (await readLiveWorkload(context, target.workload))?.metadata.uid === target.uid;
}

/** A newer document that still holds our images carries them (rule 22). */
function carriedBy(job: JobRow, target: RolloutTarget, seen: Workload | undefined): string | null {
  const by = seen?.appliedJob ?? "";
  // A restart brings no images of its own: the job whose document runs carries nothing for it.
  return job.kind === "restart" || by === "" || by === job.id ? target.reason : `carried by ${by.slice(-8)}`;
}

/** Fresh news, and yet for half an hour beyond the deadline no sight of what was applied. */
function isOverdue(context: EnvironmentContext, target: RolloutTarget): boolean {
  const { rolloutDeadline, healthyFor = 0 } = context.environment;
  const limitMs = (target.deadlineMs ?? rolloutDeadline) + healthyFor + unknownLimitMs;
  return target.verdict === "pending" && target.spentMs >= limitMs;
}

/** At most once a second, and only when the words changed: the open step's detail, and the time used. */
async function tellProgress(
  context: EnvironmentContext,
  job: JobRow,
  judged: readonly Judged[],
): Promise<void> {
  const { deps, lease } = context;
  const targets = judged.map((one) => one.target);
  await deps.store.fenced(lease, async (tx) => {
    const open = await steps.openSteps(tx, job.id);
    for (const { target, progress } of judged) {
      const step = open.find((candidate) => candidate.text === targetStepText(job, target));
      if (step === undefined || progress === undefined || step.detail === progress) continue;
      await steps.updateStep(tx, { jobId: job.id, number: step.number, detail: progress });
    }
    if (targets.length > maxNamedSteps) await tellTogether(tx, job, targets);
    await jobs.patchJob(tx, job.id, { targets, waiting_for: waitsFor(judged), unknown_since: null });
  });
  told(context, job);
  deps.store.hint(job.id);
}

async function tellTogether(tx: Db, job: JobRow, targets: readonly RolloutTarget[]): Promise<void> {
  const [step] = await steps.openSteps(tx, job.id);
  if (step === undefined) return;
  const over = targets.filter((target) => target.verdict !== "pending").length;
  const detail = `${over} of ${targets.length} services`;
  await steps.updateStep(tx, { jobId: job.id, number: step.number, detail });
}

async function tellVerdicts(
  context: EnvironmentContext,
  job: JobRow,
  judged: readonly Judged[],
): Promise<void> {
  const { deps, lease } = context;
  const { targets, steps: lastWords } = await explainBad(
    context,
    job,
    judged.map((one) => one.target),
  );
  const undoing = await deps.store.fenced(lease, async (tx) => {
    await endTargetSteps(tx, job, targets);
    await steps.appendSteps(tx, job.id, lastWords);
    if (targets.every((target) => target.verdict !== "pending"))
      return endJob(tx, context, { ...job, targets });
    await jobs.patchJob(tx, job.id, { targets, waiting_for: waitsFor(judged), unknown_since: null });
    return false;
  });
  told(context, job);
  deps.store.hint(job.id);
  deps.fault("after-verdict");
  if (undoing) await deps.ring(laneSubject(job.lane_id));
}
