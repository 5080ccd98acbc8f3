import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { toSlipwayError } from "#common/domain/errors.ts";
import { getLane } from "#common/store/lanes.ts";
import { environmentTip } from "#common/store/manifests.ts";
import type { Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

import type { ApiDeps } from "./deps.ts";
import { ageOf } from "./read-model/age.ts";
import type { Age, GitFacts, ViewFacts } from "./read-model/age.ts";

export type ViewDeps = Pick<ApiDeps, "cluster" | "store" | "log">;

/** What runs, with its view; without `workloads` when the watcher is away. */
export type ClusterFacts = ViewFacts & { readonly workloads: readonly Running[] | undefined };

/** Asks the watcher; that it is away is a fact about the answer, not an error. */
export async function readCluster(
  deps: Pick<ViewDeps, "cluster" | "log">,
  asked: { environment: string; namespace: string },
): Promise<ClusterFacts> {
  try {
    const { workloads, view } = await deps.cluster.listWorkloads(asked);
    if (view === undefined) return { workloads, view, problem: "the cluster watcher told no age" };
    return { workloads, view };
  } catch (error) {
    deps.log.warn("the cluster's view could not be read", { environment: asked.environment, error });
    const ours = toSlipwayError(error);
    return { workloads: undefined, view: undefined, problem: `the cluster watcher: ${ours.message}` };
  }
}

export interface GitRead extends GitFacts {
  /** Another text after every change of what is declared. */
  readonly index: string;
}

/** What the store knows of the environment's branch. */
export async function readGit(
  deps: Pick<ViewDeps, "store">,
  environment: EnvironmentSettings,
): Promise<GitRead> {
  const { git, name } = environment;
  const [tip, lane] = await Promise.all([
    environmentTip(deps.store.db, name),
    getLane(deps.store.db, laneKey(git.url, git.branch)),
  ]);
  return {
    commit: tip?.commit_sha ?? null,
    checkedAt: tip?.checked_at ?? null,
    problem: lane?.problem ?? null,
    faults: tip?.faults ?? [],
    index: tip === undefined ? "" : `${tip.commit_sha} ${tip.indexed_at.getTime()}`,
  };
}

/** How old what the cluster and the git host told of an environment is. */
export async function readAge(deps: ViewDeps, environment: EnvironmentSettings): Promise<Age> {
  const [cluster, git, now] = await Promise.all([
    // No namespace has this name, so that only the view comes back.
    readCluster(deps, { environment: environment.name, namespace: "-" }),
    readGit(deps, environment),
    deps.store.now(),
  ]);
  return ageOf(cluster, git, now);
}
