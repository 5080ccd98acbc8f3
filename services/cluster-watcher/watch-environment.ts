import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import { createInformer, type Informer } from "#common/kit/kube-informer.ts";
import { createReadyzProbe, type ReadyzProbe } from "#common/kit/kube-probe.ts";
import type { KubeApi } from "#common/kit/kube-types.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Log } from "#common/kit/log.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";
import { createLiveWorkloads, type LiveWorkloads } from "./live-workloads.ts";
import { projectPod } from "./project-pod.ts";
import { projectWorkload } from "./project-workload.ts";

/** What is watched in this version; more kinds come with their own line. */
const watchedKinds = [
  { kind: "deployment", path: "/apis/apps/v1/deployments" },
  { kind: "statefulset", path: "/apis/apps/v1/statefulsets" },
  { kind: "daemonset", path: "/apis/apps/v1/daemonsets" },
  { kind: "cronjob", path: "/apis/batch/v1/cronjobs" },
] as const;

const ageTickMs = 250;
const connectPauseMs = 2_000;

/** The live view of one environment's cluster. */
export interface EnvironmentWatch extends Service, Pick<LiveWorkloads, "all" | "get" | "subscribe"> {
  readonly environment: string;
  view(): View;
  /** For questions that the cache cannot answer; throws CLUSTER_UNAVAILABLE while there is no connection. */
  api(): KubeApi;
}

export interface WatchDeps {
  readonly environment: EnvironmentSettings;
  readonly connect: () => Promise<KubeApi>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Connection {
  readonly api: KubeApi;
  readonly informers: readonly Informer<unknown>[];
  readonly probe: ReadyzProbe;
}

interface State {
  connection: Connection | undefined;
  connectError: unknown;
  /** When the API server last answered a probe while every watch was open. */
  goodAtMs: number;
}

/** Starts at once and keeps trying: a cluster that is away makes the view stale, not the process fail. */
export function watchEnvironment(deps: WatchDeps): EnvironmentWatch {
  const live = createLiveWorkloads();
  const stopping = new AbortController();
  const state: State = { connection: undefined, connectError: undefined, goodAtMs: -Infinity };
  let loops: Promise<unknown> | undefined;
  return {
    ...live,
    name: `watch-${deps.environment.name}`,
    environment: deps.environment.name,
    view: () => viewOf(state, deps.clock),
    api: () => mustConnect(state),
    async start() {
      loops = Promise.all([
        keepAge(state, deps.clock, stopping.signal),
        keepConnecting(state, { ...deps, live }, stopping.signal),
      ]);
    },
    async stop() {
      stopping.abort();
      await loops;
      await state.connection?.probe.stop();
      await Promise.all((state.connection?.informers ?? []).map((informer) => informer.stop()));
      await state.connection?.api.close();
    },
  };
}

function mustConnect({ connection, connectError }: State): KubeApi {
  if (connection !== undefined) return connection.api;
  throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: problemOf(connection, connectError) });
}

async function keepConnecting(
  state: State,
  deps: WatchDeps & { live: LiveWorkloads },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && state.connection === undefined) {
    try {
      state.connection = openWatches(deps, await deps.connect());
      state.connectError = undefined;
    } catch (error) {
      state.connectError = error;
      deps.log.warn("the cluster cannot be watched", { error, environment: deps.environment.name });
      await deps.clock.sleep(connectPauseMs, signal).catch(() => undefined); // aborted: the loop's head ends it
    }
  }
}

function openWatches(
  { environment, log, live }: WatchDeps & { live: LiveWorkloads },
  api: KubeApi,
): Connection {
  const onError = (error: unknown): void =>
    log.debug("a watch was cut", { error, environment: environment.name });
  const kinds = watchedKinds.map(({ kind, path }) => {
    const informer = createInformer({
      api,
      path,
      onError,
      project: (object) => projectWorkload(kind, object),
    });
    informer.subscribe((change) => live.onWorkload(kind, change));
    return informer;
  });
  const pods = createInformer({ api, path: "/api/v1/pods", onError, project: projectPod });
  pods.subscribe((change) => live.onPod(change));
  const informers: Informer<unknown>[] = [...kinds, pods];
  const probe = createReadyzProbe({ api });
  // An API server that drained keeps its watches silent and open for a minute.
  probe.onRecovered(() => informers.forEach((informer) => informer.reconnect()));
  informers.forEach((informer) => informer.start());
  probe.start();
  return { api, informers, probe };
}

async function keepAge(state: State, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { connection } = state;
    const open = connection?.informers.every((informer) => informer.state().watchOpen) ?? false;
    if (connection !== undefined && open) {
      state.goodAtMs = Math.max(state.goodAtMs, clock.monotonicMs() - connection.probe.ageMs());
    }
    await clock.sleep(ageTickMs, signal).catch(() => undefined); // aborted: the loop's head ends it
  }
}

function viewOf({ connection, connectError, goodAtMs }: State, clock: Clock): View {
  const ageMs = Math.min(Number.MAX_SAFE_INTEGER, Math.round(clock.monotonicMs() - goodAtMs));
  const informers = connection?.informers ?? [];
  return {
    ageMs: BigInt(ageMs),
    complete: connection !== undefined && informers.every((informer) => informer.state().synced),
    problem: problemOf(connection, connectError),
  };
}

function problemOf(connection: Connection | undefined, connectError: unknown): string {
  if (connection === undefined)
    return connectError === undefined ? "not connected yet" : textOf(connectError);
  const closed = connection.informers.find((informer) => !informer.state().watchOpen);
  const error = connection.probe.lastError() ?? closed?.state().lastError ?? undefined;
  if (error !== undefined) return textOf(error);
  if (closed !== undefined) return "a watch is being opened";
  return connection.probe.ageMs() === Infinity ? "the API server has not answered a probe yet" : "";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
