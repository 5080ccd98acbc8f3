import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { ChosenContainers } from "#common/domain/plan-only.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { policyPrefixes } from "#common/domain/policy.ts";
import type { JobSpec } from "#common/store/schema.ts";
import type {
  ChosenContainers as WireContainers,
  PlanRequest,
  PlanResponse,
  PolicySpec,
  ReleaseServiceImplementation,
} from "#proto/slipway/release/v1/release.ts";
import { checkEnvironment } from "./check/check-environment.ts";
import { actsIn, type WorkerDeps } from "./deps.ts";
import { dryRunTargets } from "./environment/dry-run.ts";
import { readSshIdentity } from "./git/ssh-identity.ts";
import { unifiedDiff } from "./planning/diff.ts";
import { planJob } from "./planning/plan-job.ts";
import { createFactSources } from "./planning/batch-sources.ts";

/** gRPC `ReleaseService`: what releases do, without doing it. */
export function createReleaseService(deps: WorkerDeps): ReleaseServiceImplementation {
  return {
    plan: (request) => plan(deps, request),
    checkEnvironment: async (request) =>
      checkEnvironment(deps, environmentOf(deps, request.environment), request),
    async getIdentity({ environment }) {
      const { sshKeyFile } = environmentOf(deps, environment).git;
      return sshKeyFile === undefined ? {} : readSshIdentity(sshKeyFile);
    },
  };
}

function environmentOf(
  deps: Pick<WorkerDeps, "settings" | "environments">,
  name: string,
): EnvironmentSettings {
  const environment = deps.settings.environments.find((candidate) => candidate.name === name);
  if (environment !== undefined && actsIn(deps).includes(environment)) return environment;
  // Another worker acts there: whoever asks may try the next one.
  if (environment !== undefined) {
    throw new SlipwayError("UNAVAILABLE", { detail: `this worker does not act in "${name}"` });
  }
  throw new SlipwayError("ENVIRONMENT_NOT_FOUND", { detail: `"${name}"` });
}

/** The planner that releases use, on the branch's tip as the host shows it now; writes nothing. */
async function plan(deps: WorkerDeps, request: PlanRequest): Promise<PlanResponse> {
  const environment = environmentOf(deps, request.environment);
  const spec = request.policies === undefined ? toSpec(request) : toPolicySpec(request.policies);
  const git = deps.gitOf(environment);
  const base = await git.fetchTip();
  const view = await deps.tipsOf(environment).read(base, environment);
  const sources = createFactSources(deps);
  const planned = await planJob({ sources, log: deps.log }, view, { spec, resolved: null });
  await dryRunTargets(deps, { view: view.withTexts(planned.texts), plan: planned });
  const diffs = await Promise.all(
    [...planned.texts].map(async ([path, text]) =>
      unifiedDiff({ path, before: await view.readText(path), after: text }),
    ),
  );
  return {
    base,
    headline: planned.headline,
    hash: planned.hash,
    diffs,
    results: planned.results.map((result) => ({
      ...result,
      to: result.to ?? "",
      reason: result.reason ?? "",
      detail: result.detail ?? "",
      file: result.file ?? "",
      policy: result.policy ?? "",
    })),
  };
}

function toSpec(request: PlanRequest): Extract<JobSpec, { kind: "release" }> {
  const { spec } = request;
  if (spec?.images === undefined) {
    throw new SlipwayError("INVALID_REQUEST", { detail: "the plan names no images" });
  }
  return {
    kind: "release",
    workloads: spec.workloads,
    all: spec.all,
    exclude: spec.exclude,
    images: spec.images.$case === "exact" ? { exact: spec.images.value.refs } : { select: spec.images.$case },
    override: spec.override,
    ...(spec.only !== undefined && { only: toOnly(spec.only) }),
  };
}

function toPolicySpec({ orders, prefix, unfiltered }: PolicySpec): Extract<JobSpec, { kind: "policy" }> {
  return {
    kind: "policy",
    orders: orders.map(({ workload, set, remove }) => ({
      workload,
      set: { ...set, ...Object.fromEntries(remove.map((key) => [key, null])) },
    })),
    prefix: policyPrefixes.find((known) => known === prefix) ?? null,
    unfiltered,
    override: [],
  };
}

function toOnly({ containers, skipChanged }: WireContainers): ChosenContainers {
  return {
    skipChanged,
    containers: containers.map(({ workload, container, image, from }) => ({
      workload,
      container,
      image,
      ...(from !== "" && { from }),
    })),
  };
}
