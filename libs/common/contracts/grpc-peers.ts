/**
 * Who may ask whom by gRPC. Every service proves its name by a certificate whose URI name is
 * `spiffe://slipway/<service>`; a method without a row here is not served.
 */

export const serviceNames = ["api", "cluster-watcher", "registry-scanner", "release-worker"] as const;

export type ServiceName = (typeof serviceNames)[number];

/** The service that answers each gRPC service. */
export const grpcServers = {
  "slipway.cluster.v1.ClusterService": "cluster-watcher",
  "slipway.registry.v1.RegistryService": "registry-scanner",
  "slipway.release.v1.ReleaseService": "release-worker",
} as const satisfies Record<string, ServiceName>;

/** Method (`package.Service/Method`) to the services that may call it. */
export const grpcPeers: Readonly<Record<string, readonly ServiceName[]>> = {
  "slipway.cluster.v1.ClusterService/ListWorkloads": ["api", "registry-scanner", "release-worker"],
  "slipway.cluster.v1.ClusterService/GetWorkload": ["api", "release-worker"],
  "slipway.cluster.v1.ClusterService/WatchWorkloads": ["api", "registry-scanner", "release-worker"],
  "slipway.cluster.v1.ClusterService/ExplainWorkload": ["api", "release-worker"],
  "slipway.cluster.v1.ClusterService/GetOwner": ["release-worker"],
  "slipway.cluster.v1.ClusterService/GetPullSecrets": ["registry-scanner"],
  "slipway.cluster.v1.ClusterService/ExportWorkloads": ["api"],
  "slipway.registry.v1.RegistryService/ListImages": ["api", "release-worker"],
  "slipway.registry.v1.RegistryService/Refresh": ["api", "release-worker"],
  "slipway.release.v1.ReleaseService/Plan": ["api"],
  "slipway.release.v1.ReleaseService/CheckEnvironment": ["api"],
  "slipway.release.v1.ReleaseService/GetIdentity": ["api"],
  "grpc.health.v1.Health/Check": serviceNames,
  "grpc.health.v1.Health/Watch": serviceNames,
};

/** The URI name in a service's certificate. */
export function spiffeId(service: ServiceName): string {
  return `spiffe://slipway/${service}`;
}
