import { changedImage } from "#common/domain/manifest.ts";
import type { DeclaredFact, ImageSelect } from "#common/domain/plan.ts";
import { containerKey } from "#common/domain/plan-choice.ts";
import { sameImage } from "#common/domain/image-ref.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** Workloads whose history is read at once. */
const concurrency = 8;

type Past = Pick<JobRow, "phase" | "changes">;

interface RecallDeps {
  /** The workload's jobs, newest first. */
  history(environment: string, workload: string): Promise<readonly Past[]>;
  /** What runs, of the workloads asked for; undefined when the view is not fresh. */
  live(): Promise<readonly Workload[] | undefined>;
}

export interface RecallAsk {
  readonly environment: string;
  readonly select: Exclude<ImageSelect, "latest">;
  readonly chosen: readonly DeclaredFact[];
}

/** `containerKey` → the image that ran before, or runs now, for the containers of these workloads. */
export async function recallImages(deps: RecallDeps, asked: RecallAsk): Promise<ReadonlyMap<string, string>> {
  if (asked.select === "running") return runningImages((await deps.live()) ?? []);
  const found = new Map<string, string>();
  for (let index = 0; index < asked.chosen.length; index += concurrency) {
    const some = asked.chosen.slice(index, index + concurrency);
    const histories = await Promise.all(
      some.map((fact) => deps.history(asked.environment, formatWorkloadId(fact.id))),
    );
    some.forEach((fact, place) => {
      for (const [key, image] of previousOf(fact, histories[place] ?? [])) found.set(key, image);
    });
  }
  return found;
}

function runningImages(live: readonly Workload[]): ReadonlyMap<string, string> {
  return new Map(
    live.flatMap((one) =>
      one.containers.map(
        ({ name, image }) =>
          [containerKey({ workload: formatWorkloadId(one), container: name }), image] as const,
      ),
    ),
  );
}

function previousOf(fact: DeclaredFact, jobs: readonly Past[]): (readonly [string, string])[] {
  const workload = formatWorkloadId(fact.id);
  return fact.containers.flatMap(({ name: container, image }) => {
    const before = previousImage({ workload, container, image }, jobs);
    return before === undefined ? [] : [[containerKey({ workload, container }), before] as const];
  });
}

/**
 * What a container ran before the image that git declares: the newest other image that a job brought to
 * health there, or that people had written before a job replaced it. `jobs` come newest first.
 */
export function previousImage(
  of: { readonly workload: string; readonly container: string; readonly image: string },
  jobs: readonly Past[],
): string | undefined {
  const writes = jobs.flatMap(({ phase, changes }) => {
    const wrote = changes
      .filter((change) => change.workload === of.workload && change.container === of.container)
      .map(changedImage)
      .find((change) => change !== undefined);
    return wrote === undefined ? [] : [{ ...wrote, healthy: phase === "succeeded" }];
  });
  const candidates = writes.flatMap(({ from, to, healthy }, index) => {
    const byJob = writes.slice(index + 1).some((older) => sameImage(older.to, from));
    return [...(healthy ? [to] : []), ...(byJob ? [] : [from])];
  });
  return candidates.find((image) => !sameImage(image, of.image));
}
