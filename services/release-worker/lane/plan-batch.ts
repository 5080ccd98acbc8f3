import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import type { JobEvent } from "#common/domain/job.ts";
import { matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import { containerKey } from "#common/domain/plan-choice.ts";
import { holdsOf } from "#common/store/holds.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";
import { dryRunTargets, refusedWorkloads } from "../environment/dry-run.ts";
import { lastGoodChanges, neverApplied } from "../environment/last-good.ts";
import { createFactSources, type FactSources } from "../planning/batch-sources.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import { planJob, type PlanInput } from "../planning/plan-job.ts";
import { repositoriesOfPlan } from "../planning/read-facts.ts";
import type { TipView } from "../planning/tip-view.ts";
import { askJob, readGateFacts } from "../gates/ask-gates.ts";
import type { GateFacts } from "../gates/ask-gates.ts";
import { tracedForJob } from "../trace-jobs.ts";
import { closeGate } from "./close-gate.ts";
import { adoptEarlierPushes } from "./earlier-push.ts";
import { endOrRetry, endWithNothing } from "./end-planned.ts";
import { closeImageGate, waitsUntil } from "./image-gate.ts";
import type { LaneContext } from "./lane-context.ts";
import { recordFirstChoices } from "./record-choices.ts";

/** Jobs of a batch asked of the API server at once. */
const dryRunsAtOnce = 8;

/** How often automated jobs of a batch are planned again without what the API server refused. */
const maxLeavings = 8;
/** More than that is no matter of single workloads. */
const maxLeftOut = 100;

/** Per job what it is planned without, by workload with the reason. */
type Left = Map<string, ReadonlyMap<string, string>>;

/** A job whose plan changes something, ready to become a commit. */
export interface PlannedJob {
  readonly job: JobRow;
  readonly plan: JobPlan;
  /** What it was planned on: the base with the changes of the batch's earlier jobs. */
  readonly view: TipView;
  /** The same with its own changes. */
  readonly after: TipView;
}

export interface PlannedBatch {
  readonly base: string;
  readonly planned: readonly PlannedJob[];
  /** Every environment of the lane as it will be after the last job. */
  readonly views: readonly TipView[];
}

type Decision =
  | ({ readonly kind: "write" } & PlannedJob)
  | { readonly kind: "nothing"; readonly job: JobRow; readonly plan: JobPlan }
  | { readonly kind: "wait"; readonly job: JobRow; readonly image: string; readonly until: Date }
  | { readonly kind: "gated"; readonly job: JobRow; readonly plan: JobPlan }
  | { readonly kind: "failed"; readonly job: JobRow; readonly error: SlipwayError; readonly event: JobEvent };

/**
 * Plans the jobs of a batch one on top of the other, in memory, and asks the API server about each.
 * Jobs that end here (nothing to do, cannot be planned, refused) are ended; a verdict without a push
 * is only given on a tip that the host confirmed.
 */
export async function planBatch(context: LaneContext, taken: readonly JobRow[]): Promise<PlannedBatch> {
  let tip = await context.tip.current();
  let rest = await adoptEarlierPushes(context, { base: tip.commit, taken });
  const left: Left = new Map();
  // Each round ends at least one job, leaves something out of an automated one, or is the last.
  for (let round = 0; round <= taken.length + maxLeavings; round += 1) {
    const { decisions, views } = await decideAll(context, { base: tip.commit, taken: rest, left });
    if (!tip.confirmed && decisions.some(isVerdict)) {
      const confirmed = await context.tip.confirm();
      const moved = confirmed !== tip.commit;
      tip = { commit: confirmed, confirmed: true };
      const jobsNow = decisions.map(({ job }) => job);
      if (moved) rest = await adoptEarlierPushes(context, { base: confirmed, taken: jobsNow });
      if (moved) continue;
    }
    const written = decisions.filter((decision) => decision.kind === "write");
    const refused = await dryRunAll(context, written);
    for (const decision of decisions) {
      if (decision.kind === "nothing") await endWithNothing(context, decision, tip.commit);
      if (decision.kind === "failed") await endOrRetry(context, decision);
      if (decision.kind === "wait") await closeImageGate(context, decision);
      if (decision.kind === "gated") await closeGate(context, decision);
    }
    const goesOn = new Set(
      [...refused.values()].filter((one) => leaveOut(left, one)).map(({ job }) => job.id),
    );
    for (const refusal of refused.values()) {
      if (!goesOn.has(refusal.job.id)) await endOrRetry(context, refusal);
    }
    if (refused.size === 0) return { base: tip.commit, planned: written, views };
    // What stood on a refused job's changes is planned again without them.
    rest = written.map(({ job }) => job).filter((job) => !refused.has(job.id) || goesOn.has(job.id));
  }
  return { base: tip.commit, planned: [], views: [] };
}

/** One workload that is refused holds up no other that automation brings; false where nothing else is in it. */
function leaveOut(left: Left, { job, plan, error }: Refusal): boolean {
  const refused = refusedWorkloads(error);
  const others = plan.targets.some(({ workload }) => !refused.has(workload));
  const before = left.get(job.id) ?? new Map<string, string>();
  if (!isAutomated(job) || !others || refused.size === 0 || before.size >= maxLeftOut) return false;
  left.set(job.id, new Map([...before, ...refused]));
  return true;
}

function isAutomated({ kind, origin }: JobRow): boolean {
  return kind === "release" && origin === "automation";
}

/** Whether a job would end without a push, or people are asked about it. */
function isVerdict({ kind }: Decision): boolean {
  return kind === "nothing" || kind === "failed" || kind === "gated";
}

interface Decided {
  readonly decisions: readonly Decision[];
  readonly views: readonly TipView[];
}

async function decideAll(
  context: LaneContext,
  { base, taken, left }: { base: string; taken: readonly JobRow[]; left: Left },
): Promise<Decided> {
  const views = new Map<string, TipView>();
  for (const environment of context.environments) {
    views.set(environment.name, await context.tips.read(base, environment));
  }
  const sources = createFactSources(context.deps, views);
  await readAhead({ taken, views, sources });
  const gates = await readGateFacts(context.deps.store.db, taken);
  const decisions: Decision[] = [];
  for (const job of taken) {
    const view = views.get(job.environment);
    if (view === undefined) {
      decisions.push({ kind: "failed", job, error: gone(job), event: "cannot-plan" });
      continue;
    }
    const decision = await tracedForJob(context.deps.tracing, { job, name: "plan" }, () =>
      decide(context, { job, view, sources, gates, left }),
    );
    decisions.push(decision);
    if (decision.kind === "write") carryOver(views, decision);
  }
  const chosen = await recordFirstChoices(context, decisions);
  const recorded = decisions.map((decision) => ({
    ...decision,
    job: chosen.get(decision.job.id) ?? decision.job,
  }));
  return { decisions: recorded, views: [...views.values()] };
}

/** What the whole batch will ask for, in one question each: images, and the files to edit. */
async function readAhead(batch: {
  taken: readonly JobRow[];
  views: ReadonlyMap<string, TipView>;
  sources: FactSources;
}): Promise<void> {
  if (batch.taken.length < 2) return;
  const keys = new Set<string>();
  for (const view of batch.views.values()) {
    const declared = view.declared();
    const paths = new Set<string>();
    for (const { environment, spec } of batch.taken) {
      if (environment !== view.environment.name || spec.kind !== "release") continue;
      for (const key of repositoriesOfPlan({ ask: spec, declared })) keys.add(key);
      const wanted = spec.workloads.map((text) => parseWorkloadId(text));
      for (const fact of declared) {
        if (spec.all || wanted.some((asked) => matchesWorkload(fact.id, asked))) paths.add(fact.path);
      }
    }
    await view.prefetch(paths);
  }
  if (keys.size > 0) await batch.sources.images([...keys]);
}

/** The next job of any environment of the lane is planned on what this one changed. */
function carryOver(views: Map<string, TipView>, { plan, after }: PlannedJob): void {
  for (const [name, view] of views) {
    if (name === after.environment.name) {
      views.set(name, after);
      continue;
    }
    const here = [...plan.texts].filter(([path]) => view.files.has(path));
    if (here.length > 0) views.set(name, view.withTexts(new Map(here)));
  }
}

async function decide(
  context: LaneContext,
  asked: { job: JobRow; view: TipView; sources: FactSources; gates: GateFacts; left: Left },
): Promise<Decision> {
  const { job, view, sources, gates, left } = asked;
  try {
    const input = await planInput(context, job, left.get(job.id));
    const whole = await planJob({ sources, log: context.deps.log }, view, input);
    const plan = { ...whole, targets: await targetsToApply(context, job, whole.targets) };
    if (plan.changes.length === 0) return { kind: "nothing", job, plan };
    // What a job that waits would change, the jobs after it must not stand on.
    const { closed } = askJob(job, { environment: view.environment, facts: gates, plan });
    if (closed !== undefined) return { kind: "gated", job, plan };
    return { kind: "write", job, plan, view, after: view.withTexts(plan.texts) };
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    const image = error.code === "IMAGE_NOT_FOUND" ? error.facts?.["image"] : undefined;
    if (typeof image !== "string") return { kind: "failed", job, error, event: "cannot-plan" };
    const until = waitsUntil(job, await context.deps.store.now());
    if (until === undefined) return { kind: "failed", job, error, event: "cannot-plan" };
    return { kind: "wait", job, image, until };
  }
}

interface Refusal {
  readonly job: JobRow;
  readonly plan: JobPlan;
  readonly error: SlipwayError;
  readonly event: JobEvent;
}

async function dryRunAll(
  context: LaneContext,
  planned: readonly PlannedJob[],
): Promise<Map<string, Refusal>> {
  const refused = new Map<string, Refusal>();
  for (let index = 0; index < planned.length; index += dryRunsAtOnce) {
    const chunk = planned.slice(index, index + dryRunsAtOnce);
    await Promise.all(
      chunk.map(async ({ job, plan, after }) => {
        // What was in git before goes back there, whatever the cluster says of one document.
        if (job.automatic) return;
        try {
          await tracedForJob(context.deps.tracing, { job, name: "dry run" }, () =>
            dryRunTargets(context.deps, { view: after, plan }),
          );
        } catch (thrown) {
          refused.set(job.id, { job, plan, error: toSlipwayError(thrown), event: "refused-by-dry-run" });
        }
      }),
    );
  }
  return refused;
}

async function planInput(
  context: LaneContext,
  job: JobRow,
  refused: ReadonlyMap<string, string> = new Map(),
): Promise<PlanInput> {
  const { db } = context.deps.store;
  if (isAutomated(job)) {
    const held = await heldContainers(db, job.environment);
    return { spec: job.spec, resolved: job.resolved, automation: { held, refused } };
  }
  if (job.spec.kind !== "rollback") return { spec: job.spec, resolved: job.resolved };
  const undone = await jobs.mustGetJob(db, job.spec.of);
  const changes = job.automatic ? await lastGoodChanges(db, undone) : undone.changes;
  const undo = { headline: job.headline, changes, short: undone.id.slice(-8) };
  return { spec: job.spec, resolved: null, undo };
}

async function heldContainers(db: Db, environment: string): Promise<ReadonlyMap<string, string>> {
  const held = await holdsOf(db, environment);
  return new Map(held.map((hold) => [containerKey(hold), hold.reason]));
}

/** A rollback takes back in git what the cluster had refused; there is nothing to apply for it. */
async function targetsToApply(
  context: LaneContext,
  job: JobRow,
  targets: JobPlan["targets"],
): Promise<JobPlan["targets"]> {
  if (job.spec.kind !== "rollback") return targets;
  const refused = neverApplied(await jobs.mustGetJob(context.deps.store.db, job.spec.of));
  return targets.filter((target) => !refused.has(target.workload));
}

function gone(job: JobRow): SlipwayError {
  return new SlipwayError("ENVIRONMENT_NOT_FOUND", {
    detail: `"${job.environment}" was removed from the settings after the job was accepted`,
  });
}
