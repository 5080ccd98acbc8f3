import { errorCatalogue } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { maxNamedSteps } from "./apply-job.ts";
import { judgeTarget } from "./judge-target.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { beginAutomaticRollback } from "./undo.ts";

/** Not knowing is not failing; but a job does not wait for ever on a cluster that is away. */
const unknownLimitMs = 30 * 60_000;
/** Progress is written at most this often. */
const tellEveryMs = 1_000;

/** Compares the view with what was applied; ends the job when every target has its verdict. */
export async function judgeJob(context: EnvironmentContext, job: JobRow, elapsedMs: number): Promise<void> {
  const { deps, view } = context;
  if (!view.isFresh()) {
    await waitUnknown(context, job);
    return;
  }
  const deadlineMs = context.environment.rolloutDeadline;
  const untoldMs = (context.untoldMs.get(job.id) ?? 0) + elapsedMs;
  context.untoldMs.set(job.id, untoldMs);
  const judged = job.targets.map((target) => {
    if (target.verdict !== "pending") return { target, progress: undefined };
    const timed = { ...target, spentMs: target.spentMs + untoldMs };
    return judge(timed, { seen: view.get(target.workload), jobId: job.id, deadlineMs });
  });
  const targets = judged.map((one) => one.target);
  const pending = targets.filter((target) => target.verdict === "pending").length;
  if (pending > 0 && !isNews(job.targets, targets)) {
    if (untoldMs < tellEveryMs) return;
    await tellProgress(context, job, judged);
    context.untoldMs.delete(job.id);
    return;
  }
  await deps.store.fenced(context.lease, async (tx) => {
    await tellVerdicts(tx, job, targets);
    if (pending > 0) await jobs.patchJob(tx, job.id, { targets, waiting_for: null });
    else await endJob(tx, context, { ...job, targets });
  });
  context.untoldMs.delete(job.id);
  deps.store.hint(job.id);
  deps.fault("after-verdict");
}

function judge(
  target: RolloutTarget,
  o: { seen: Parameters<typeof judgeTarget>[0]["seen"]; jobId: string; deadlineMs: number },
): { target: RolloutTarget; progress: string | undefined } {
  const verdict = judgeTarget({ target, ...o });
  switch (verdict.kind) {
    case "pending":
      return { target, progress: verdict.progress };
    case "good":
      return { target: { ...target, verdict: "good" }, progress: undefined };
    case "bad":
      return { target: { ...target, verdict: "bad", reason: verdict.reason }, progress: undefined };
    case "superseded": {
      const by = verdict.by === null ? "changed by somebody else" : `superseded by ${verdict.by.slice(-8)}`;
      return { target: { ...target, verdict: "superseded", reason: by }, progress: undefined };
    }
    default:
      return unreachable(verdict);
  }
}

function isNews(before: readonly RolloutTarget[], after: readonly RolloutTarget[]): boolean {
  return after.some((target, index) => target.verdict !== before[index]?.verdict);
}

/** At most once a second, and only when the words changed: the open step's detail, and the time used. */
async function tellProgress(
  context: EnvironmentContext,
  job: JobRow,
  judged: readonly { target: RolloutTarget; progress: string | undefined }[],
): Promise<void> {
  const { deps, lease } = context;
  const targets = judged.map((one) => one.target);
  await deps.store.fenced(lease, async (tx) => {
    const open = await steps.openSteps(tx, job.id);
    let told = false;
    for (const { target, progress } of judged) {
      const step = open.find((candidate) => candidate.text === `Rollout of ${shortName(target.workload)}.`);
      if (step === undefined || progress === undefined || step.detail === progress) continue;
      await steps.updateStep(tx, { jobId: job.id, number: step.number, detail: progress });
      told = true;
    }
    await jobs.patchJob(tx, job.id, { targets, waiting_for: null, unknown_since: null });
    if (told) deps.store.hint(job.id);
  });
}

async function tellVerdicts(tx: Db, job: JobRow, targets: readonly RolloutTarget[]): Promise<void> {
  const open = await steps.openSteps(tx, job.id);
  for (const [index, target] of targets.entries()) {
    if (target.verdict === job.targets[index]?.verdict || targets.length > maxNamedSteps) continue;
    const name = shortName(target.workload);
    const step = open.find((candidate) => candidate.text === `Rollout of ${name}.`);
    const outcome = target.verdict === "good" ? "ok" : target.verdict === "bad" ? "failed" : "skipped";
    const ending = {
      jobId: job.id,
      outcome,
      ...(target.reason === null ? {} : { detail: target.reason }),
    } as const;
    if (step !== undefined) await steps.endStep(tx, { ...ending, number: step.number });
    if (target.verdict === "good")
      await steps.appendSteps(tx, job.id, [{ text: `${name} is healthy.`, outcome }]);
  }
}

async function endJob(tx: Db, context: EnvironmentContext, job: JobRow): Promise<void> {
  const { targets } = job;
  const bad = targets.filter((target) => target.verdict === "bad");
  const good = targets.filter((target) => target.verdict === "good");
  await steps.endOpenSteps(tx, job.id, { outcome: bad.length === 0 ? "ok" : "failed" });
  const results = job.results.map((result) => withVerdict(result, targets));
  const patch = { targets, results, waiting_for: null };
  if (bad.length === 0) {
    const event = good.length === 0 ? "all-superseded" : "all-good";
    await jobs.moveJob(tx, { id: job.id, event, patch });
    return;
  }
  const why = bad.map((target) => `${shortName(target.workload)}: ${target.reason ?? "failed"}`).join("; ");
  const error = {
    code: "ROLLOUT_FAILED",
    title: errorCatalogue.ROLLOUT_FAILED.title,
    detail: why,
    hint: `the commit stays in git; undo it: slipway rollback ${job.id.slice(-8)}`,
  };
  if (await beginAutomaticRollback(tx, context, { job, results, why })) return;
  await jobs.moveJob(tx, { id: job.id, event: "target-bad", patch: { ...patch, error } });
}

function withVerdict(result: JobRow["results"][number], targets: readonly RolloutTarget[]) {
  const target = targets.find((candidate) => candidate.workload === result.workload);
  if (target === undefined || result.result === "skip") return result;
  if (target.verdict === "bad") return { ...result, result: "failed" as const, detail: target.reason };
  return { ...result, result: "changed" as const, detail: target.reason };
}

/** The deadline stands still while the view is stale; only after half an hour is the outcome called unknown. */
async function waitUnknown(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease, view, environment } = context;
  const now = await deps.store.now();
  const since = job.unknown_since ?? now;
  const why = `the view of ${environment.name}'s cluster is stale: ${view.problem() || "no fresh news"}`;
  if (now.getTime() - since.getTime() < unknownLimitMs) {
    if (job.waiting_for === why && job.unknown_since !== null) return;
    await deps.store.fenced(lease, (tx) =>
      jobs.patchJob(tx, job.id, { waiting_for: why, unknown_since: since }),
    );
    return;
  }
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail: why });
    await jobs.moveJob(tx, { id: job.id, event: "outcome-unknown" });
  });
  deps.store.hint(job.id);
}
