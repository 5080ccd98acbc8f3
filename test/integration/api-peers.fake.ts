import { SlipwayError } from "#common/domain/errors.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { silentLog } from "#common/kit/log.ts";
import { ClusterServiceDefinition, OwnerKind, RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";
import type {
  ClusterServiceImplementation,
  DeepPartial,
  ListWorkloadsResponse,
  Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import type { RegistryServiceImplementation } from "#proto/slipway/registry/v1/registry.ts";
import { ReleaseServiceDefinition } from "#proto/slipway/release/v1/release.ts";
import type {
  CheckEnvironmentRequest,
  CheckEnvironmentResponse,
  GetIdentityResponse,
  PlanRequest,
  ReleaseServiceImplementation,
} from "#proto/slipway/release/v1/release.ts";

/** The three services the API asks, over real sockets, saying what a test wants. */
export interface FakePeers {
  readonly addresses: {
    readonly watcherAddress: string;
    readonly scannerAddress: string;
    readonly workerAddresses: readonly string[];
  };
  /** What runs in every environment. */
  running: DeepPartial<Workload>[];
  view: DeepPartial<ListWorkloadsResponse>["view"];
  /** Repositories that were refreshed. */
  readonly refreshed: string[];
  /** Plans that were asked for. */
  readonly planned: PlanRequest[];
  /** Checks that were asked for, and what a worker answers to one. */
  readonly checked: CheckEnvironmentRequest[];
  found: DeepPartial<CheckEnvironmentResponse>;
  /** Objects of the cluster, and the public half of a key, as they are exported. */
  exported: readonly object[];
  identity: DeepPartial<GetIdentityResponse>;
  watcherAway: boolean;
  stop(): Promise<void>;
}

export const freshView = { ageMs: 120n, complete: true, problem: "" };

/** A deployment that is all there. */
export function runningDeployment(name: string, image: string): DeepPartial<Workload> {
  return {
    namespace: "sock-shop",
    kind: "deployment",
    name,
    containers: [{ name, image, init: false }],
    rollout: { phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE, desired: 1, updated: 1, ready: 1, available: 1 },
    owner: { kind: OwnerKind.OWNER_KIND_SLIPWAY, name: "" },
  };
}

/** Starts them, each on a free port of its own. */
export async function startFakePeers(): Promise<FakePeers> {
  const state: Omit<FakePeers, "addresses" | "stop"> = {
    running: [],
    view: freshView,
    refreshed: [],
    planned: [],
    checked: [],
    found: {},
    exported: [],
    identity: {},
    watcherAway: false,
  };
  const common = { host: "127.0.0.1", port: 0, log: silentLog };
  const cluster: ClusterServiceImplementation = {
    listWorkloads: async ({ namespace }) => {
      if (state.watcherAway) throw new SlipwayError("UNAVAILABLE", { detail: "the watcher is away" });
      const workloads = state.running.filter((one) => namespace === "" || one.namespace === namespace);
      return { workloads, view: state.view };
    },
    getWorkload: async () => ({}),
    watchWorkloads: async function* watch() {},
    explainWorkload: async () => ({}),
    getOwner: async () => ({}),
    getPullSecrets: async () => ({}),
    exportWorkloads: async function* objects() {
      for (const object of state.exported) yield { object: JSON.stringify(object) };
    },
  };
  const registry: RegistryServiceImplementation = {
    listImages: async () => ({ repositories: [] }),
    refresh: async ({ repository }) => {
      state.refreshed.push(repository);
      return { repository: { key: repository, images: [], complete: true }, tagFound: false };
    },
  };
  const release: ReleaseServiceImplementation = {
    plan: async (request) => {
      state.planned.push(request);
      return planAnswer;
    },
    checkEnvironment: async (request) => {
      state.checked.push(request);
      return state.found;
    },
    getIdentity: async () => state.identity,
  };
  const servers = [
    createGrpcServer({ ...common, services: [[ClusterServiceDefinition, cluster]] }),
    createGrpcServer({ ...common, services: [[RegistryServiceDefinition, registry]] }),
    createGrpcServer({ ...common, services: [[ReleaseServiceDefinition, release]] }),
  ] as const;
  for (const server of servers) await server.start();
  const [watcherAddress, scannerAddress, workerAddress] = servers.map(
    (server) => `127.0.0.1:${server.port()}`,
  ) as [string, string, string];
  return Object.assign(state, {
    // The first worker is never there: a plan is then asked of the second.
    addresses: { watcherAddress, scannerAddress, workerAddresses: ["127.0.0.1:1", workerAddress] },
    stop: async () => {
      for (const server of servers) await server.stop();
    },
  });
}

const planAnswer = {
  base: "9c1e2f4",
  headline: "Release latest images to sock-shop/front-end",
  hash: "abc",
  results: [
    {
      workload: "sock-shop:deployment/front-end",
      container: "front-end",
      from: "weaveworksdemos/front-end:0.2.0",
      to: "weaveworksdemos/front-end:0.3.0",
      result: "change",
      file: "deploy/front-end.yaml",
    },
  ],
  diffs: [{ path: "deploy/front-end.yaml", unified: "-a\n+b\n", added: 1, removed: 1 }],
};
