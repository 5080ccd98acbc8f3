import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { HeldLease } from "#common/store/leases.ts";
import type { WorkerDeps } from "../deps.ts";

/** One decision over an environment, by the worker that holds its lease. */
export interface DecisionTurn {
  readonly deps: WorkerDeps;
  readonly environment: EnvironmentSettings;
  readonly lease: HeldLease;
}
