import type { ApproveRequest } from "#common/contracts/gates.ts";
import { environmentSubject, queueNames } from "#common/contracts/queue.ts";
import { errorCatalogue } from "#common/domain/errors.ts";
import type { SlipwayError } from "#common/domain/errors.ts";
import type { GivenApproval } from "#common/domain/gates.ts";
import { writeAudit } from "#common/store/audit.ts";
import { touchedWorkloads } from "#common/store/job-list.ts";
import { lockJobs, moveJob, mustGetJob, patchJob } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import { appendSteps, endOpenSteps } from "#common/store/steps.ts";
import { databaseTime } from "#common/store/store.ts";
import type { Db } from "#common/store/store.ts";

import type { ApiDeps } from "../deps.ts";
import { auditOf } from "../releases/asker.ts";
import type { Asker } from "../releases/asker.ts";
import { judgeApproval } from "./judge-approval.ts";

type ApproveDeps = Pick<ApiDeps, "store" | "settings" | "ring">;

type Verdict = GivenApproval["verdict"];

/** Takes somebody's word on a job that waits for consent; each refusal has its own code. */
export async function approveJob(
  deps: ApproveDeps,
  asker: Asker,
  asked: { readonly job: JobRow; readonly body: ApproveRequest; readonly verdict: Verdict },
): Promise<JobRow> {
  const { job, body, verdict } = asked;
  const refused = await deps.store.transaction(async (tx) => {
    const [locked] = await lockJobs(tx, [job.id]);
    const error = await give(tx, { deps, asker, job: locked ?? job, body, verdict });
    await writeAudit(tx, {
      ...auditOf(asker),
      environment: job.environment,
      jobId: job.id,
      outcome: error?.code ?? verdict,
      reason: body.comment,
      detail: { plan: locked?.plan_hash ?? null },
      workloads: await touchedWorkloads(tx, job.id),
    });
    return error;
  });
  if (refused !== undefined) throw refused;
  deps.store.hint(job.id);
  deps.ring(queueNames.worker, environmentSubject(job.environment));
  return mustGetJob(deps.store.db, job.id);
}

/** The error where the word does not count. */
async function give(
  tx: Db,
  word: { deps: ApproveDeps; asker: Asker; job: JobRow; body: ApproveRequest; verdict: Verdict },
): Promise<SlipwayError | undefined> {
  const { deps, asker, job, body, verdict } = word;
  const environment = deps.settings.environments.find(({ name }) => name === job.environment);
  const now = await databaseTime(tx);
  const judgement = judgeApproval({
    job,
    part: { environment: job.environment, workloads: await touchedWorkloads(tx, job.id) },
    approver: asker.principal,
    verdict,
    plan: body.plan,
    rules: environment?.approvals ?? [],
    now,
  });
  if (!judgement.ok) return judgement.error;
  const { name: by } = asker.principal;
  const comment = body.comment ?? null;
  const given = { by, verdict, planHash: job.plan_hash ?? "", comment, at: now.toISOString() };
  const approvals = [...job.approvals, { ...given, satisfies: judgement.satisfies }];
  await (verdict === "approved"
    ? approve(tx, { job, approvals, given })
    : reject(tx, { job, approvals, given }));
  return undefined;
}

interface Given {
  readonly job: JobRow;
  readonly approvals: readonly GivenApproval[];
  readonly given: Pick<GivenApproval, "by" | "comment">;
}

/** A worker looks whether anything else stops it: the api writes only what was said. */
async function approve(tx: Db, { job, approvals, given }: Given): Promise<void> {
  await appendSteps(tx, job.id, [{ text: `Approved by ${given.by}.`, ...detailOf(given) }]);
  await patchJob(tx, job.id, { approvals, dueInMs: 0 });
}

async function reject(tx: Db, { job, approvals, given }: Given): Promise<void> {
  await endOpenSteps(tx, job.id, { outcome: "skipped" });
  const said = { text: `Rejected by ${given.by}.`, outcome: "failed" as const, ...detailOf(given) };
  await appendSteps(tx, job.id, [said]);
  const error = {
    code: "APPROVAL_REJECTED",
    title: errorCatalogue.APPROVAL_REJECTED.title,
    detail: given.comment === null ? `by ${given.by}` : `by ${given.by}: ${given.comment}`,
    hint: null,
  };
  await moveJob(tx, { id: job.id, event: "gate-refused", patch: { approvals, error, outcome: "rejected" } });
}

function detailOf({ comment }: Pick<GivenApproval, "comment">) {
  return comment === null ? {} : { detail: comment };
}
