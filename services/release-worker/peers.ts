import { createClusterClient } from "#common/kit/cluster-client.ts";
import { createGrpcClient } from "#common/kit/grpc.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { ProcessKit } from "#common/kit/process-kit.ts";
import type { ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";
import {
  RegistryServiceDefinition,
  type RegistryServiceClient,
} from "#proto/slipway/registry/v1/registry.ts";
import type { WorkerConfig } from "./config.ts";

/** A registry may take its time over a tag that nobody has looked at yet. */
const registryDeadlineMs = 30_000;

export interface Peers extends Service {
  readonly clients: {
    /** What runs. */
    readonly cluster: ClusterServiceClient;
    /** What exists. */
    readonly registry: RegistryServiceClient;
  };
}

/** The services that this one asks; they connect at the first call. */
export function createPeers(
  config: WorkerConfig,
  { log, certificates, counts, tracing }: Pick<ProcessKit, "log" | "certificates" | "counts" | "tracing">,
): Peers {
  const shared = { log, certificates, counts, tracing };
  const cluster = createClusterClient({ ...shared, address: config.watcherAddress });
  const registry = createGrpcClient(RegistryServiceDefinition, {
    ...shared,
    address: config.scannerAddress,
    deadlineMs: registryDeadlineMs,
  });
  return {
    name: "peers",
    clients: { cluster, registry },
    async stop() {
      cluster.close();
      registry.close();
    },
  };
}
