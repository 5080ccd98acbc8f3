import { errorCatalogue, type SlipwayError } from "#common/domain/errors.ts";
import type { JobEvent } from "#common/domain/job.ts";
import { withJob } from "#common/kit/current-work.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { maxAttemptsAfter, retryDelayMs } from "../deps.ts";
import { toErrorRow } from "../error-row.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import { refusalOfRelease } from "../planning/refused-release.ts";
import { endedByCancel } from "./end-cancelled.ts";
import type { LaneContext } from "./lane-context.ts";

/** Files that the end of a job without a change speaks of. */
const maxToldFiles = 3;

/** An exact image that reaches no named workload is no success: whoever waits for it must hear of it. */
export async function endWithNothing(
  context: LaneContext,
  { job, plan }: { job: JobRow; plan: JobPlan },
  tip: string,
): Promise<void> {
  const { results } = plan;
  const refusal = refusalOfRelease(job.spec, results);
  const nothing = job.spec.kind === "policy" ? policiesStand : await nothingStep(context, plan, tip);
  const last = refusal === undefined ? nothing : refusedStep(refusal);
  await context.deps.store.fenced(context.lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
    const lines = ["Clone OK.", ...plan.skipLines.slice(0, 50)];
    await steps.appendSteps(tx, job.id, [...lines.map((text) => ({ text, outcome: "ok" as const })), last]);
    if (refusal === undefined) {
      await jobs.moveJob(tx, { id: job.id, event: "nothing-to-do", patch: { results } });
    } else {
      const patch = { results, error: toErrorRow(refusal) };
      await jobs.moveJob(tx, { id: job.id, event: "cannot-plan", patch });
    }
  });
  context.deps.store.hint(job.id);
}

/** retry and wait come back with a growing pause; stop, and the eighth try, end the job with the true reason. */
export async function endOrRetry(
  context: LaneContext,
  failed: { job: JobRow; error: SlipwayError; event: JobEvent },
): Promise<void> {
  const { job, error, event } = failed;
  withJob(job, () => context.deps.log.info("job could not be planned", { code: error.code, error }));
  const again = error.next !== "stop" && job.attempt + 1 < maxAttemptsAfter(error);
  await context.deps.store.fenced(context.lease, async (tx) => {
    // What is tried again may be so for half an hour: a cancel does not wait for its intent.
    if (again && (await endedByCancel(tx, job.id))) return;
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
  if (again) context.deps.metrics.jobRetried(error.code);
  context.deps.store.hint(job.id);
}

const policiesStand: steps.NewStep = {
  text: "All selected services have these policies. Nothing to do.",
  outcome: "ok",
};

async function nothingStep(context: LaneContext, plan: JobPlan, tip: string): Promise<steps.NewStep> {
  const detail = await whoDidIt(context, plan, tip);
  const allCurrent = plan.results.every((result) => result.reason === "up-to-date");
  const text = allCurrent
    ? "All selected services are running the requested images. Nothing to do."
    : "Nothing to do.";
  return { text, outcome: "ok", ...(detail === undefined ? {} : { detail }) };
}

/** Who put the images there that are up to date: people ask, when a release has nothing to do. */
async function whoDidIt(context: LaneContext, plan: JobPlan, tip: string): Promise<string | undefined> {
  const current = plan.results.filter((result) => result.reason === "up-to-date" && result.file !== null);
  const files = [...new Set(current.map((result) => result.file ?? ""))];
  if (files.length === 0 || files.length > maxToldFiles) return undefined;
  const told: string[] = [];
  for (const file of files) {
    const change = await context.git.lastChangeOf(tip, file);
    if (change === undefined) continue;
    told.push(
      `${file} was last changed by ${change.commit.slice(0, 7)} (${change.author}: ${change.subject})`,
    );
  }
  return told.length === 0 ? undefined : told.join("; ");
}

function refusedStep(refusal: SlipwayError): steps.NewStep {
  return {
    text: `${errorCatalogue[refusal.code].title}.`,
    outcome: "failed",
    detail: refusal.detail ?? refusal.message,
  };
}
