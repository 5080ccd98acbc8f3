import { shortName } from "#common/domain/plan.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { isReachable, knowsCommit } from "../knows-commit.ts";
import { createTipReader } from "../planning/tip-view.ts";
import { applyDocument, type ApplyOutcome } from "./apply-document.ts";
import { readDocument } from "./dry-run.ts";
import type { EnvironmentContext } from "./environment-context.ts";

const conflictPauseMs = 50;
/** Over this many workloads the log has one step per kind of act; the rest is in the results. */
export const maxNamedSteps = 50;

/**
 * Applies what a job committed, document by document in the plan's order; one refusal does not stop
 * the others. Safe to repeat: an object that already carries this commit and job is left alone.
 */
export async function applyJob(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, environment, lease } = context;
  const git = deps.gitOf(environment);
  const commit = job.commit_sha ?? "";
  if (!(await isOnBranch(context, commit))) return endVanished(context, job);
  const view = await createTipReader({ store: deps.store, git }).read(commit, environment);
  const kube = await deps.kubeOf(environment);
  const targets: RolloutTarget[] = [];
  for (const target of job.targets) {
    if (target.applied || target.verdict !== "pending") {
      targets.push(target);
      continue;
    }
    deps.fault("before-apply");
    const outcome = await applyDocument({
      kube,
      environment,
      document: await readDocument(view, target),
      by: { environment: environment.name, commit, job: job.id },
      isAncestor: (older, newer) => descends(context, older, newer),
      pause: (attempt) => deps.clock.sleep(conflictPauseMs * attempt * (0.5 + Math.random())),
    });
    deps.fault("after-apply");
    targets.push(afterApply(target, outcome));
  }
  await deps.store.fenced(lease, async (tx) => {
    const failed = targets.filter((target) => target.verdict === "bad");
    const detail = failed.map((target) => `${shortName(target.workload)}: ${target.reason ?? ""}`).join("; ");
    await steps.endOpenSteps(
      tx,
      job.id,
      failed.length === 0 ? { outcome: "ok" } : { outcome: "failed", detail },
    );
    await steps.appendSteps(tx, job.id, rolloutSteps(targets));
    await jobs.patchJob(tx, job.id, { targets, waiting_for: null });
  });
  deps.store.hint(job.id);
}

function rolloutSteps(targets: readonly RolloutTarget[]) {
  const pending = targets.filter((target) => target.verdict === "pending");
  if (pending.length > maxNamedSteps) return [{ text: `Rollout of ${pending.length} services.`, open: true }];
  return pending.map((target) => ({ text: `Rollout of ${shortName(target.workload)}.`, open: true }));
}

function afterApply(target: RolloutTarget, outcome: ApplyOutcome): RolloutTarget {
  switch (outcome.kind) {
    case "applied":
      return { ...target, applied: true, uid: outcome.uid, generation: outcome.generation };
    case "newer":
      // Carried if the newer document still holds our images: judging looks at the images (rule 22).
      return {
        ...target,
        applied: true,
        uid: outcome.uid,
        generation: outcome.generation,
        reason: `carried by ${outcome.by.job.slice(-8)}`,
      };
    case "absent":
      return { ...target, applied: true, verdict: "bad", reason: "not in cluster; a release never creates" };
    case "refused":
      return { ...target, applied: true, verdict: "bad", reason: outcome.error.message };
    default:
      return unreachable(outcome);
  }
}

/** The cache of this worker may be older than another worker's push; people may have rewritten the branch. */
async function isOnBranch(context: EnvironmentContext, commit: string): Promise<boolean> {
  const git = context.deps.gitOf(context.environment);
  if (await knowsCommit(git, commit)) return true;
  return isReachable(git, commit, await git.fetchTip());
}

async function endVanished(context: EnvironmentContext, job: JobRow): Promise<void> {
  await context.deps.store.fenced(context.lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, {
      outcome: "failed",
      detail: "the commit was removed from the branch",
    });
    await jobs.moveJob(tx, { id: job.id, event: "landed-and-removed" });
  });
  context.deps.store.hint(job.id);
}

async function descends(context: EnvironmentContext, older: string, newer: string): Promise<boolean> {
  const git = context.deps.gitOf(context.environment);
  if (!(await knowsCommit(git, newer))) await git.fetchTip();
  return isReachable(git, older, newer);
}
