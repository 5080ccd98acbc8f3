import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentSettings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createGrpcClient, createGrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { createLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { createSandboxCluster } from "#sandbox/cluster/cluster.ts";
import type { SandboxCluster } from "#sandbox/cluster/cluster.ts";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import type { SandboxRegistry } from "#sandbox/registry/registry.ts";
import { createClusterService } from "../../services/cluster-watcher/grpc.ts";
import { createPullSecrets } from "../../services/cluster-watcher/pull-secrets.ts";
import { watchEnvironment } from "../../services/cluster-watcher/watch-environment.ts";
import { createClientSource } from "../../services/registry-scanner/client-source.ts";
import type { ClientSource } from "../../services/registry-scanner/client-source.ts";

// A credential's way: from a Secret of the cluster over the watcher to the registry, and nowhere else.

const host = "registry.example.com";
const closers: (() => Promise<unknown>)[] = [];
const lines: string[] = [];
let cluster: SandboxCluster;
let registry: SandboxRegistry;
let clients: ClientSource;

beforeAll(async () => {
  registry = createSandboxRegistry({ auth: { kind: "token", username: "puller", password: "first-canary" } });
  await registry.start();
  closers.push(() => registry.stop());
  for (const name of ["shop/front-end", "shop/cart", "shop/nobody"]) registry.addImage(name, "1.0", {});
  cluster = createSandboxCluster({ readyAfterMs: 0 });
  await cluster.start();
  closers.push(() => cluster.stop());
  await cluster.applyManifests(manifests("first-canary"));
  clients = await startScannerSide(await startWatcherSide());
}, 60_000);

afterAll(async () => {
  for (const close of closers.toReversed()) await close();
});

test("a private repository is read with the pull secret of the workload that uses it", async () => {
  expect(await tagsOf("shop/front-end")).toEqual(["1.0"]);
});

test("one of a service account counts, in the old form too", async () => {
  expect(await tagsOf("shop/cart")).toEqual(["1.0"]);
});

test("a repository that no workload uses gets no credential", async () => {
  await expect(tagsOf("shop/nobody")).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
});

test("a secret that was rotated is used without a restart, after one refusal", async () => {
  registry.setPassword("second-canary");
  await cluster.applyManifests(manifests("second-canary"));
  expect(await tagsOf("shop/front-end")).toEqual(["1.0"]);
});

test("no secret is in any line either service has written", () => {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join("")).not.toMatch(/canary|cHVsbGVy/);
});

const log = createLog({ service: "test", level: "debug", write: (line) => void lines.push(line) });

async function tagsOf(path: string): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(20_000);
  return clients.use(async (client) => (await client.listTags({ host, path }, { signal })).tags);
}

/** Gives the address the watcher is asked at. */
async function startWatcherSide(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-pull-secrets-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  const git = { url: "https://git.example.com/config.git" };
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { kubeconfig },
    git,
    pullSecrets: true,
  });
  const connect = () => createKubeApi(environment.cluster);
  const watch = watchEnvironment({ environment, connect, clock: systemClock, log });
  closers.push(async () => watch.stop?.());
  await watch.start?.();
  await pollUntil(async () => watch.view().complete && watch.all().length === 2, {
    everyMs: 10,
    timeoutMs: 20_000,
  });
  const readPullSecrets = createPullSecrets({ environments: new Set(["default"]), clock: systemClock });
  const services = [[ClusterServiceDefinition, createClusterService([watch], { readPullSecrets })]] as const;
  const trace = (line: string): void => log.info(line);
  const server = createGrpcServer({ host: "127.0.0.1", port: 0, services, log, trace });
  await server.start();
  closers.push(() => server.stop());
  return `127.0.0.1:${server.port()}`;
}

async function startScannerSide(address: string): Promise<ClientSource> {
  const source = createGrpcClient(ClusterServiceDefinition, { address, log });
  closers.push(async () => source.close());
  const scanner = createClientSource({
    registries: [{ host, endpoint: registry.url, insecure: false }],
    pullSecrets: { source, environments: ["default"] },
    allowPrivate: false,
    env: {},
    redactor: createRedactor(),
    log,
    clock: systemClock,
  });
  closers.push(() => scanner.stop());
  return scanner;
}

function manifests(password: string): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const auths = { [host]: { auth: base64(`puller:${password}`) } };
  const secret = (name: string, type: string, value: unknown) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "shop" },
    type: `kubernetes.io/${type}`,
    data: { [`.${type}`]: base64(JSON.stringify(value)) },
  });
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    secret("registry", "dockerconfigjson", { auths }),
    secret("old", "dockercfg", auths),
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "puller", namespace: "shop" },
      imagePullSecrets: [{ name: "old" }],
    },
    deployment("front-end", { imagePullSecrets: [{ name: "registry" }] }),
    deployment("cart", { serviceAccountName: "puller" }),
  ];
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

function deployment(name: string, more: object) {
  const containers = [{ name, image: `${host}/shop/${name}:1.0` }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "shop" },
    spec: {
      replicas: 1,
      selector: { matchLabels: { name } },
      template: { metadata: { labels: { name } }, spec: { containers, ...more } },
    },
  };
}
