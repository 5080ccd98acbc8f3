import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { environmentSettings } from "#common/contracts/settings.ts";
import { systemClock, type Clock } from "#common/kit/clock.ts";
import { createGrpcClient, createGrpcServer, type GrpcClient, type GrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { ClusterServiceDefinition, type View } from "#proto/slipway/cluster/v1/cluster.ts";
import { createSandboxCluster, type SandboxCluster } from "#sandbox/cluster/cluster.ts";

import { createClusterService } from "../grpc.ts";
import { watchEnvironment, type EnvironmentWatch } from "../watch-environment.ts";

/** How long a test waits for what must come. */
export const waitMs = 15_000;
type Client = GrpcClient<typeof ClusterServiceDefinition>;

/** The watcher as it runs, between a sandbox cluster and a client, each on its own socket. */
export interface Rig {
  readonly cluster: SandboxCluster;
  readonly client: Client;
  readonly watch: EnvironmentWatch;
  stop(): Promise<void>;
}

/** The services `front-end` and `cart` run in `shop`. */
export async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), "cluster-watcher-"));
  const cluster = createSandboxCluster({
    readyAfterMs: 0,
    bookmarkEveryMs: 500,
    outcome: (image) => (image.includes("broken") ? "pull-failure" : "ready"),
  });
  await cluster.start();
  await cluster.applyManifests(["shop", "web"].map(namespace).join("---\n"));
  await cluster.applyManifests(
    [deployment("front-end", "front-end:1"), deployment("cart", "cart:1")].join("---\n"),
  );
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  const watch = watchOf(kubeconfig);
  const server = serverOf([watch]);
  await watch.start?.();
  await server.start();
  const client = createGrpcClient(ClusterServiceDefinition, { address: `127.0.0.1:${server.port()}` });
  await untilView(client, (view) => view.complete && view.problem === "");
  return {
    cluster,
    client,
    watch,
    async stop() {
      client.close();
      await server.stop();
      await watch.stop?.();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Watches the cluster of a kubeconfig as the environment "default". */
export function watchOf(kubeconfig: string, clock: Clock = systemClock): EnvironmentWatch {
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { kubeconfig },
    git: { url: "https://git.example.com/config.git" },
  });
  const connect = () => createKubeApi(environment.cluster);
  return watchEnvironment({ environment, connect, clock, log: silentLog });
}

function serverOf(watches: readonly EnvironmentWatch[]): GrpcServer {
  return createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[ClusterServiceDefinition, createClusterService(watches)]],
    log: silentLog,
  });
}

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`;

export function deployment(name: string, image: string, of = "shop"): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${of} }
spec:
  replicas: 1
  selector: { matchLabels: { name: ${name} } }
  template:
    metadata: { labels: { name: ${name} } }
    spec: { containers: [{ name: ${name}, image: "${image}" }] }
`;
}

async function viewOf(client: Client): Promise<View> {
  const { view } = await client.listWorkloads({ environment: "default", namespace: "" });
  if (view === undefined) throw new Error("the answer has no view");
  return view;
}

/** Asks until the view is as wanted. */
export function untilView(client: Client, passes: (view: View) => boolean): Promise<View> {
  const ask = async (): Promise<View | undefined> => {
    const view = await viewOf(client);
    return passes(view) ? view : undefined;
  };
  return pollUntil(ask, { everyMs: 50, timeoutMs: waitMs, what: "the view" });
}
