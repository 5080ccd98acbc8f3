import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { createClusterClient, readWatcherPlaces } from "#common/kit/cluster-client.ts";
import { createGrpcClient } from "#common/kit/grpc.ts";
import type { GrpcClientOptions } from "#common/kit/grpc.ts";
import type { Dependency } from "#common/kit/health.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import {
  HealthCheckResponse_ServingStatus as Serving,
  HealthDefinition,
} from "#proto/grpc/health/v1/health.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import type { RegistryServiceClient } from "#proto/slipway/registry/v1/registry.ts";
import { ReleaseServiceDefinition } from "#proto/slipway/release/v1/release.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

import { planDeadlineMs } from "./releases/plan-release.ts";

export interface PeerAddresses {
  readonly watcherAddress: string;
  readonly scannerAddress: string;
  readonly workerAddresses: readonly string[];
}

/** The services we ask questions of. */
export interface Peers extends Service {
  readonly cluster: ClusterServiceClient;
  readonly registry: RegistryServiceClient;
  readonly workers: readonly ReleaseServiceClient[];
  /** Without them less can be told, but requests are still accepted. */
  readonly dependencies: readonly Dependency[];
}

/** A refresh asks a registry that may be slow. */
const registryDeadlineMs = 30_000;

/** Clients of the other services; they connect at the first call. */
export function createPeers(
  addresses: PeerAddresses,
  options: Omit<GrpcClientOptions, "address" | "deadlineMs">,
): Peers {
  const { watcherAddress, scannerAddress, workerAddresses } = addresses;
  const cluster = createClusterClient({ ...options, address: watcherAddress });
  const registry = createGrpcClient(RegistryServiceDefinition, {
    ...options,
    address: scannerAddress,
    deadlineMs: registryDeadlineMs,
  });
  const workers = workerAddresses.map((address) =>
    createGrpcClient(ReleaseServiceDefinition, { ...options, address, deadlineMs: planDeadlineMs }),
  );
  // Probes ask often: they are not worth a line of trace, a span or a count.
  const { trace: _trace, counts: _counts, tracing: _tracing, ...quiet } = options;
  const health = [
    ...readWatcherPlaces(watcherAddress).map(({ environment, address }) => {
      const name = environment === undefined ? "cluster-watcher" : `cluster-watcher ${environment}`;
      return openHealth(name, { ...quiet, service: "cluster-watcher", address });
    }),
    openHealth("registry-scanner", { ...quiet, service: "registry-scanner", address: scannerAddress }),
    ...workerAddresses.map((address) =>
      openHealth(`release-worker ${address}`, { ...quiet, service: "release-worker", address }),
    ),
  ];
  return {
    name: "peers",
    cluster,
    registry,
    workers,
    dependencies: health.map((one) => one.dependency),
    stop: async () => [cluster, registry, ...workers, ...health].forEach((client) => client.close()),
  };
}

function openHealth(
  name: string,
  options: GrpcClientOptions & { readonly service: ServiceName },
): { dependency: Dependency; close(): void } {
  const client = createGrpcClient(HealthDefinition, { ...options, deadlineMs: 900 });
  const check = async (): Promise<void> => {
    const { status } = await client.check({ service: "" });
    if (status !== Serving.SERVING)
      throw new SlipwayError("UNAVAILABLE", { detail: `${name} does not serve` });
  };
  return { dependency: { name, needed: false, check }, close: () => client.close() };
}
