import { errorCatalogue, SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import type { JobEvent } from "#common/domain/job.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { maxAttempts, retryDelayMs } from "../deps.ts";
import { dryRunTargets } from "../environment/dry-run.ts";
import { lastGoodChanges } from "../environment/last-good.ts";
import { toErrorRow } from "../error-row.ts";
import { planJob, type JobPlan, type PlanInput } from "../planning/plan-job.ts";
import type { TipView } from "../planning/tip-view.ts";
import { adoptEarlierPushes } from "./earlier-push.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

/** A job whose plan changes something, ready to become a commit. */
export interface PlannedJob {
  readonly job: JobRow;
  readonly plan: JobPlan;
  readonly view: TipView;
}

type Decision =
  | ({ readonly kind: "write" } & PlannedJob)
  | { readonly kind: "nothing"; readonly job: JobRow; readonly plan: JobPlan }
  | { readonly kind: "failed"; readonly job: JobRow; readonly error: SlipwayError; readonly event: JobEvent };

/**
 * Plans the jobs of a batch one on top of the other, in memory. Jobs that end here (nothing to do,
 * cannot be planned) are ended; a verdict without a push is only given on a tip that the host confirmed.
 */
export async function planBatch(
  context: LaneContext,
  taken: readonly JobRow[],
): Promise<{
  readonly base: string;
  readonly planned: readonly PlannedJob[];
}> {
  let tip = await context.tip.current();
  let rest = await adoptEarlierPushes(context, { base: tip.commit, taken });
  let decisions = await decideAll(context, tip.commit, rest);
  if (!tip.confirmed && decisions.some((decision) => decision.kind !== "write")) {
    const confirmed = await context.tip.fetch();
    if (confirmed !== tip.commit) {
      rest = await adoptEarlierPushes(context, { base: confirmed, taken: rest });
      decisions = await decideAll(context, confirmed, rest);
    }
    tip = { commit: confirmed, confirmed: true };
  }
  for (const decision of decisions) {
    if (decision.kind === "nothing") await endWithNothing(context, decision.job, decision.plan);
    if (decision.kind === "failed") await endOrRetry(context, decision);
  }
  return { base: tip.commit, planned: decisions.filter((decision) => decision.kind === "write") };
}

async function decideAll(context: LaneContext, base: string, taken: readonly JobRow[]): Promise<Decision[]> {
  const views = new Map<string, TipView>();
  const decisions: Decision[] = [];
  for (const job of taken) {
    const environment = environmentNamed(context, job.environment);
    if (environment === undefined) {
      decisions.push({ kind: "failed", job, error: gone(job), event: "cannot-plan" });
      continue;
    }
    const view = views.get(environment.name) ?? (await context.tips.read(base, environment));
    const decision = await decide(context, { job, view });
    decisions.push(decision);
    if (decision.kind !== "write") continue;
    for (const other of context.environments) {
      const before = views.get(other.name) ?? (await context.tips.read(base, other));
      const here = new Map([...decision.plan.texts].filter(([path]) => before.files.has(path)));
      views.set(other.name, before.withTexts(here));
    }
  }
  return decisions;
}

async function decide(context: LaneContext, asked: { job: JobRow; view: TipView }): Promise<Decision> {
  const { job, view } = asked;
  let event: JobEvent = "cannot-plan";
  try {
    const plan = await planJob(context.deps, view, await planInput(context, job));
    if (plan.changes.length === 0) return { kind: "nothing", job, plan };
    event = "refused-by-dry-run";
    await dryRunTargets(context.deps, { view: view.withTexts(plan.texts), plan });
    return { kind: "write", job, plan, view };
  } catch (thrown) {
    return { kind: "failed", job, error: toSlipwayError(thrown), event };
  }
}

async function planInput(context: LaneContext, job: JobRow): Promise<PlanInput> {
  if (job.spec.kind !== "rollback") return { spec: job.spec, resolved: job.resolved };
  const { db } = context.deps.store;
  const undone = await jobs.mustGetJob(db, job.spec.of);
  const changes = job.automatic ? await lastGoodChanges(db, undone) : undone.changes;
  const undo = { headline: job.headline, changes, short: undone.id.slice(-8) };
  return { spec: job.spec, resolved: null, undo };
}

async function endWithNothing(context: LaneContext, job: JobRow, plan: JobPlan): Promise<void> {
  const allCurrent = plan.results.every((result) => result.reason === "up-to-date");
  const last = allCurrent
    ? "All selected services are running the requested images. Nothing to do."
    : "Nothing to do.";
  await context.deps.store.fenced(context.lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
    const lines = ["Clone OK.", ...plan.skipLines.slice(0, 50), last];
    await steps.appendSteps(
      tx,
      job.id,
      lines.map((text) => ({ text, outcome: "ok" as const })),
    );
    await jobs.moveJob(tx, { id: job.id, event: "nothing-to-do", patch: { results: plan.results } });
  });
  context.deps.store.hint(job.id);
}

/** retry and wait come back with a growing pause; stop, and the eighth try, end the job with the true reason. */
export async function endOrRetry(
  context: LaneContext,
  failed: { job: JobRow; error: SlipwayError; event: JobEvent },
): Promise<void> {
  const { job, error, event } = failed;
  context.deps.log.info("job could not be planned", { job: job.id, code: error.code, error });
  const again = error.next !== "stop" && job.attempt + 1 < maxAttempts;
  await context.deps.store.fenced(context.lease, async (tx) => {
    const detail = error.detail ?? error.message;
    if (error.code.startsWith("GIT_") || again) {
      await steps.endOpenSteps(tx, job.id, { outcome: again ? "skipped" : "failed", detail });
    } else {
      await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
      const why = { text: `${errorCatalogue[error.code].title}.`, outcome: "failed" as const, detail };
      await steps.appendSteps(tx, job.id, [{ text: "Clone OK.", outcome: "ok" }, why]);
    }
    if (again) {
      const patch = {
        attempt: job.attempt + 1,
        dueInMs: retryDelayMs(job.attempt),
        waiting_for: error.message,
      };
      await jobs.moveJob(tx, { id: job.id, event: "lane-lost", patch });
    } else {
      await jobs.moveJob(tx, { id: job.id, event, patch: { error: toErrorRow(error) } });
    }
  });
  context.deps.store.hint(job.id);
}

function gone(job: JobRow): SlipwayError {
  return new SlipwayError("ENVIRONMENT_NOT_FOUND", {
    detail: `"${job.environment}" was removed from the settings after the job was accepted`,
  });
}
