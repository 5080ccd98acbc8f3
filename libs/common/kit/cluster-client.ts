import { SlipwayError } from "#common/domain/errors.ts";
import { ClusterServiceDefinition, type ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";

import { createGrpcClient } from "./grpc.ts";
import type { GrpcClientOptions } from "./grpc.ts";

/** The watchers as one client; each question goes to the watcher of its environment. */
export interface ClusterClient extends ClusterServiceClient {
  close(): void;
}

/** One watcher: where it listens, and the environment it is asked about; without one, all others. */
export interface WatcherPlace {
  readonly environment: string | undefined;
  readonly address: string;
}

const mostPlaces = 200;

/** Reads `SLIPWAY_WATCHER_ADDRESS`: `host:port` for all environments, `shop=host:port` for one, by comma. */
export function readWatcherPlaces(text: string): readonly WatcherPlace[] {
  const parts = text.split(",").map((part) => part.trim());
  const places = parts
    .filter((part) => part !== "")
    .map((part): WatcherPlace => {
      const [, environment, address = ""] = /^(?:([a-z0-9-]{1,63})=)?(.+)$/.exec(part) ?? [];
      return { environment, address };
    });
  const names = new Set(places.map(({ environment }) => environment));
  const isWell = places.length > 0 && places.length <= mostPlaces && names.size === places.length;
  if (isWell) return places;
  const detail = `SLIPWAY_WATCHER_ADDRESS must be one to ${mostPlaces} addresses, each environment once`;
  throw new SlipwayError("SETTINGS_INVALID", { detail, hint: "host:3031, or shop=host:3031,host2:3031" });
}

/** A client of every watcher; they connect at the first question. */
export function createClusterClient(options: GrpcClientOptions): ClusterClient {
  const clients = new Map(
    readWatcherPlaces(options.address).map(({ environment, address }) => [
      environment,
      createGrpcClient(ClusterServiceDefinition, { ...options, address }),
    ]),
  );
  const of = (asked: { readonly environment?: string | undefined }): ClusterServiceClient => {
    const client = clients.get(asked.environment) ?? clients.get(undefined);
    if (client !== undefined) return client;
    const detail = `no cluster-watcher is configured for "${asked.environment ?? ""}"`;
    throw new SlipwayError("UNAVAILABLE", { detail });
  };
  return {
    listWorkloads: async (asked, o) => of(asked).listWorkloads(asked, o),
    getWorkload: async (asked, o) => of(asked).getWorkload(asked, o),
    watchWorkloads: (asked, o) => of(asked).watchWorkloads(asked, o),
    explainWorkload: async (asked, o) => of(asked).explainWorkload(asked, o),
    getOwner: async (asked, o) => of(asked).getOwner(asked, o),
    getPullSecrets: async (asked, o) => of(asked).getPullSecrets(asked, o),
    exportWorkloads: (asked, o) => of(asked).exportWorkloads(asked, o),
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
