import type { Plan } from "#common/contracts/http.ts";
import type { PolicyOrder } from "#common/domain/policy-orders.ts";
import type { JobSpec } from "#common/store/schema.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

import { askWorker } from "../ask-worker.ts";
import { toPlan } from "../read-model/plan.ts";
import { toWireSpec } from "./release-spec.ts";
import type { ReleaseSpec } from "./release-spec.ts";

type PolicySpec = Extract<JobSpec, { kind: "policy" }>;

/** A plan clones and reads the registry where nobody did before. */
export const planDeadlineMs = 30_000;

/** Asks a worker what the release would change. */
export async function planRelease(
  workers: readonly ReleaseServiceClient[],
  asked: { environment: string; spec: ReleaseSpec },
): Promise<Plan> {
  const request = { environment: asked.environment, spec: toWireSpec(asked.spec) };
  return toPlan(asked.environment, await askWorker(workers, (worker) => worker.plan(request)));
}

/** Asks a worker what a change of policies would write. */
export async function planPolicies(
  workers: readonly ReleaseServiceClient[],
  asked: { environment: string; spec: PolicySpec },
): Promise<Plan> {
  const { orders, prefix, unfiltered } = asked.spec;
  const policies = { orders: orders.map(toWireOrder), prefix: prefix ?? "", unfiltered };
  const request = { environment: asked.environment, policies };
  return toPlan(asked.environment, await askWorker(workers, (worker) => worker.plan(request)));
}

/** The wire has no null: what is taken away is named apart. */
function toWireOrder({ workload, set }: PolicyOrder) {
  const entries = Object.entries(set);
  return {
    workload,
    set: Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]]))),
    remove: entries.flatMap(([key, value]) => (value === null ? [key] : [])),
  };
}
