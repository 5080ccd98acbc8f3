import { SlipwayError } from "#common/domain/errors.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type {
  ClusterServiceImplementation,
  GetWorkloadRequest,
  GetWorkloadResponse,
  WatchWorkloadsRequest,
  WatchWorkloadsResponse,
  Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";
import { explainWorkload } from "./explain-workload.ts";
import { getOwner } from "./get-owner.ts";
import type { WorkloadChange } from "./live-workloads.ts";
import { refuseStrangers, type ReadPullSecrets } from "./pull-secrets.ts";
import type { EnvironmentWatch } from "./watch-environment.ts";

const viewEveryMs = 1_000;
/** A reader this far behind is cut: it reconnects and gets a whole snapshot. */
const maxBacklog = 10_000;

/** gRPC `ClusterService` over the live views, by environment. */
export function createClusterService(
  watches: readonly EnvironmentWatch[],
  o: { readonly readPullSecrets?: ReadPullSecrets; readonly mutualTls?: boolean } = {},
): ClusterServiceImplementation {
  const watchOf = (environment: string): EnvironmentWatch => {
    const watch = watches.find((candidate) => candidate.environment === environment);
    if (watch !== undefined) return watch;
    throw new SlipwayError("ENVIRONMENT_NOT_FOUND", { detail: `"${environment}" is not watched here` });
  };
  return {
    async listWorkloads({ environment, namespace }) {
      const watch = watchOf(environment);
      return { workloads: watch.all().filter(inNamespace(namespace)), view: watch.view({ namespace }) };
    },
    getWorkload: async (asked) => getWorkload(seeing(watchOf(asked.environment), asked.namespace), asked),
    explainWorkload: async (asked) => ({
      troubles: await explainWorkload(seeing(watchOf(asked.environment), asked.namespace).api(), asked),
    }),
    getOwner: async (asked) =>
      getOwner(seeing(watchOf(asked.environment), asked.workloadNamespace).api(), asked),
    async getPullSecrets(asked, { peer }) {
      refuseStrangers(peer, { mutualTls: o.mutualTls === true });
      if (o.readPullSecrets !== undefined) return o.readPullSecrets(watchOf(asked.environment), asked);
      throw new SlipwayError("FORBIDDEN", { detail: "pull secrets are not read here" });
    },
    async *exportWorkloads({ environment }, { signal }) {
      for await (const object of watchOf(environment).objects(signal))
        yield { object: JSON.stringify(object) };
    },
    watchWorkloads: (request, context) => follow(watchOf(request.environment), request, context.signal),
  };
}

/** The environment's settings decide for every answer, not only for what is watched. */
function seeing(watch: EnvironmentWatch, namespace: string): EnvironmentWatch {
  if (watch.sees(namespace)) return watch;
  throw new SlipwayError("NAMESPACE_OUTSIDE", {
    detail: `"${namespace}" in environment "${watch.environment}"`,
  });
}

/** Only a whole view knows what is not there; a cache that is behind lets another replica be asked. */
function getWorkload(watch: EnvironmentWatch, asked: GetWorkloadRequest): GetWorkloadResponse {
  const { namespace, kind, name, uid, minGeneration } = asked;
  const id = formatWorkloadId({ namespace, kind, name });
  const workload = watch.get(id);
  const view = watch.view({ namespace, kind });
  const isAny = uid === "" && minGeneration <= 0n;
  if (workload === undefined) {
    if (isAny && view.complete) throw new SlipwayError("WORKLOAD_NOT_FOUND", { detail: id });
    const why = view.complete ? "" : `: ${view.problem || "not everything was seen yet"}`;
    throw new SlipwayError("WORKLOAD_STALE", { detail: `${id} is not seen here${why}` });
  }
  if (uid !== "" && workload.uid !== uid)
    throw new SlipwayError("WORKLOAD_STALE", { detail: `${id} is seen here as another object` });
  if (workload.generation >= minGeneration) return { workload, view };
  const detail = `${id} is seen here at generation ${workload.generation}, not yet at ${minGeneration}`;
  throw new SlipwayError("WORKLOAD_STALE", { detail });
}

async function* follow(
  watch: EnvironmentWatch,
  request: WatchWorkloadsRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchWorkloadsResponse> {
  const wanted = inNamespace(request.namespace);
  const backlog: WorkloadChange[] = [];
  let wake = Promise.withResolvers<void>();
  const unsubscribe = watch.subscribe((change) => {
    if (!wanted(change.workload) || backlog.length > maxBacklog) return;
    backlog.push(change);
    wake.resolve();
  });
  const onAbort = (): void => wake.resolve();
  signal.addEventListener("abort", onAbort);
  const timer = setInterval(() => wake.resolve(), viewEveryMs);
  try {
    for (const workload of watch.all().filter(wanted)) yield upserted(workload);
    while (!signal.aborted) {
      yield { event: { $case: "view", value: watch.view({ namespace: request.namespace }) } };
      await wake.promise;
      wake = Promise.withResolvers();
      if (backlog.length > maxBacklog) {
        throw new SlipwayError("UNAVAILABLE", { detail: "the reader of this stream is too slow" });
      }
      for (const change of backlog.splice(0)) yield toResponse(change);
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    unsubscribe();
  }
}

function toResponse(change: WorkloadChange): WatchWorkloadsResponse {
  if (change.kind === "upserted") return upserted(change.workload);
  const { namespace, kind, name, uid } = change.workload;
  return { event: { $case: "deleted", value: { namespace, kind, name, uid } } };
}

function upserted(value: Workload): WatchWorkloadsResponse {
  return { event: { $case: "upserted", value } };
}

function inNamespace(namespace: string): (workload: Workload) => boolean {
  return (workload) => namespace === "" || workload.namespace === namespace;
}
