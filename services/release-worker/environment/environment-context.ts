import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { HeldLease } from "#common/store/leases.ts";
import type { WorkerDeps } from "../deps.ts";
import type { ClusterView } from "./cluster-view.ts";

/** One turn on an environment by the worker that holds its lease. */
export interface EnvironmentContext {
  readonly deps: WorkerDeps;
  readonly environment: EnvironmentSettings;
  readonly lease: HeldLease;
  readonly view: ClusterView;
  /** Rollout time per job that is not yet in its row: it is written at most once a second. */
  readonly untoldMs: Map<string, number>;
  /** Per job the lane's tip that is known to hold its commit. */
  readonly seenTips: Map<string, string>;
}
