import type { Plan } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import type { PolicyPrefix } from "#common/domain/policy.ts";
import { expandOrder, orderFault, policyHeadline, withLockWords } from "#common/domain/policy-orders.ts";
import type { PolicyOrder } from "#common/domain/policy-orders.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import type { JobRow, JobSpec } from "#common/store/schema.ts";

import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveSeen } from "../environments.ts";
import { withRules } from "../read-model/policies.ts";
import { acceptOrReplay } from "./accept.ts";
import type { Asker } from "./asker.ts";
import { chooseWorkloads } from "./choose-workloads.ts";
import type { ChooseDeps } from "./choose-workloads.ts";
import { planPolicies } from "./plan-release.ts";

/** A change of policies as it is asked for. */
export interface PolicyAsked {
  readonly environment?: string | undefined;
  readonly changes: readonly PolicyOrder[];
  readonly message?: string | undefined;
  readonly prefix?: PolicyPrefix | undefined;
  /** Automates without a filter, as fluxctl does. */
  readonly unfiltered?: boolean;
}

type PolicySpec = Extract<JobSpec, { kind: "policy" }>;

/** Takes a change of policies in as a job: several workloads and keys become one commit. */
export async function submitPolicy(deps: ApiDeps, asker: Asker, asked: PolicyAsked): Promise<JobRow> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, asked.environment, sees);
  refuseObserved(environment);
  const { changes, message, prefix, unfiltered = false } = asked;
  refuseBadOrders(changes);
  return acceptOrReplay(deps, asker, {
    body: {
      environment: environment.name,
      changes,
      message: message ?? null,
      prefix: prefix ?? null,
      unfiltered,
    },
    draft: async () => {
      const spec = await toSpec({ ...deps, sees }, environment, { asked, user: asker.principal.name });
      return { environment, spec, headline: policyHeadline(spec.orders), message };
    },
  });
}

/** What the change would write; nothing is stored, so observed environments allow it too. */
export async function tryPolicy(deps: ApiDeps, asker: Asker, asked: PolicyAsked): Promise<Plan> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, asked.environment, sees);
  refuseBadOrders(asked.changes);
  const spec = await toSpec({ ...deps, sees }, environment, { asked, user: asker.principal.name });
  const workloads = spec.orders.map((order) => order.workload);
  refuseBeyond(asker, { environment: environment.name, workloads });
  return planPolicies(deps.workers, { environment: environment.name, spec });
}

function refuseBadOrders(orders: readonly PolicyOrder[]): void {
  for (const { workload, set } of orders) {
    const fault = orderFault(set);
    if (fault !== undefined) throw new SlipwayError("POLICY_INVALID", { detail: `${workload}: ${fault}` });
  }
}

async function toSpec(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  { asked, user }: { readonly asked: PolicyAsked; readonly user: string },
): Promise<PolicySpec> {
  const { changes, message, prefix, unfiltered = false } = asked;
  const ids = await chooseWorkloads(
    deps,
    environment,
    changes.map(({ workload }) => workload),
  );
  if (ids.length < changes.length) {
    throw new SlipwayError("POLICY_INVALID", {
      detail: "a workload is named twice",
      hint: "put its keys together",
    });
  }
  const orders = changes.map(({ set }, at) => ({
    workload: ids[at] ?? "",
    set: withLockWords(set, { user, message }),
  }));
  await refuseUnmeant(deps, environment, { orders, unfiltered });
  return { kind: "policy", orders, prefix: prefix ?? null, unfiltered, override: [] };
}

/** By the index, so that people hear at once what the job would fail with; the tip has the last word. */
async function refuseUnmeant(
  { store }: Pick<ChooseDeps, "store">,
  environment: EnvironmentSettings,
  { orders, unfiltered }: Pick<PolicySpec, "orders" | "unfiltered">,
): Promise<void> {
  const workloads = orders.map(({ workload }) => workload);
  const rows = await declaredWorkloads(store.db, environment.name, { workloads });
  const known = new Map(rows.map((row) => [row.workload, withRules(row, environment.policies ?? [])]));
  for (const { workload, set } of orders) {
    const row = known.get(workload);
    const expanded = row === undefined ? undefined : expandOrder(set, row, { unfiltered });
    if (expanded?.ok !== false) continue;
    throw new SlipwayError("POLICY_INVALID", { detail: `${shortName(workload)}: ${expanded.fault}` });
  }
}
