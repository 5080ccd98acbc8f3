import { laneSubject } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { applyDocument, type ApplyAsk, type ApplyOutcome } from "./apply-document.ts";
import { createDescent } from "./descent.ts";
import { readDocument } from "./dry-run.ts";
import { endJob } from "./end-job.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { openTargetSteps } from "./target-steps.ts";
import { endVanished, isOnBranch } from "./vanished.ts";

const conflictPauseMs = 50;

/**
 * Applies what a job committed, document by document in a fixed order; one refusal does not stop
 * the others. Safe to repeat: an object that already carries this commit and job is left alone.
 */
export async function applyJob(context: EnvironmentContext, job: JobRow): Promise<void> {
  if (!(await isOnBranch(context, job))) return endVanished(context, job);
  const outcomes = await applyTargets(context, job);
  if (outcomes === "vanished") return endVanished(context, job);
  const targets = job.targets.map((target) => {
    const outcome = outcomes.get(target.workload);
    return outcome === undefined ? target : afterApply(target, outcome);
  });
  await record(context, { ...job, targets });
}

async function applyTargets(
  context: EnvironmentContext,
  job: JobRow,
): Promise<Map<string, ApplyOutcome> | "vanished"> {
  const { deps, environment } = context;
  const commit = job.commit_sha ?? "";
  const view = await deps.tipsOf(environment).read(commit, environment);
  const kube = await deps.kubeOf(environment);
  const descent = createDescent(context, commit);
  const outcomes = new Map<string, ApplyOutcome>();
  for (const target of inFixedOrder(job.targets)) {
    if (target.handedOff !== undefined) {
      outcomes.set(target.workload, { kind: "handed-off", owner: target.handedOff });
      continue;
    }
    deps.fault("before-apply");
    const outcome = await applyOne(async () => ({
      kube,
      environment,
      document: await readDocument(view, target),
      by: { environment: environment.name, commit, job: job.id },
      changes: job.changes.filter((change) => change.workload === target.workload),
      isAncestor: (older, newer) => descent.isAncestor(older, newer),
      pause: (attempt) => deps.clock.sleep(conflictPauseMs * attempt * (0.5 + Math.random())),
    }));
    if (descent.vanished()) return "vanished";
    deps.fault("after-apply");
    outcomes.set(target.workload, outcome);
  }
  return outcomes;
}

/** What is still to be applied, by kind, then namespace and name: the same on every worker. */
function inFixedOrder(targets: readonly RolloutTarget[]): RolloutTarget[] {
  const key = ({ workload }: RolloutTarget): string => {
    const { kind = "", namespace, name } = parseWorkloadId(workload);
    return `${kind} ${namespace} ${name}`;
  };
  return targets
    .filter((target) => !target.applied && target.verdict === "pending")
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** A document that only a person can mend stops itself alone; an outside world that is away stops the job. */
async function applyOne(ask: () => Promise<ApplyAsk>): Promise<ApplyOutcome> {
  try {
    return await applyDocument(await ask());
  } catch (error) {
    if (error instanceof SlipwayError && error.next === "stop" && !error.code.startsWith("GIT_"))
      return { kind: "refused", error };
    throw error;
  }
}

async function record(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease } = context;
  const { targets } = job;
  const failed = targets.filter((target) => target.verdict === "bad");
  const detail = failed.map((target) => `${shortName(target.workload)}: ${target.reason ?? ""}`).join("; ");
  const undoing = await deps.store.fenced(lease, async (tx) => {
    const ending =
      failed.length === 0 ? ({ outcome: "ok" } as const) : ({ outcome: "failed", detail } as const);
    await steps.endOpenSteps(tx, job.id, ending);
    await steps.appendSteps(tx, job.id, openTargetSteps(job));
    const pending = targets.some((target) => target.verdict === "pending");
    if (!pending) return endJob(tx, context, job);
    await jobs.patchJob(tx, job.id, { targets, waiting_for: null, unknown_since: null });
    return false;
  });
  deps.store.hint(job.id);
  if (undoing) await deps.ring(laneSubject(job.lane_id));
}

/** A target with what its apply said. */
export function afterApply(target: RolloutTarget, outcome: ApplyOutcome): RolloutTarget {
  switch (outcome.kind) {
    case "applied":
    case "created":
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
    case "left":
      return { ...target, applied: true, verdict: "skipped", reason: outcome.left.reason };
    case "handed-off":
      return { ...target, applied: true, handedOff: outcome.owner };
    case "refused":
      return { ...target, applied: true, verdict: "bad", reason: outcome.error.message };
    default:
      return unreachable(outcome);
  }
}
