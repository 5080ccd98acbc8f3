import { createGrpcClient } from "#common/kit/grpc.ts";
import type { Log } from "#common/kit/log.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import type { WorkerConfig } from "./config.ts";

/** A registry may take its time over a tag that nobody has looked at yet. */
const registryDeadlineMs = 30_000;

/** The services that this one asks: the watcher for what runs, the scanner for what exists. */
export function createPeers(config: WorkerConfig, log: Log) {
  return {
    cluster: createGrpcClient(ClusterServiceDefinition, { address: config.watcherAddress, log }),
    registry: createGrpcClient(RegistryServiceDefinition, {
      address: config.scannerAddress,
      log,
      deadlineMs: registryDeadlineMs,
    }),
  };
}
