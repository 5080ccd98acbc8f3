import { parsePlatform } from "#common/domain/platform.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { ClusterFacts } from "#common/store/automation-read.ts";
import type { WorkerDeps } from "../deps.ts";

/** What the cluster runs, with the age of the view; not knowing is told as such. */
export async function readClusterFacts(
  deps: Pick<WorkerDeps, "cluster" | "log">,
  environment: string,
): Promise<ClusterFacts> {
  try {
    const { view, workloads } = await deps.cluster.listWorkloads({ environment, namespace: "" });
    if (view?.complete !== true) return { running: undefined, ageMs: undefined, nodes: [] };
    return {
      running: new Set(workloads.map(formatWorkloadId)),
      ageMs: Number(view.ageMs),
      nodes: (view.nodes?.platforms ?? []).map(parsePlatform),
    };
  } catch (error) {
    deps.log.warn("deciding without a view of the cluster", { error, environment });
    return { running: undefined, ageMs: undefined, nodes: [] };
  }
}
