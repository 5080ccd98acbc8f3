import { formatWorkloadId } from "#common/domain/workload.ts";
import type { Log } from "#common/kit/log.ts";
import type { ClusterServiceClient, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** A view of the cluster is fresh up to this age (CORRECTNESS 23). */
const freshMs = 10_000;
const reconnectPauseMs = 500;

/** The watcher's stream as a map that is always the newest we know, with its age. */
export interface ClusterView {
  get(workload: string): Workload | undefined;
  /** True when what is told is at most 10 s old, as told within the last 10 s. */
  isFresh(): boolean;
  /** True when what is not told is not there: a kind that may not be watched says nothing of its own. */
  isWhole(): boolean;
  problem(): string;
  /** On our own clock, when the API server was last known to be in sight; stands still while it is away. */
  seenAtMs(): number;
  /** Resolves at the next change or news of freshness. */
  changed(): Promise<void>;
  stop(): void;
}

export interface ClusterViewDeps {
  readonly cluster: ClusterServiceClient;
  readonly environment: string;
  readonly log: Log;
  /** Takes the secrets that this process knows out of what pods and API servers wrote. */
  readonly redact: (text: string) => string;
  readonly monotonicMs: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export function watchCluster(deps: ClusterViewDeps): ClusterView {
  const abort = new AbortController();
  const state: ViewState = {
    workloads: new Map(),
    heardAtMs: -Infinity,
    ageMs: 0,
    complete: false,
    problem: "",
  };
  let wake = Promise.withResolvers<void>();
  const changed = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  void follow({ ...deps, state, changed, signal: abort.signal });
  return {
    get: (workload) => state.workloads.get(workload),
    isWhole: () => state.complete,
    isFresh: () => state.ageMs + (deps.monotonicMs() - state.heardAtMs) <= freshMs,
    problem: () => state.problem,
    seenAtMs: () => state.heardAtMs - state.ageMs,
    changed: () => wake.promise,
    stop: () => abort.abort(),
  };
}

interface ViewState {
  workloads: Map<string, Workload>;
  heardAtMs: number;
  ageMs: number;
  complete: boolean;
  problem: string;
}

interface Following extends ClusterViewDeps {
  readonly state: ViewState;
  readonly changed: () => void;
  readonly signal: AbortSignal;
}

/** Reconnects until stopped; each connection begins with a whole snapshot, so nothing is missed. */
async function follow(f: Following): Promise<void> {
  while (!f.signal.aborted) {
    try {
      await followOnce(f);
    } catch (error) {
      if (f.signal.aborted) return;
      f.state.problem = error instanceof Error ? error.message : String(error);
      f.log.warn("the stream of the cluster's changes broke", { error, environment: f.environment });
      f.changed();
    }
    await f.sleep(reconnectPauseMs, f.signal).catch(() => undefined); // aborted: the loop's head ends it
  }
}

async function followOnce(f: Following): Promise<void> {
  const snapshot = new Map<string, Workload>();
  let whole = false;
  const stream = f.cluster.watchWorkloads(
    { environment: f.environment, namespace: "" },
    { signal: f.signal },
  );
  for await (const { event } of stream) {
    const target = whole ? f.state.workloads : snapshot;
    if (event?.$case === "upserted")
      target.set(formatWorkloadId(event.value), withoutSecrets(event.value, f.redact));
    if (event?.$case === "deleted") target.delete(formatWorkloadId(event.value));
    if (event?.$case === "view") {
      if (!whole) f.state.workloads = snapshot;
      whole = true;
      f.state.heardAtMs = f.monotonicMs();
      f.state.ageMs = Number(event.value.ageMs);
      f.state.complete = event.value.complete;
      f.state.problem = f.redact(event.value.problem);
    }
    if (whole) f.changed();
  }
}

/** Most workloads have nothing to say. */
function withoutSecrets(workload: Workload, redact: (text: string) => string): Workload {
  const { rollout } = workload;
  if (rollout === undefined || rollout.message === "") return workload;
  return { ...workload, rollout: { ...rollout, message: redact(rollout.message) } };
}
