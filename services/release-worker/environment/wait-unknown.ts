import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { toErrorRow } from "../error-row.ts";
import type { EnvironmentContext } from "./environment-context.ts";

/** Not knowing is not failing; but a job does not wait for ever on a cluster or a git host that is away. */
export const unknownLimitMs = 30 * 60_000;

/** The job stays where it is, with the reason; only after half an hour its outcome is called unknown. */
export async function waitUnknown(context: EnvironmentContext, job: JobRow, why: string): Promise<void> {
  const { deps, lease } = context;
  const now = await deps.store.now();
  const since = job.unknown_since ?? now;
  if (now.getTime() - since.getTime() >= unknownLimitMs) return endUnknown(context, job, why);
  if (job.waiting_for === why && job.unknown_since !== null) return;
  await deps.store.fenced(lease, (tx) =>
    jobs.patchJob(tx, job.id, { waiting_for: why, unknown_since: since }),
  );
  deps.store.hint(job.id);
}

/** CORRECTNESS 23: what nobody could see is neither good nor bad, and nothing is undone by itself. */
export async function endUnknown(context: EnvironmentContext, job: JobRow, why: string): Promise<void> {
  const { deps, lease } = context;
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail: why });
    const error = toErrorRow("CLUSTER_UNAVAILABLE", why);
    await jobs.moveJob(tx, { id: job.id, event: "outcome-unknown", patch: { error } });
  });
  deps.store.hint(job.id);
}
