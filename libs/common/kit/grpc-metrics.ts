import type { Metrics } from "./metrics.ts";

/** What is counted of the gRPC calls that a process answers and makes; `code` is "ok" or one of the catalogue. */
export interface GrpcCounts {
  answered(call: GrpcCall): void;
  asked(call: GrpcCall): void;
}

export interface GrpcCall {
  /** As on the wire: `slipway.cluster.v1.ClusterService/ListWorkloads`. */
  readonly method: string;
  readonly code: string;
  /** Absent for streams, which last as long as somebody listens. */
  readonly seconds?: number;
}

/** The counters of a process's gRPC calls. */
export function countGrpc(metrics: Metrics): GrpcCounts {
  return {
    answered: counter(metrics, { side: "server", what: "answered" }),
    asked: counter(metrics, { side: "client", what: "made" }),
  };
}

function counter(metrics: Metrics, { side, what }: { side: string; what: string }) {
  const calls = metrics.counter({
    name: `grpc_${side}_calls_total`,
    help: `gRPC calls ${what}, by method and code.`,
    labels: ["method", "code"],
  });
  const durations = metrics.histogram({
    name: `grpc_${side}_call_duration_seconds`,
    help: `How long gRPC calls with one answer took, by method.`,
    labels: ["method"],
  });
  return ({ method, code, seconds }: GrpcCall): void => {
    if (method.startsWith("grpc.health.")) return;
    calls.add({ method, code });
    if (seconds !== undefined) durations.observe(seconds, { method });
  };
}
