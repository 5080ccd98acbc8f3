import { shortName } from "#common/domain/plan.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import type { NewStep } from "#common/store/steps.ts";
import type { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";
import type { EnvironmentContext, RolloutClock } from "./environment-context.ts";
import { causeOf, logStep, withCause } from "./explain-words.ts";
import { failingGraceMs, isStarting } from "./patience.ts";

/** The API server is asked about so many workloads at once. */
const explainedAtMost = 5;
const askAgainMs = 60_000;

export interface Explained {
  readonly targets: readonly RolloutTarget[];
  /** The last words of containers that failed. */
  readonly steps: readonly NewStep[];
}

/**
 * Asks once why the targets that turned bad did, and puts it into their reasons. Only what fails by
 * itself is explained: not a workload that was deleted, nor an owner that does not apply.
 */
export async function explainBad(
  context: EnvironmentContext,
  job: JobRow,
  targets: readonly RolloutTarget[],
): Promise<Explained> {
  const asks = targets
    .filter((target, index) => target.verdict === "bad" && job.targets[index]?.verdict === "pending")
    .filter((target) => target.handedOff?.inVain === undefined && isThere(context, target))
    .slice(0, explainedAtMost);
  const answers = await Promise.all(asks.map((target) => troublesOf(context, target)));
  const byWorkload = new Map(asks.map(({ workload }, index) => [workload, answers[index] ?? []]));
  return {
    targets: targets.map((target) => withCause(target, byWorkload.get(target.workload) ?? [])),
    steps: asks.flatMap(({ workload }) => logStep(shortName(workload), byWorkload.get(workload) ?? [])),
  };
}

function isThere({ view }: EnvironmentContext, { workload, uid }: RolloutTarget): boolean {
  const seen = view.get(workload);
  return seen !== undefined && (uid === null || seen.uid === uid);
}

/**
 * Where nothing goes on and the view knows no cause, the API server is asked while the rollout waits:
 * failing probes, quotas of StatefulSets and volumes show in events alone. Nobody waits for the answer.
 */
export function askWhereStuck(
  context: EnvironmentContext,
  job: Pick<JobRow, "id">,
  targets: readonly RolloutTarget[],
): void {
  const clock = context.clocks.get(job.id);
  if (clock === undefined) return;
  const stuck = targets.filter((target) => isStuck(context, job, target)).slice(0, explainedAtMost);
  for (const target of stuck) {
    clock.asked.set(target.workload, target.spentMs);
    void keepCause(context, target, clock);
  }
}

async function keepCause(
  context: EnvironmentContext,
  target: RolloutTarget,
  clock: RolloutClock,
): Promise<void> {
  const [first] = await troublesOf(context, target);
  // Meanwhile the view may have shown a cause itself; that pods wait is nothing it does not know.
  const isKnown = (clock.troubles.get(target.workload) ?? "") !== "";
  if (first === undefined || isStarting(first) || isKnown) return;
  clock.troubles.set(target.workload, causeOf(first));
}

function isStuck(
  { clocks, environment }: EnvironmentContext,
  job: Pick<JobRow, "id">,
  { workload, verdict, spentMs, trouble = "" }: RolloutTarget,
): boolean {
  const clock = clocks.get(job.id);
  const patience = clock?.patience.get(workload);
  if (verdict !== "pending" || patience === undefined || trouble !== "") return false;
  if (patience.completeAtMs !== undefined) return false;
  const waitMs = Math.min(failingGraceMs, environment.rolloutDeadline / 2);
  const askedMs = clock?.asked.get(workload) ?? -Infinity;
  return spentMs - patience.movedMs >= waitMs && spentMs - askedMs >= askAgainMs;
}

/** Never throws: a verdict stands without its explanation. */
async function troublesOf(context: EnvironmentContext, { workload }: RolloutTarget): Promise<Trouble[]> {
  const { deps, environment } = context;
  const { kind = "", namespace, name } = parseWorkloadId(workload);
  try {
    const asked = { environment: environment.name, namespace, kind, name };
    // The client gives up after five seconds, the watcher before that.
    return (await deps.cluster.explainWorkload(asked)).troubles.map((trouble) => ({
      ...trouble,
      message: deps.redact(trouble.message),
      logLines: trouble.logLines.map((line) => deps.redact(line)),
    }));
  } catch (error) {
    // The watcher is away, or the API server too slow: what the view told is reason enough.
    deps.log.warn("a rollout could not be explained", { error, workload });
    return [];
  }
}
