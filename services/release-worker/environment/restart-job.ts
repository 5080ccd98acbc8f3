import { laneSubject } from "#common/contracts/queue.ts";
import type { ContainerResult } from "#common/contracts/http.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { askJob, lockGateFacts } from "../gates/ask-gates.ts";
import { holdBack, tellPassed } from "../gates/hold-back.ts";
import { endJob } from "./end-job.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { restartWorkload, type RestartOutcome } from "./restart-workload.ts";
import { endTargetSteps, openTargetSteps } from "./target-steps.ts";

const conflictPauseMs = 50;

/**
 * Takes the environment's queued restarts in hand. They need neither git nor a lane: a service must
 * be restartable while the git host is away.
 */
export async function beginRestarts(context: EnvironmentContext): Promise<void> {
  const { deps, lease, environment } = context;
  for (const { id } of await jobs.queuedRestarts(deps.store.db, environment.name)) {
    await deps.store.fenced(lease, async (tx) => {
      const [job] = await jobs.lockJobs(tx, [id]);
      // Cancelled since it was read.
      if (job?.phase !== "queued" || job.spec.kind !== "restart") return;
      const facts = await lockGateFacts(tx, [job]);
      const { closed, passed } = askJob(job, { environment, facts });
      if (closed !== undefined) return holdBack(tx, job, { closed, now: facts.now });
      await tellPassed(tx, job, passed);
      const targets = job.spec.workloads.map(toTarget);
      await steps.appendSteps(tx, id, [
        { text: job.headline, outcome: "ok" },
        ...openTargetSteps({ ...job, targets }),
      ]);
      await jobs.moveJob(tx, { id, event: "restart-begun", patch: { targets, dueInMs: 0 } });
    });
    deps.store.hint(id);
  }
}

function toTarget(workload: string): RolloutTarget {
  return {
    workload,
    path: "",
    images: {},
    applied: false,
    uid: null,
    generation: null,
    verdict: "pending",
    reason: null,
    spentMs: 0,
  };
}

/** Restarts what is not restarted yet, one after the other; one refusal does not stop the others. */
export async function restartJob(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease, environment } = context;
  const kube = await deps.kubeOf(environment);
  const targets: RolloutTarget[] = [];
  for (const target of job.targets) {
    if (target.applied || target.verdict !== "pending") {
      targets.push(target);
      continue;
    }
    deps.fault("before-apply");
    const outcome = await restartWorkload({
      kube,
      workload: target.workload,
      at: job.created_at,
      pause: (attempt) => deps.clock.sleep(conflictPauseMs * attempt * (0.5 + Math.random())),
    });
    deps.fault("after-apply");
    targets.push(afterRestart(target, outcome));
  }
  const results = targets.flatMap(toResults);
  const undoing = await deps.store.fenced(lease, async (tx) => {
    await endTargetSteps(tx, job, targets);
    if (targets.every((target) => target.verdict !== "pending"))
      return endJob(tx, context, { ...job, targets, results });
    await jobs.patchJob(tx, job.id, { targets, results, waiting_for: null, unknown_since: null });
    return false;
  });
  deps.store.hint(job.id);
  if (undoing) await deps.ring(laneSubject(job.lane_id));
}

function afterRestart(target: RolloutTarget, outcome: RestartOutcome): RolloutTarget {
  if (outcome.kind === "refused") {
    return { ...target, applied: true, verdict: "bad", reason: outcome.reason };
  }
  const { uid, generation, images } = outcome;
  return { ...target, applied: true, uid, generation, images };
}

function toResults({ workload, images, verdict, reason }: RolloutTarget): ContainerResult[] {
  const base = { workload, file: null, reason: "restarted", detail: null };
  if (verdict === "bad" && Object.keys(images).length === 0) {
    return [{ ...base, container: "", from: "", to: null, result: "failed", reason: null, detail: reason }];
  }
  return Object.entries(images).map(([container, image]) => ({
    ...base,
    container,
    from: image,
    to: image,
    result: "change",
  }));
}
