import type { RollbackRequest } from "#common/contracts/requests.ts";
import { laneSubject, queueNames } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { shortName } from "#common/domain/plan.ts";
import { writeAudit } from "#common/store/audit.ts";
import { mayHaveLanded, openPushOf } from "#common/store/ended-jobs.ts";
import { touchedWorkloads } from "#common/store/job-list.ts";
import { mustGetJob, requestCancel } from "#common/store/jobs.ts";
import type { CancelAnswer } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import { appendSteps } from "#common/store/steps.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveEnvironment } from "../environments.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import { auditOf } from "./asker.ts";
import type { Asker } from "./asker.ts";

/** Takes a job in that undoes another: what is in git, or on its way there. */
export async function rollBack(
  deps: ApiDeps,
  asker: Asker,
  asked: { job: JobRow; body: RollbackRequest },
): Promise<JobRow> {
  const { job, body } = asked;
  const environment = resolveEnvironment(deps.settings, job.environment);
  refuseObserved(environment);
  const marks = marksOf(body);
  return acceptOrReplay(deps, asker, {
    body: { of: job.id, message: body.message ?? null, override: body.override, ...marks },
    draft: async () => {
      refuseUndoable(job);
      return {
        environment,
        spec: { kind: "rollback", of: job.id, override: body.override },
        headline: rollbackHeadline(job),
        message: body.message,
        marks,
        rollbackOf: job.id,
        touches: [...new Set(job.changes.map(({ workload }) => workload))],
      };
    },
  });
}

/** "Rollback: sock-shop/front-end to the previous image" */
export function rollbackHeadline(job: Pick<JobRow, "changes">): string {
  const policies = job.changes.filter((change) => change.annotation !== undefined);
  if (policies.length > 0) return `Rollback: policies of ${shownNames(policies)}`;
  const images = job.changes.filter((change) => change.field === "image" || change.image !== undefined);
  return `Rollback: ${shownNames(images)} to the previous ${images.length === 1 ? "image" : "images"}`;
}

function shownNames(changes: JobRow["changes"]): string {
  const names = [...new Set(changes.map((change) => shortName(change.workload)))];
  return (names.length > 5 ? [...names.slice(0, 4), `${names.length - 4} more`] : names).join(", ");
}

function refuseUndoable(job: JobRow): void {
  const short = job.id.slice(-8);
  if (job.kind === "sync" || job.kind === "restart") {
    throw new SlipwayError("JOB_NOT_ROLLBACKABLE", {
      detail: `a ${job.kind} writes nothing to git`,
      ...(job.kind === "sync" && { hint: "change what git declares, then sync again" }),
    });
  }
  if (!isTerminal(job.phase) && job.phase !== "rolling-out") {
    throw new SlipwayError("JOB_NOT_ROLLBACKABLE", {
      detail: `it is ${job.phase}, and nothing of it is in git yet`,
      hint: `slipway cancel ${short}`,
    });
  }
  if (job.changes.length > 0) return;
  if (mayHaveLanded(job)) {
    throw new SlipwayError("JOB_NOT_ROLLBACKABLE", {
      detail:
        "whether it changed anything in git is not known; should its push have landed, it is undone by itself",
    });
  }
  throw new SlipwayError("JOB_NOT_ROLLBACKABLE", { detail: "it changed nothing in git" });
}

/** Cancels a job before its push; JOB_TOO_LATE after. Cancelling a cancelled job changes nothing. */
export async function cancelJob(deps: ApiDeps, asker: Asker, job: JobRow): Promise<JobRow> {
  const by = asker.principal.name;
  const answer = await deps.store.transaction(async (tx) => {
    const said = await requestCancel(tx, { id: job.id, by });
    if (said === "cancelled") await appendSteps(tx, job.id, [{ text: `Cancelled by ${by}.` }]);
    await writeAudit(tx, {
      ...auditOf(asker),
      environment: job.environment,
      jobId: job.id,
      outcome: said,
      before: { phase: job.phase },
      ...(said === "cancelled" && { after: { phase: "cancelled" } }),
      workloads: await touchedWorkloads(tx, job.id),
    });
    return said;
  });
  const now = await mustGetJob(deps.store.db, job.id);
  refuseLate(now, answer, (await openPushOf(deps.store.db, job.id))?.endable === true);
  deps.store.hint(job.id);
  deps.ring(queueNames.worker, laneSubject(job.lane_id));
  return now;
}

function refuseLate(job: JobRow, answer: CancelAnswer, endable: boolean): void {
  if (answer === "cancelled" || answer === "requested" || job.phase === "cancelled") return;
  const short = job.id.slice(-8);
  if (endable) {
    throw new SlipwayError("JOB_TOO_LATE", {
      detail: "its push has had no known outcome for half an hour",
      hint: `slipway end ${short}`,
    });
  }
  const writes = job.kind !== "sync" && job.kind !== "restart";
  if (answer === "too-late" && !writes) {
    throw new SlipwayError("JOB_TOO_LATE", { detail: `a ${job.kind} that has begun goes on to its end` });
  }
  const undo = writes && (job.changes.length > 0 || job.commit_sha !== null || answer === "too-late");
  throw new SlipwayError("JOB_TOO_LATE", {
    detail: answer === "over" ? `it has ended: ${job.outcome ?? job.phase}` : "its commit is on its way",
    ...(undo && { hint: `slipway rollback ${short}` }),
  });
}
