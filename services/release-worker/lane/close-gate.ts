import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { askJob, lockGateFacts } from "../gates/ask-gates.ts";
import { holdBack } from "../gates/hold-back.ts";
import type { KeptPlan } from "../gates/hold-back.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import { endedByCancel } from "./end-cancelled.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

/** Lets a planned job wait for people or a time; a cancel, or whoever opened the gate meanwhile, comes first. */
export async function closeGate(
  context: LaneContext,
  { job, plan }: { readonly job: JobRow; readonly plan: JobPlan },
): Promise<void> {
  const { deps, lease } = context;
  await deps.store.fenced(lease, async (tx) => {
    if (await endedByCancel(tx, job.id)) return;
    const now = await jobs.mustGetJob(tx, job.id);
    const facts = await lockGateFacts(tx, [now]);
    const environment = environmentNamed(context, job.environment) ?? {};
    const { closed } = askJob(now, { environment, facts, plan });
    if (closed === undefined) {
      await steps.endOpenSteps(tx, job.id, { outcome: "skipped", detail: "what stopped it has ended" });
      await jobs.moveJob(tx, { id: job.id, event: "lane-lost", patch: { dueInMs: 0 } });
      return;
    }
    await holdBack(tx, now, { closed, now: facts.now, kept: keptOf(plan) });
  });
  deps.store.hint(job.id);
}

/** What people are asked about; the images of its first planning are on record already. */
export function keptOf({ hash, results }: JobPlan): KeptPlan {
  return { plan_hash: hash, results };
}
