import type { EnvironmentSettings, Settings } from "#common/contracts/settings.ts";
import type { SlipwayError } from "#common/domain/errors.ts";
import type { Subject } from "#common/contracts/queue.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import type { Log } from "#common/kit/log.ts";
import type { Tracing } from "#common/kit/tracing.ts";
import type { Store } from "#common/store/store.ts";
import type { ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";
import type { RegistryServiceClient } from "#proto/slipway/registry/v1/registry.ts";
import type { Fault } from "./faults.ts";
import type { TipReader } from "./planning/tip-reader.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { GitCache } from "./git/git-cache.ts";

/** Everything the worker's rooms are given; made once in main.ts. */
export interface WorkerDeps {
  readonly workerId: string;
  readonly settings: Settings;
  /** Those of the settings this process acts in; absent, all of them. */
  readonly environments?: readonly EnvironmentSettings[];
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  readonly cluster: ClusterServiceClient;
  readonly registry: RegistryServiceClient;
  readonly newId: () => string;
  readonly fault: Fault;
  readonly heartbeat: Heartbeat;
  readonly metrics: WorkerMetrics;
  readonly tracing: Pick<Tracing, "begin">;
  gitOf(environment: EnvironmentSettings): GitCache;
  tipsOf(environment: EnvironmentSettings): TipReader;
  kubeOf(environment: EnvironmentSettings): Promise<KubeApi>;
  /** Wakes whoever should look; never throws. */
  ring(subject: Subject): Promise<void>;
  /** What others wrote (logs, events), without any secret that this process knows. */
  redact(text: string): string;
}

/** The environments whose lanes and clusters this process reaches. */
export function actsIn(deps: Pick<WorkerDeps, "settings" | "environments">): readonly EnvironmentSettings[] {
  return deps.environments ?? deps.settings.environments;
}

/** Plans of one job while its branch keeps moving. */
const maxPlans = 8;
/** Looks at an outside world that is away: with pauses of up to 30 s, about half an hour. */
const maxOutageLooks = 64;

/** How often a job may start anew after such an error, before it ends with it. */
export function maxAttemptsAfter(error: SlipwayError | undefined): number {
  return error?.kind === "unavailable" || error?.kind === "timeout" ? maxOutageLooks : maxPlans;
}

/** A pause that doubles from 1 s to 30 s. */
export function retryDelayMs(attempt: number): number {
  return Math.min(1000 * 2 ** Math.max(0, attempt), 30_000);
}
