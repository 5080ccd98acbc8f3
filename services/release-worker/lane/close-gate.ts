import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { askJob, lockGateFacts } from "../gates/ask-gates.ts";
import { holdBack } from "../gates/hold-back.ts";
import type { KeptPlan } from "../gates/hold-back.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

/** Lets a planned job wait for people or a time; a cancel, or whoever opened the gate meanwhile, comes first. */
export async function closeGate(
  context: LaneContext,
  { job, plan }: { readonly job: JobRow; readonly plan: JobPlan },
): Promise<void> {
  const { deps, lease } = context;
  await deps.store.fenced(lease, async (tx) => {
    const [now] = await jobs.lockJobs(tx, [job.id]);
    const environment = environmentNamed(context, job.environment);
    if (now === undefined || environment === undefined) return;
    if (now.cancel_requested_at !== null) {
      await steps.endOpenSteps(tx, job.id, { outcome: "skipped", detail: "cancelled" });
      await jobs.moveJob(tx, { id: job.id, event: "cancelled" });
      return;
    }
    const facts = await lockGateFacts(tx, [now]);
    const { closed } = askJob(now, { environment, facts, plan });
    if (closed === undefined) {
      await steps.endOpenSteps(tx, job.id, { outcome: "skipped", detail: "what stopped it has ended" });
      await jobs.moveJob(tx, { id: job.id, event: "lane-lost", patch: { ...keptOf(plan), dueInMs: 0 } });
      return;
    }
    await holdBack(tx, now, { closed, now: facts.now, kept: keptOf(plan) });
  });
  deps.store.hint(job.id);
}

/** CORRECTNESS 13: the images of its first plan stay; what people are asked about is this plan. */
export function keptOf({ resolved, hash, results }: JobPlan): KeptPlan {
  return { resolved, plan_hash: hash, results };
}
