import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import { getLane } from "#common/store/lanes.ts";
import type { LaneRow } from "#common/store/schema.ts";
import type { CheckEnvironmentResponse } from "#proto/slipway/release/v1/release.ts";

import type { ApiDeps } from "../deps.ts";
import type { LiveParts } from "../live-parts.ts";
import { repositoriesOf } from "../read-model/workloads.ts";
import { readGit } from "../views.ts";
import type { GitRead } from "../views.ts";
import type { WorkloadsRead } from "../workload-lists.ts";
import { askAWorker } from "./ask-a-worker.ts";
import { matchWorkloads, missingIn } from "./match.ts";
import { nextStep } from "./next-step.ts";
import { checkRegistries } from "./registries.ts";
import { toRight, toTrial, viewTrial } from "./trials.ts";
import { warningsOf } from "./warnings.ts";

type CheckDeps = Pick<ApiDeps, "store" | "workers" | "log"> & Pick<LiveParts, "lists">;

/** Everything a person wants to know of an environment before its first release; whatever fails, the rest is told. */
export async function checkEnvironment(
  deps: CheckDeps,
  environment: EnvironmentSettings,
): Promise<EnvironmentCheck> {
  const { git } = environment;
  const [read, gitRead, lane] = await Promise.all([
    deps.lists.read(environment),
    readGit(deps, environment),
    getLane(deps.store.db, laneKey(git.url, git.branch)),
  ]);
  const running = runningIn(environment, read);
  const asked = {
    environment: environment.name,
    notInGit: missingIn(running ?? new Map(), read.facts.declared),
  };
  const found = await askAWorker(deps, asked);
  return assemble({ environment, read, gitRead, lane, running, found });
}

type Running = NonNullable<WorkloadsRead["facts"]["running"]>;

/** Undefined while nobody can tell what does not run. */
function runningIn({ namespaces }: EnvironmentSettings, { facts }: WorkloadsRead): Running | undefined {
  if (facts.running === undefined || !facts.complete) return undefined;
  return new Map(
    [...facts.running].filter(([id]) => isNamespaceSeen(namespaces, parseWorkloadId(id).namespace)),
  );
}

interface Parts {
  readonly environment: EnvironmentSettings;
  readonly read: WorkloadsRead;
  readonly gitRead: GitRead;
  readonly lane: LaneRow | undefined;
  readonly running: Running | undefined;
  readonly found: CheckEnvironmentResponse;
}

function assemble(parts: Parts): EnvironmentCheck {
  const { environment, read, gitRead, running, found } = parts;
  const { declared } = read.facts;
  const sides = { git: gitSide(parts), cluster: clusterSide(parts) };
  const outside = new Map(found.outside.map(({ workload, path }) => [workload, path]));
  const namespaces = found.cluster?.namespaces && new Set(found.cluster.namespaces.names);
  const broken = gitRead.faults.length;
  const match =
    running === undefined
      ? null
      : matchWorkloads({ environment, running, declared, namespaces, outside, broken });
  const { writers, lookedThrough } = found;
  const warnings = warningsOf({
    check: sides,
    declared,
    running,
    nodes: read.facts.nodes.told,
    writers,
    lookedThrough,
    faults: gitRead.faults,
  });
  const registries = [...checkRegistries(repositoriesOf(read.facts), read.images.states)];
  const ok = isReady(sides);
  const next = nextStep({ environment, ok, workloads: read.workloads, registries });
  const { name, mode } = environment;
  return { environment: name, mode, ok, ...sides, match, registries, warnings, next };
}

function gitSide({ environment, found, lane }: Parts): EnvironmentCheck["git"] {
  const { url, branch, paths } = environment.git;
  const { tip = "", files = 0 } = found.git ?? {};
  return {
    url,
    branch,
    paths: [...paths],
    read: toTrial(found.git?.read),
    tip: tip === "" ? null : tip,
    files,
    push: toTrial(found.git?.push),
    pushNeeded: environment.mode !== "observe",
    level: lane?.level ?? null,
  };
}

function clusterSide({ found, read }: Parts): EnvironmentCheck["cluster"] {
  const { version = "", rights = [] } = found.cluster ?? {};
  return {
    reach: toTrial(found.cluster?.reach),
    version: version === "" ? null : version,
    view: viewTrial(read.age),
    rights: rights.map(toRight),
  };
}

function isReady({ git, cluster }: Pick<EnvironmentCheck, "git" | "cluster">): boolean {
  return (
    git.read.ok &&
    (git.push.ok || !git.pushNeeded) &&
    cluster.reach.ok &&
    cluster.view.ok &&
    cluster.rights.every((right) => right.allowed || !right.required)
  );
}
