import { SlipwayError } from "#common/domain/errors.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { FluxJobStatus } from "./flux-answers.ts";
import { toFluxPolicyResults, toFluxResults } from "./flux-results.ts";

/**
 * A job as fluxctl polls it. For fluxctl a job is over when its commit is pushed (it asks for what
 * follows by `sync` and `--watch`), so a job that still rolls out has succeeded already.
 */
export function toFluxJob(row: JobRow): FluxJobStatus {
  const wrote = row.commit_sha !== null && row.kind !== "sync";
  if (wrote) return succeeded(row, row.commit_sha);
  switch (row.phase) {
    case "queued":
      return unfinished("queued");
    case "waiting":
    case "writing":
    case "rolling-out":
      return unfinished("running");
    case "succeeded":
      return succeeded(row, row.commit_sha ?? undefined);
    default:
      return { Result: {}, Err: whyNot(row), StatusString: "failed" };
  }
}

/** Whether nothing of the job's commit is left to apply. Throws ROLLOUT_FAILED with what became of it else. */
export function isApplied(row: JobRow): boolean {
  const { phase, targets } = row;
  if (phase === "succeeded" || phase === "superseded") return true;
  if (row.finished_at !== null) {
    const hint = `slipway job ${row.id} tells each step`;
    throw new SlipwayError("ROLLOUT_FAILED", { detail: whyNot(row), hint });
  }
  if (phase !== "rolling-out" || targets.length === 0) return false;
  return targets.every(({ applied, verdict }) => applied || verdict !== "pending");
}

function unfinished(word: "queued" | "running"): FluxJobStatus {
  return { Result: {}, Err: "", StatusString: word };
}

function succeeded(row: JobRow, revision: string | null | undefined): FluxJobStatus {
  const result = row.kind === "policy" ? toFluxPolicyResults(row.results) : toFluxResults(row.results);
  return {
    Result: { ...(revision != null && { revision }), result },
    Err: "",
    StatusString: "succeeded",
  };
}

function whyNot({ phase, outcome, error, id }: JobRow): string {
  if (error === null) return `job ${id} was ${outcome ?? phase}`;
  const told = error.detail === null ? error.title : `${error.title}: ${error.detail}`;
  return error.hint === null ? told : `${told} (${error.hint})`;
}
