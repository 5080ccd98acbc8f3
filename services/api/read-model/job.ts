import type { Job, Step } from "#common/contracts/http.ts";
import type { Gate } from "#common/domain/job.ts";
import type { RollbackLink } from "#common/store/job-list.ts";
import type { JobRow, StepRow } from "#common/store/schema.ts";

/** A job as clients see it; `undoneBy` is its newest rollback. */
export function toJob(row: JobRow, undoneBy?: RollbackLink): Job {
  return {
    id: row.id,
    kind: row.kind,
    environment: row.environment,
    phase: row.phase,
    waitingFor: row.waiting_for,
    gate: row.phase === "waiting" ? (row.gate as Gate | null) : null,
    waitingUntil: timeText(row.gate_until),
    approvals: row.approvals.map(({ by, verdict, comment, at, planHash }) => {
      return { by, verdict, comment, at, ofThisPlan: planHash === row.plan_hash };
    }),
    planHash: row.plan_hash,
    overrides: [...row.spec.override],
    outcome: row.outcome,
    headline: row.headline,
    requestedBy: row.requested_by,
    message: row.message,
    labels: { ...row.labels },
    sourceSha: row.source_sha,
    requestId: row.request_id,
    createdAt: row.created_at.toISOString(),
    startedAt: timeText(row.started_at),
    finishedAt: timeText(row.finished_at),
    commit: row.commit_sha,
    results: [...row.results],
    rollback: { of: row.rollback_of, by: undoneBy?.id ?? null, byCommit: undoneBy?.commit_sha ?? null },
    error: row.error,
  };
}

/** A step as clients see it. */
export function toStep(row: StepRow): Step {
  return {
    number: row.number,
    text: row.text,
    startedAt: row.started_at.toISOString(),
    endedAt: timeText(row.ended_at),
    outcome: row.outcome,
    detail: row.detail,
  };
}

function timeText(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}
