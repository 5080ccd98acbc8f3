import type { ClosedGate, PassedGate } from "#common/domain/gates.ts";
import { writeAudit } from "#common/store/audit.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobPatch } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";

/** Whoever lifts or approves wakes the job; this is for what nobody tells: new settings. */
const longestPauseMs = 60_000;

/** What a job that begins to wait keeps of its plan. */
export type KeptPlan = Pick<JobPatch, "plan_hash" | "results">;

/** Lets a job wait at a gate that was found closed, in the transaction that found it so. */
export async function holdBack(
  tx: Db,
  job: JobRow,
  held: { readonly closed: ClosedGate; readonly now: Date; readonly kept?: KeptPlan | undefined },
): Promise<void> {
  const { closed, now, kept = {} } = held;
  await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
  const cloned = job.phase === "writing" ? [{ text: "Clone OK." }] : [];
  await steps.appendSteps(tx, job.id, [...cloned, ...changedPlan(job, held), waitingStep(closed)]);
  const patch = { ...kept, ...waitingPatch(closed, now) };
  await jobs.moveJob(tx, { id: job.id, event: "gate-closed", patch });
}

/** A consent is bound to its plan: with another one people are asked anew, and told why. */
function changedPlan(
  { approvals, plan_hash: before }: JobRow,
  { closed, kept }: { readonly closed: ClosedGate; readonly kept?: KeptPlan | undefined },
): readonly steps.NewStep[] {
  const isOld = approvals.length > 0 && kept?.plan_hash !== undefined && kept.plan_hash !== before;
  if (closed.gate !== "approval" || !isOld) return [];
  return [{ text: "What it changes is not what was approved any more.", outcome: "skipped" }];
}

/** The step that goes on while the job waits. */
export function waitingStep({ step, detail }: ClosedGate): steps.NewStep {
  return { text: step, open: true, ...(detail === undefined ? {} : { detail }) };
}

/** How a job stands while it waits at a gate, and when it is looked at again. */
export function waitingPatch({ gate, until, waitingFor }: ClosedGate, now: Date) {
  const untilMs = until === undefined ? longestPauseMs : Math.max(until.getTime() - now.getTime(), 0);
  return {
    gate,
    gate_until: until ?? null,
    waiting_for: waitingFor,
    // Nothing but its time opens a schedule.
    dueInMs: gate === "schedule" ? untilMs : Math.min(untilMs, longestPauseMs),
  };
}

/** Tells, in its log and in the audit, what a job passed by an override. */
export async function tellPassed(tx: Db, job: JobRow, passed: readonly PassedGate[]): Promise<void> {
  if (passed.length === 0) return;
  await steps.appendSteps(
    tx,
    job.id,
    passed.map(({ text }) => ({ text })),
  );
  for (const { right, text } of passed) {
    await writeAudit(tx, {
      principal: job.requested_by,
      operation: "override",
      environment: job.environment,
      jobId: job.id,
      outcome: "passed",
      requestId: job.request_id,
      detail: { right, text },
    });
  }
}
