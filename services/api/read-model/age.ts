import type { Environment, WorkloadPage } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";

export type Age = WorkloadPage["age"];

/** The cluster's view as an answer came with it, or why there was no answer. */
export type ViewFacts =
  | { readonly view: View; readonly problem?: undefined }
  | { readonly view: undefined; readonly problem: string };

export interface GitFacts {
  readonly commit: string | null;
  /** When the git host last showed that this is the tip. */
  readonly checkedAt: Date | null;
  readonly problem: JobErrorRow | null;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}

/** How old the facts of an answer are, and why they are not fresher. */
export function ageOf(cluster: ViewFacts, git: GitFacts, now: Date): Age {
  const { view } = cluster;
  return {
    clusterMs: view === undefined ? null : knownAgeMs(view.ageMs),
    clusterComplete: view?.complete ?? false,
    clusterProblem: view === undefined ? cluster.problem : view.problem === "" ? null : view.problem,
    gitCommit: git.commit,
    gitMs: git.checkedAt === null ? null : Math.max(0, now.getTime() - git.checkedAt.getTime()),
    gitProblem: gitProblem(git),
    imagesMs: null,
  };
}

/** A cluster that was never seen has no age: the watcher tells as much as a number can hold. */
function knownAgeMs(ageMs: bigint): number | null {
  return ageMs >= BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(ageMs);
}

function gitProblem({ commit, problem, faults }: GitFacts): string | null {
  if (problem !== null) {
    return problem.detail === null ? problem.title : `${problem.title}: ${problem.detail}`;
  }
  if (commit === null) return "the config repository has not been read yet";
  const [first] = faults;
  if (first === undefined) return null;
  return `${faults.length} file(s) cannot be read, the first is ${first.path}: ${first.message}`;
}

/** For who sees a part: how old it is, and that something is wrong, but not which files or namespaces. */
export function partialAge(age: Age): Age {
  const { clusterProblem, gitProblem, ...rest } = age;
  return {
    ...rest,
    clusterProblem: clusterProblem === null ? null : "the view of the cluster is not whole",
    gitProblem: gitProblem === null ? null : "the config repository is not read as a whole",
  };
}

/** An environment as clients see it. */
export function toEnvironment(
  settings: EnvironmentSettings,
  facts: Pick<Environment, "age" | "freezes" | "windows">,
): Environment {
  const { url, branch, paths } = settings.git;
  return { name: settings.name, mode: settings.mode, git: { url, branch, paths: [...paths] }, ...facts };
}
