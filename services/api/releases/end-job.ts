import type { EndRequest } from "#common/contracts/requests.ts";
import { laneSubject, queueNames } from "#common/contracts/queue.ts";
import { errorCatalogue, SlipwayError } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { writeAudit } from "#common/store/audit.ts";
import { openPushOf, requestEnd } from "#common/store/ended-jobs.ts";
import type { EndAnswer } from "#common/store/ended-jobs.ts";
import { touchedWorkloads } from "#common/store/job-list.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "../deps.ts";
import { auditOf } from "./asker.ts";
import type { Asker } from "./asker.ts";

/**
 * Ends a job whose push has had no known outcome for 30 minutes; JOB_NOT_ENDABLE else. The commit may
 * still land: its lane finds out before it does anything else. Ending an ended job changes nothing.
 */
export async function endJob(
  deps: ApiDeps,
  asker: Asker,
  asked: { job: JobRow; body: EndRequest },
): Promise<JobRow> {
  const { job, body } = asked;
  const by = asker.principal.name;
  const message = body.message ?? null;
  const answer = await deps.store.transaction(async (tx) => {
    const said = await requestEnd(tx, { id: job.id, by, message, error: unknownOutcome(by) });
    await writeAudit(tx, {
      ...auditOf(asker),
      environment: job.environment,
      jobId: job.id,
      outcome: said,
      reason: message,
      before: { phase: job.phase },
      ...(said === "ended" && { after: { phase: "failed" } }),
      detail: { message },
      workloads: await touchedWorkloads(tx, job.id),
    });
    return said;
  });
  const now = await mustGetJob(deps.store.db, job.id);
  await refuseUnendable(deps, now, answer);
  deps.store.hint(job.id);
  deps.ring(queueNames.worker, laneSubject(job.lane_id));
  return now;
}

function unknownOutcome(by: string) {
  return {
    code: "JOB_OUTCOME_UNKNOWN",
    title: errorCatalogue.JOB_OUTCOME_UNKNOWN.title,
    detail: `ended by ${by}`,
    hint: "git may hold or still receive its commit: that is looked up first, and what landed is undone by itself",
  };
}

async function refuseUnendable(deps: ApiDeps, job: JobRow, answer: EndAnswer): Promise<void> {
  if (answer === "ended") return;
  const short = job.id.slice(-8);
  if (answer === "too-early") {
    const from = (await openPushOf(deps.store.db, job.id))?.endableFrom;
    throw new SlipwayError("JOB_NOT_ENDABLE", {
      detail: "its push began a short while ago and may still be answered",
      hint: from === undefined ? `look again: slipway job ${short}` : `wait until ${minuteAfter(from)} UTC`,
      ...(from === undefined ? {} : { facts: { endableFrom: from.toISOString() } }),
    });
  }
  if (isTerminal(job.phase)) return refuseOver(job, short);
  const pushed = job.phase === "rolling-out";
  throw new SlipwayError("JOB_NOT_ENDABLE", {
    detail: pushed ? "its commit is in git, and its rollout is judged" : `it is ${job.phase}, and not in git`,
    hint: pushed ? `slipway rollback ${short}` : `slipway cancel ${short}`,
  });
}

/** "17:05" for 17:04:31: at that time it can be ended. */
function minuteAfter(time: Date): string {
  return new Date(Math.ceil(time.getTime() / 60_000) * 60_000).toISOString().slice(11, 16);
}

function refuseOver(job: JobRow, short: string): void {
  if (job.outcome === "outcome-unknown" || job.outcome === "landed-late") return;
  throw new SlipwayError("JOB_NOT_ENDABLE", {
    detail: `it has ended: ${job.outcome ?? job.phase}`,
    ...(job.changes.length > 0 && { hint: `slipway rollback ${short}` }),
  });
}
