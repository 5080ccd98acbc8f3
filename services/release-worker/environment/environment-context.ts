import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { HeldLease } from "#common/store/leases.ts";
import type { WorkerDeps } from "../deps.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { HandOffDesk } from "./hand-off-desk.ts";
import type { Patience } from "./patience.ts";

/** One turn on an environment by the worker that holds its lease. */
export interface EnvironmentContext {
  readonly deps: WorkerDeps;
  readonly environment: EnvironmentSettings;
  readonly lease: HeldLease;
  readonly view: ClusterView;
  /** Per job what is not yet in its row, and when it was last written: at most once a second. */
  readonly clocks: Map<string, RolloutClock>;
  /** Per job the lane's tip that is known to hold its commit. */
  readonly seenTips: Map<string, string>;
  /** What is known of the owners of handed-off workloads. */
  readonly handOffs: HandOffDesk;
}

export interface RolloutClock {
  /** Rollout time that is not in the row yet. */
  untoldMs: number;
  toldAtMs: number;
  /** Up to when the rollout was seen and its time counted, on our own clock. */
  countedToMs: number;
  /** What was last seen wrong, by workload. */
  readonly troubles: Map<string, string>;
  /** How long each workload's rollout has gained nothing, or has been healthy. */
  readonly patience: Map<string, Patience>;
  /** At which rollout time the API server was asked why, by workload. */
  readonly asked: Map<string, number>;
}
