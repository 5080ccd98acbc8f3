import { environmentSubject } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";
import { endedByCancel } from "./end-cancelled.ts";
import { endOrRetry } from "./end-planned.ts";
import { followTip } from "./sync-on-change.ts";

/**
 * Hands the syncs among the taken jobs on to their environment, with the branch's tip as the host
 * shows it now: a sync writes nothing, but what git says is read in order with the releases. Returns
 * the jobs that are still to be planned.
 */
export async function beginSyncs(context: LaneContext, taken: readonly JobRow[]): Promise<readonly JobRow[]> {
  const syncs = taken.filter((job) => job.kind === "sync" && environmentNamed(context, job.environment));
  if (syncs.length === 0) return taken;
  const tip = await context.tip.confirm();
  await followTip(context, tip);
  for (const job of syncs) await beginSync(context, job, tip);
  const begun = new Set(syncs.map(({ environment }) => environment));
  for (const name of begun) await context.deps.ring(environmentSubject(name));
  return taken.filter((job) => !syncs.includes(job));
}

async function beginSync(context: LaneContext, job: JobRow, tip: string): Promise<void> {
  const { deps, lease } = context;
  if (environmentNamed(context, job.environment)?.mode !== "apply") {
    const detail = `${job.environment} is not in mode apply any more`;
    const error = new SlipwayError("ENVIRONMENT_HANDED_OFF", { detail });
    return endOrRetry(context, { job, error, event: "cannot-plan" });
  }
  await deps.store.fenced(lease, async (tx) => {
    if (await endedByCancel(tx, job.id)) return;
    const short = tip.slice(0, 7);
    await steps.endOpenSteps(tx, job.id, { outcome: "ok", detail: `tip ${short}` });
    await steps.appendSteps(tx, job.id, [
      { text: "Clone OK.", outcome: "ok" },
      { text: `Compare the cluster with ${short}.`, open: true },
    ]);
    await jobs.moveJob(tx, { id: job.id, event: "tip-chosen", patch: { commit_sha: tip, dueInMs: 0 } });
  });
  deps.store.hint(job.id);
}
