import { toSlipwayError } from "#common/domain/errors.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";
import { pauseMs } from "#common/kit/retry.ts";
import type {
  ClusterServiceClient,
  View,
  WatchWorkloadsResponse,
} from "#proto/slipway/cluster/v1/cluster.ts";
import type { Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

/** What an environment's cluster runs, as last heard. */
export interface HeardCluster {
  /** Changes in place; `version` tells when. */
  readonly workloads: ReadonlyMap<string, Running>;
  /** Another number after every change of `workloads`. */
  readonly version: number;
  /** With the time added that passed since the watcher told it. */
  readonly view: View;
}

/** The watcher's streams, one per environment, kept in memory: no list is fetched for a request. */
export interface ClusterViews {
  /** Undefined until a first whole snapshot was heard. */
  heard(environment: string): HeardCluster | undefined;
  stop(): Promise<void>;
}

export interface ClusterViewsDeps {
  readonly cluster: Pick<ClusterServiceClient, "watchWorkloads">;
  readonly environments: readonly { readonly name: string }[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Follows every environment until stopped; while the watcher is away the last word stays, and grows old. */
export function followClusters(deps: ClusterViewsDeps): ClusterViews {
  const stopping = new AbortController();
  const states = new Map(deps.environments.map(({ name }) => [name, emptyState()]));
  const loops = [...states].map(([environment, state]) =>
    follow({ ...deps, environment, state, signal: stopping.signal }),
  );
  return {
    heard(environment) {
      const state = states.get(environment);
      return state === undefined ? undefined : toHeard(state, deps.clock.monotonicMs());
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

interface State {
  workloads: Map<string, Running>;
  version: number;
  view: View | undefined;
  heardAtMs: number;
  /** Why the stream is not open; empty while it is. */
  broken: string;
}

function emptyState(): State {
  return { workloads: new Map(), version: 0, view: undefined, heardAtMs: 0, broken: "" };
}

function toHeard({ workloads, version, view, heardAtMs, broken }: State, nowMs: number) {
  if (view === undefined) return undefined;
  const ageMs = view.ageMs + BigInt(Math.max(0, Math.round(nowMs - heardAtMs)));
  const problem = broken === "" ? view.problem : `the cluster watcher: ${broken}`;
  return { workloads, version, view: { ...view, ageMs, problem } };
}

interface Following extends ClusterViewsDeps {
  readonly environment: string;
  readonly state: State;
  readonly signal: AbortSignal;
}

const pauses = { baseMs: 200, maxMs: 2_000 };
/** The watcher tells its view every second: a stream this silent is a dead connection. */
const silenceMs = 10_000;

async function follow(f: Following): Promise<void> {
  for (let failures = 1; !f.signal.aborted; failures += 1) {
    try {
      await followOnce(f, () => {
        failures = 0;
      });
      f.state.broken = "its stream ended";
    } catch (error) {
      if (f.signal.aborted) return;
      f.state.broken = toSlipwayError(error).message;
      f.log.debug("the stream of the cluster's changes broke", { error, environment: f.environment });
    }
    await f.clock.sleep(pauseMs(failures, pauses), f.signal).catch(() => undefined); // aborted: the loop's head ends it
  }
}

/** One connection: a whole snapshot first, then every change. */
async function followOnce({ cluster, environment, state, clock, signal }: Following, onWhole: () => void) {
  const silence = createSilence();
  const ending = AbortSignal.any([signal, silence.signal]);
  const snapshot = new Map<string, Running>();
  let whole = false;
  try {
    for await (const { event } of cluster.watchWorkloads(
      { environment, namespace: "" },
      { signal: ending },
    )) {
      silence.heard();
      if (event?.$case === "view") {
        if (!whole) {
          Object.assign(state, { workloads: snapshot, version: state.version + 1, broken: "" });
          onWhole();
        }
        whole = true;
        Object.assign(state, { view: event.value, heardAtMs: clock.monotonicMs() });
      } else if (change(whole ? state.workloads : snapshot, event) && whole) state.version += 1;
    }
  } finally {
    silence.end();
  }
}

function change(workloads: Map<string, Running>, event: WatchWorkloadsResponse["event"]): boolean {
  if (event?.$case === "upserted") workloads.set(formatWorkloadId(event.value), event.value);
  else if (event?.$case === "deleted") workloads.delete(formatWorkloadId(event.value));
  else return false;
  return true;
}

function createSilence() {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), silenceMs);
  timer.unref();
  return { signal: controller.signal, heard: () => timer.refresh(), end: () => clearTimeout(timer) };
}
