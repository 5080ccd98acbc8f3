import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { serviceNames, type ServiceName } from "#common/contracts/grpc-peers.ts";
import { freePort, spawnServer, type ChildServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createTestApi } from "#support/api.ts";
import {
  findKubeAssets,
  howToGetKubeBox,
  kubeconfigText,
  startKubeBox,
  type KubeBox,
} from "#support/kube-box.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "#support/postgres.ts";
import { hasRedis, startRedis, type TestRedis } from "#support/redis.ts";
import { needs } from "#support/skips.ts";

import { overlays } from "../../cli/install/fill.ts";
import { renderedOverlays } from "../../cli/install/rendered.ts";

const root = join(import.meta.dirname, "../..");
const namespace = "slipway";
const isReal = [
  needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox),
  hasPostgres(),
  hasRedis(),
].every(Boolean);

interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly automountServiceAccountToken: boolean;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly envFrom: readonly EnvFrom[];
        }[];
      };
    };
  };
}

interface EnvFrom {
  readonly configMapRef?: { readonly name: string };
  readonly secretRef?: { readonly name: string };
}

describe.runIf(isReal)("slipway install", () => {
  const secret = "k8s-test-secret-of-twenty-four";
  let box: KubeBox;
  let folder: string;
  let postgres: TestPostgres;
  let redis: TestRedis;
  const children = new Map<ServiceName, ChildServer>();

  const slipway = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const main = join(root, "cli/main.ts");
    const options = { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 16 * 1024 * 1024 };
    return (await promisify(execFile)(process.execPath, [main, ...args], options)).stdout;
  };
  const list = async <T>(kind: string): Promise<readonly T[]> => {
    const text = await box.kubectl(["get", kind, "-n", namespace, "-o", "json"]);
    return (JSON.parse(text) as { items: readonly T[] }).items;
  };
  const apply = (text: string): Promise<string> =>
    box.kubectl(["apply", "--warnings-as-errors", "-f", "-"], text);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-install-"));
    [box, postgres, redis] = await Promise.all([startKubeBox(), startPostgres(), startRedis()]);
    await mkdir(join(folder, "secrets"));
    await writeFile(join(folder, "secrets/git-token"), "git-token");
    await writeFile(join(folder, "slipway.yaml"), settingsText({ inCluster: true }));
    await slipway(["certs", "certs", "--spread", "spread"]);
  });
  afterAll(async () => {
    await Promise.all([...children.values()].map((child) => child.stop()));
    await Promise.all([box?.stop(), postgres?.stop(), redis?.stop()]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test.each(overlays)("holds k8s/overlays/%s as kustomize makes it", async (overlay) => {
    const made = await box.kubectl(["kustomize", join(root, "k8s/overlays", overlay)]);
    expect(renderedOverlays[overlay], "run npm run generate:k8s").toBe(made);
  });

  test("small is taken without a warning, and its pods are let in under the restricted level", async () => {
    const passwords = { POSTGRES_PASSWORD: secret, REDIS_PASSWORD: secret, SLIPWAY_ADMIN_TOKEN: secret };
    await apply(await slipway(["install", "--secrets", "secrets"], passwords));
    const names = [...serviceNames, "postgres", "redis"].map((name) => `slipway-${name}`);
    await untilPods(names);
    const level = await box.kubectl(["get", "namespace", namespace, "-o", "jsonpath={.metadata.labels}"]);
    expect(level).toContain('"pod-security.kubernetes.io/enforce":"restricted"');
  });

  test("production is taken without a warning, with replicas of what answers", async () => {
    const stores = {
      DATABASE_URL: "postgres://db.example.com/slipway",
      REDIS_URL: "rediss://redis.example.com",
    };
    await apply(await slipway(["install", "production"], { ...stores, SLIPWAY_ADMIN_TOKEN: secret }));
    const [scaler] = await list<{ spec: { minReplicas: number } }>("horizontalpodautoscalers");
    expect(scaler?.spec.minReplicas).toBe(3);
    const deployments = await list<Deployment & { spec: { replicas: number } }>("deployments");
    const replicas = Object.fromEntries(deployments.map((one) => [one.metadata.name, one.spec.replicas]));
    expect(replicas).toMatchObject({
      "slipway-api": 2,
      "slipway-cluster-watcher": 2,
      "slipway-registry-scanner": 2,
    });
  });

  test("the four services run as their Deployments say, each by the token of its own account", async () => {
    const stores = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
    await apply(await slipway(["install", "production"], { ...stores, SLIPWAY_ADMIN_TOKEN: secret }));
    const deployments = await list<Deployment>("deployments");
    const ports = Object.fromEntries(
      await Promise.all([...serviceNames, "http"].map(async (name) => [name, await freePort()] as const)),
    );
    const start = async (service: ServiceName): Promise<void> => {
      const deployment = deployments.find((one) => one.metadata.name === `slipway-${service}`);
      const ops = await freePort();
      children.set(service, await startAs(deployment as Deployment, service, { ...ports, ops }));
      await untilReady(service, ops);
    };
    await Promise.all(serviceNames.map(start));
    const api = createTestApi({ url: `http://127.0.0.1:${ports["http"]}`, token: secret });
    const seen = async (): Promise<boolean> =>
      (await api.workloads(`?namespace=${namespace}`)).workloads.length >= serviceNames.length;
    await pollUntil(seen, {
      everyMs: 200,
      timeoutMs: 60_000,
      what: "Slipway's own workloads, seen by itself",
    });
  });

  test("SIGTERM ends each of them in order, with exit code 0", async () => {
    for (const child of children.values()) await child.stop();
    for (const [service, child] of children) {
      expect({ service, ...(await child.exited) }).toEqual({ service, code: 0, signal: null });
    }
  });

  test("api and scanner have accounts that may do nothing, and no token is mounted for them", async () => {
    const deployments = await list<Deployment>("deployments");
    for (const service of ["api", "registry-scanner"]) {
      const { spec } =
        deployments.find((one) => one.metadata.name === `slipway-${service}`)?.spec.template ?? {};
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        serviceAccountName: `slipway-${service}`,
      });
      const may = await box.kubectl([
        "auth",
        "can-i",
        "--list",
        "--no-headers",
        `--as=system:serviceaccount:${namespace}:slipway-${service}`,
        "-n",
        namespace,
      ]);
      // Of itself alone it may ask what it may.
      expect(may).not.toMatch(/deployments|pods|secrets|\*\./);
    }
  });

  async function untilPods(names: readonly string[]): Promise<void> {
    const all = async (): Promise<boolean> => {
      const pods = (await list<{ metadata: { name: string } }>("pods")).map(({ metadata }) => metadata.name);
      return names.every((name) => pods.some((pod) => pod.startsWith(`${name}-`)));
    };
    await pollUntil(all, { everyMs: 200, timeoutMs: 60_000, what: `pods of ${names.join(", ")}` });
  }

  /** A service with the arguments and environment of its Deployment; paths and places are this machine's. */
  async function startAs(
    deployment: Deployment,
    service: ServiceName,
    ports: Readonly<Record<string, number>>,
  ): Promise<ChildServer> {
    const { serviceAccountName, containers } = deployment.spec.template.spec;
    const own = join(folder, service);
    await mkdir(own);
    const token = await box.kubectl(["create", "token", serviceAccountName, "-n", namespace]);
    await writeFile(join(own, "kubeconfig"), kubeconfigText(box.url, token.trim()), { mode: 0o600 });
    await writeFile(join(own, "slipway.yaml"), settingsText({ kubeconfig: join(own, "kubeconfig") }));
    const certs = join(folder, "spread", service);
    return spawnServer({
      name: service,
      command: process.execPath,
      args: containers[0]?.args.map((arg) => join(root, arg)) ?? [],
      cwd: own,
      env: {
        PATH: process.env["PATH"],
        HOME: own,
        ...(await environmentOf(containers[0]?.envFrom ?? [])),
        SLIPWAY_NAME: deployment.metadata.name,
        SLIPWAY_CONFIG: join(own, "slipway.yaml"),
        SLIPWAY_CACHE_FOLDER: join(own, "git"),
        SLIPWAY_TLS_CA_FILE: join(certs, "ca.crt"),
        SLIPWAY_TLS_CERT_FILE: join(certs, "tls.crt"),
        SLIPWAY_TLS_KEY_FILE: join(certs, "tls.key"),
        SLIPWAY_OPS_PORT: String(ports["ops"]),
        SLIPWAY_GRPC_PORT: String(ports[service]),
        SLIPWAY_HTTP_PORT: String(ports["http"]),
        SLIPWAY_WATCHER_ADDRESS: `127.0.0.1:${ports["cluster-watcher"]}`,
        SLIPWAY_SCANNER_ADDRESS: `127.0.0.1:${ports["registry-scanner"]}`,
        SLIPWAY_WORKER_ADDRESSES: `127.0.0.1:${ports["release-worker"]}`,
      },
      readyWhen: /"text":"started"/,
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 30_000,
      log: silentLog,
    });
  }

  /** What a container's `envFrom` means, read back from the cluster. */
  async function environmentOf(from: readonly EnvFrom[]): Promise<NodeJS.ProcessEnv> {
    const env: NodeJS.ProcessEnv = {};
    for (const { configMapRef, secretRef } of from) {
      const [kind, name = ""] = configMapRef ? ["configmap", configMapRef.name] : ["secret", secretRef?.name];
      const text = await box.kubectl(["get", kind, name, "-n", namespace, "-o", "json"]);
      const { data = {} } = JSON.parse(text) as { data?: Record<string, string> };
      for (const [key, value] of Object.entries(data)) {
        env[key] = kind === "secret" ? Buffer.from(value, "base64").toString("utf8") : value;
      }
    }
    return env;
  }
});

/** Nobody answers at this git host: what the cluster tells is listed all the same. */
function settingsText(cluster: object): string {
  const git = { url: "https://127.0.0.1:1/shop/config.git", branch: "main", paths: ["deploy"] };
  return JSON.stringify({ environments: [{ name: "default", cluster, git }] });
}

async function untilReady(service: ServiceName, port: number): Promise<void> {
  let last = "";
  const look = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    last = await answer.text();
    return answer.ok;
  };
  await pollUntil(look, { everyMs: 100, timeoutMs: 60_000, what: `/readyz of ${service} (${last})` });
}
