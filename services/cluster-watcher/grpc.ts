import { SlipwayError } from "#common/domain/errors.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type {
  ClusterServiceImplementation,
  WatchWorkloadsRequest,
  WatchWorkloadsResponse,
  Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";
import { explainWorkload } from "./explain-workload.ts";
import { getOwner } from "./get-owner.ts";
import type { WorkloadChange } from "./live-workloads.ts";
import type { EnvironmentWatch } from "./watch-environment.ts";

const viewEveryMs = 1_000;
/** A reader this far behind is cut: it reconnects and gets a whole snapshot. */
const maxBacklog = 10_000;

/** gRPC `ClusterService` over the live views, by environment. */
export function createClusterService(watches: readonly EnvironmentWatch[]): ClusterServiceImplementation {
  const watchOf = (environment: string): EnvironmentWatch => {
    const watch = watches.find((candidate) => candidate.environment === environment);
    if (watch !== undefined) return watch;
    throw new SlipwayError("ENVIRONMENT_NOT_FOUND", { detail: `"${environment}" is not watched here` });
  };
  return {
    async listWorkloads({ environment, namespace }) {
      const watch = watchOf(environment);
      return { workloads: watch.all().filter(inNamespace(namespace)), view: watch.view() };
    },
    async getWorkload({ environment, namespace, kind, name }) {
      const watch = watchOf(environment);
      const id = formatWorkloadId({ namespace, kind, name });
      const workload = watch.get(id);
      if (workload !== undefined) return { workload, view: watch.view() };
      throw new SlipwayError("WORKLOAD_NOT_FOUND", { detail: id });
    },
    explainWorkload: async (asked) => ({
      troubles: await explainWorkload(watchOf(asked.environment).api(), asked),
    }),
    getOwner: async (asked) => getOwner(watchOf(asked.environment).api(), asked),
    watchWorkloads: (request, context) => follow(watchOf(request.environment), request, context.signal),
  };
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
      yield { event: { $case: "view", value: watch.view() } };
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
