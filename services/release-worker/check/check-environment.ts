import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneRefName } from "#common/domain/git-url.ts";
import type { CheckEnvironmentRequest, CheckEnvironmentResponse } from "#proto/slipway/release/v1/release.ts";
import type { WorkerDeps } from "../deps.ts";
import type { TipView } from "../planning/tip-view.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkGit } from "./check-git.ts";
import { lookThrough, type Found } from "./look-through.ts";
import { attempt } from "./trial.ts";

type CheckDeps = Pick<WorkerDeps, "settings" | "gitOf" | "tipsOf" | "kubeOf" | "log">;

/** gRPC `CheckEnvironment`: tries what this environment needs, each by the act itself, none of it for good. */
export async function checkEnvironment(
  deps: CheckDeps,
  environment: EnvironmentSettings,
  request: CheckEnvironmentRequest,
): Promise<CheckEnvironmentResponse> {
  const git = () => deps.gitOf(environment);
  const readTip = (commit: string) => deps.tipsOf(environment).read(commit, environment);
  const laneRef = laneRefName(deps.settings.installation, environment.git.branch);
  const [branch, cluster] = await Promise.all([
    checkGit({ git, readTip, laneRef }, environment),
    checkCluster(() => deps.kubeOf(environment), environment),
  ]);
  const found = await lookIn(deps, branch.view, request.notInGit);
  const { outside, writers, whole } = found;
  return { git: branch.trial, cluster, outside: [...outside], writers: [...writers], lookedThrough: whole };
}

async function lookIn(
  deps: CheckDeps,
  view: TipView | undefined,
  notInGit: readonly string[],
): Promise<Found> {
  const nothing = { outside: [], writers: [], whole: false };
  if (view === undefined) return nothing;
  const { environment, commit } = view;
  const git = deps.gitOf(environment);
  const found = await attempt(() => lookThrough({ git, commit, environment, notInGit }));
  if (found.value === undefined) {
    deps.log.warn("the repository could not be looked through", {
      environment: environment.name,
      ...found.trial,
    });
  }
  return found.value ?? nothing;
}
