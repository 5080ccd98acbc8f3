import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isNamespaceSeen, namedNamespaces } from "#common/domain/namespace-rules.ts";
import type { Clock } from "#common/kit/clock.ts";
import { createReadyzProbe, type ReadyzProbe } from "#common/kit/kube-probe.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Log } from "#common/kit/log.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";
import { exportWorkloads } from "./export-workloads.ts";
import { createLiveWorkloads, type LiveWorkloads } from "./live-workloads.ts";
import { createWatchCollections, type WatchCollections } from "./watch-collections.ts";
import { viewOf, type ViewScope } from "./watch-view.ts";
import { watchedKinds } from "./watched-kinds.ts";

const tickMs = 250;
const connectPauseMs = 2_000;
/** Definitions of kinds come and go; an answer without news costs no body. */
const discoverEveryMs = 30_000;
/** After a watch was told that its kind is not served. */
const discoverSoonMs = 5_000;

/** The live view of one environment's cluster. */
export interface EnvironmentWatch extends Service, Pick<LiveWorkloads, "all" | "get" | "subscribe"> {
  readonly environment: string;
  /** Of everything, or of the part that an answer is about. */
  view(scope?: ViewScope): View;
  /** Whether the environment's settings let this namespace be seen. */
  sees(namespace: string): boolean;
  /** For questions that the cache cannot answer; throws CLUSTER_UNAVAILABLE while there is no connection. */
  api(): KubeApi;
  /** The workloads' own objects, read now; throws CLUSTER_UNAVAILABLE. */
  objects(signal: AbortSignal): AsyncIterable<KubeObject>;
}

export interface WatchDeps {
  readonly environment: EnvironmentSettings;
  readonly connect: () => Promise<KubeApi>;
  readonly clock: Clock;
  readonly log: Log;
  readonly discoverEveryMs?: number;
  readonly refusedGraceMs?: number;
}

interface Connection {
  readonly api: KubeApi;
  readonly collections: WatchCollections;
  readonly probe: ReadyzProbe;
}

interface State {
  connection: Connection | undefined;
  connectError: unknown;
  /** Undefined when it is known which kinds the cluster has. */
  discoveryError: unknown;
}

type Parts = WatchDeps & {
  readonly live: LiveWorkloads;
  readonly state: State;
  readonly signal: AbortSignal;
};

/** Starts at once and keeps trying: a cluster that is away makes the view stale, not the process fail. */
export function watchEnvironment(deps: WatchDeps): EnvironmentWatch {
  const { environment } = deps;
  const live = createLiveWorkloads();
  const stopping = new AbortController();
  const state: State = {
    connection: undefined,
    connectError: undefined,
    discoveryError: new Error("the kinds of the cluster are being read"),
  };
  let loops: Promise<unknown> | undefined;
  return {
    ...live,
    name: `watch-${environment.name}`,
    environment: environment.name,
    sees: (namespace) => isNamespaceSeen(environment.namespaces, namespace),
    view: (scope = {}) => viewNow(deps, state, scope),
    api: () => mustConnect(state),
    objects: (signal) => exportWorkloads({ ...scopeOf(environment), api: mustConnect(state), signal }),
    async start() {
      loops = keepWatching({ ...deps, live, state, signal: stopping.signal });
    },
    async stop() {
      stopping.abort();
      await loops;
      await state.connection?.probe.stop();
      await state.connection?.collections.stop();
      await state.connection?.api.close();
    },
  };
}

function viewNow({ environment, clock }: WatchDeps, state: State, scope: ViewScope): View {
  const { namespace = "" } = scope;
  const view = viewOf(factsOf(state), scope, clock.monotonicMs());
  if (namespace === "" || isNamespaceSeen(environment.namespaces, namespace)) return view;
  const problem = `namespace "${namespace}" is outside of what environment "${environment.name}" may see`;
  return { ...view, complete: false, problem };
}

function factsOf({ connection, connectError, discoveryError }: State): Parameters<typeof viewOf>[0] {
  const none = { collections: [], unknownKinds: "", probeError: undefined, probed: false };
  if (connection === undefined)
    return { ...none, unconnected: connectError === undefined ? "not connected yet" : textOf(connectError) };
  const { probe, collections } = connection;
  return {
    collections: collections.facts(),
    unknownKinds: discoveryError === undefined ? "" : textOf(discoveryError),
    probeError: probe.lastError(),
    probed: probe.ageMs() !== Infinity,
  };
}

function mustConnect({ connection, connectError }: State): KubeApi {
  if (connection !== undefined) return connection.api;
  const detail = connectError === undefined ? "not connected yet" : textOf(connectError);
  throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail });
}

async function keepWatching(parts: Parts): Promise<void> {
  const connection = await keepConnecting(parts);
  if (connection === undefined) return;
  await Promise.all([keepAge(parts, connection), keepDiscovering(parts, connection)]);
}

async function keepConnecting(parts: Parts): Promise<Connection | undefined> {
  const { state, signal, environment } = parts;
  while (!signal.aborted) {
    try {
      state.connection = openConnection(parts, await parts.connect());
      state.connectError = undefined;
      return state.connection;
    } catch (error) {
      state.connectError = error;
      parts.log.warn("the cluster cannot be watched", { error, environment: environment.name });
      await pause(parts, connectPauseMs);
    }
  }
  return undefined;
}

/** What of the cluster the environment has to do with. */
function scopeOf(environment: EnvironmentSettings) {
  return {
    kinds: watchedKinds(environment),
    namespaces: namedNamespaces(environment.namespaces),
    isSeen: (namespace: string) => isNamespaceSeen(environment.namespaces, namespace),
  };
}

function openConnection(parts: Parts, api: KubeApi): Connection {
  const { environment } = parts;
  const collections = createWatchCollections({
    ...parts,
    ...scopeOf(environment),
    api,
  });
  const probe = createReadyzProbe({ api, clock: parts.clock });
  // An API server that drained keeps its watches silent and open for a minute.
  probe.onRecovered(() => collections.reconnect());
  probe.start();
  return { api, collections, probe };
}

async function keepAge(parts: Parts, { collections, probe }: Connection): Promise<void> {
  while (!parts.signal.aborted) {
    collections.note({ ageMs: probe.ageMs(), failing: probe.lastError() !== undefined });
    await pause(parts, tickMs);
  }
}

async function keepDiscovering(parts: Parts, { api, collections }: Connection): Promise<void> {
  const { state, clock, signal } = parts;
  while (!signal.aborted) {
    const askedAtMs = clock.monotonicMs();
    try {
      const discovery = await api.discover({ fresh: true });
      if (signal.aborted) return;
      await collections.adjust(discovery);
      state.discoveryError = undefined;
    } catch (error) {
      // What is watched goes on; which kinds there are was known before, or is not known yet.
      parts.log.debug("the kinds of the cluster cannot be read", { error });
      if (state.discoveryError !== undefined) state.discoveryError = error;
    }
    const everyMs =
      state.discoveryError === undefined ? (parts.discoverEveryMs ?? discoverEveryMs) : connectPauseMs;
    const isDue = (): boolean => {
      const passedMs = clock.monotonicMs() - askedAtMs;
      return passedMs >= everyMs || (passedMs >= discoverSoonMs && collections.hasVanished());
    };
    while (!signal.aborted && !isDue()) await pause(parts, tickMs);
  }
}

async function pause({ clock, signal }: Parts, ms: number): Promise<void> {
  await clock.sleep(ms, signal).catch(() => undefined); // aborted: the loop's head ends it
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
