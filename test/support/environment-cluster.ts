import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createKubeApi } from "#common/kit/kube.ts";
import type { KubeApi, KubeObject, KubeResponse } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createSandboxCluster } from "#sandbox/cluster/cluster.ts";

import { layCable, type Cable } from "./cable.ts";
import { startKubeProxy, type KubeProxy } from "./kube-proxy.ts";
import { findKubeAssets, howToGetKubeBox, kubeconfigText, startKubeBox } from "./kube-box.ts";
import { startPodRunner, type PodOutcome } from "./pod-runner.ts";
import { makeServiceAccounts, type ServiceTokens } from "./service-accounts.ts";
import { needs } from "./skips.ts";

/** Kubeconfigs of the two services that speak to a cluster. */
export interface KubeWays {
  readonly worker: string;
  readonly watcher: string;
}

/** A cluster that releases go to, with a cable before its API server that a test can cut. */
export interface EnvironmentCluster {
  readonly kind: "sandbox" | "real";
  /** The worker's and the watcher's ways, through the cable, each with no more rights than `k8s/` gives. */
  readonly ways: KubeWays;
  readonly cable: Cable;
  /** Another way, through a proxy that does to requests what networks do. */
  throughProxy(): Promise<{ readonly proxy: KubeProxy; readonly ways: KubeWays }>;
  /** The administrator's way, past the cable. */
  readonly api: KubeApi;
  /** As `kubectl apply` does: client side, with its annotation and field manager. */
  kubectlApply(objects: readonly KubeObject[]): Promise<void>;
  /** Creates it as another field manager's `Update`. */
  createAs(manager: string, object: KubeObject): Promise<void>;
  /** Server-side apply, forced, as another field manager. */
  applyAs(manager: string, object: KubeObject): Promise<void>;
  /** A merge patch as another field manager's `Update`. */
  patchAs(manager: string, object: KubeObject, body: unknown): Promise<void>;
  read(object: KubeObject): Promise<KubeResponse>;
  remove(object: KubeObject): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterChoice {
  readonly kind: EnvironmentCluster["kind"];
  readonly name: string;
  readonly available: boolean;
  open(): Promise<EnvironmentCluster>;
}

/** The clusters that a suite runs on: the sandbox always, a real control plane where there is one. */
export function clusterChoices(): readonly ClusterChoice[] {
  const real = needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox);
  return [
    { kind: "sandbox", name: "the sandbox cluster", available: true, open: openSandbox },
    { kind: "real", name: "a real control plane", available: real, open: openReal },
  ];
}

/** By tag: `bad…` cannot be pulled, `crash…` and `oom…` crash, `never…` does not become ready; all else does. */
export function outcomeOf(image: string): PodOutcome {
  const tag = image.slice(image.lastIndexOf(":") + 1);
  if (tag.startsWith("bad")) return "pull-failure";
  if (tag.startsWith("crash")) return "crash";
  if (tag.startsWith("oom")) return "out-of-memory";
  return tag.startsWith("never") ? "never-ready" : "ready";
}

async function openSandbox(): Promise<EnvironmentCluster> {
  const sandbox = createSandboxCluster({ readyAfterMs: 20, outcome: outcomeOf });
  await sandbox.start();
  return underCable("sandbox", {
    server: (port) => `http://127.0.0.1:${port}`,
    port: sandbox.port,
    admin: sandbox.token,
    // The sandbox knows no roles.
    tokens: { watcher: sandbox.token, worker: sandbox.token },
    kubectlApply: (text) => sandbox.applyManifests(text),
    stop: () => sandbox.stop(),
  });
}

async function openReal(): Promise<EnvironmentCluster> {
  const box = await startKubeBox();
  const api = await createKubeApi({ kubeconfig: box.kubeconfig });
  const runner = await startPodRunner({ api, outcome: outcomeOf, nodes: 2 });
  const kubectlApply = async (text: string): Promise<void> =>
    void (await box.kubectl(["apply", "-f", "-"], text));
  return underCable("real", {
    server: (port) => `https://127.0.0.1:${port}`,
    port: Number(new URL(box.url).port),
    admin: box.adminToken,
    tokens: await makeServiceAccounts(api, box),
    kubectlApply,
    stop: async () => {
      await runner.stop();
      await api.close();
      await box.stop();
    },
  });
}

interface Plane {
  readonly server: (port: number) => string;
  readonly port: number;
  readonly admin: string;
  readonly tokens: ServiceTokens;
  readonly kubectlApply: (text: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

async function underCable(kind: EnvironmentCluster["kind"], plane: Plane): Promise<EnvironmentCluster> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-cluster-"));
  const cable = await layCable(plane.port);
  const { tokens } = plane;
  const write = async (name: string, server: string, token: string): Promise<string> => {
    await writeFile(join(folder, name), kubeconfigText(server, token), { mode: 0o600 });
    return join(folder, name);
  };
  const waysTo = async (name: string, server: string): Promise<KubeWays> => ({
    worker: await write(`${name}-worker`, server, tokens.worker),
    watcher: await write(`${name}-watcher`, server, tokens.watcher),
  });
  const direct = await write("direct", plane.server(plane.port), plane.admin);
  const api = await createKubeApi({ kubeconfig: direct });
  await ensureNamespace(api, "shop");
  const proxies: KubeProxy[] = [];
  return {
    kind,
    ways: await waysTo("cable", plane.server(cable.port)),
    cable,
    api,
    async throughProxy() {
      const proxy = await startKubeProxy(plane.server(plane.port));
      proxies.push(proxy);
      return { proxy, ways: await waysTo(`proxy-${proxies.length}`, proxy.url) };
    },
    kubectlApply: (objects) => plane.kubectlApply(toYaml(objects)),
    ...hands(api),
    async stop() {
      await api.close();
      await cable.close();
      for (const proxy of proxies) await proxy.stop();
      await plane.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function hands(
  api: KubeApi,
): Pick<EnvironmentCluster, "createAs" | "applyAs" | "patchAs" | "read" | "remove"> {
  const pathOf = ({ apiVersion = "", kind = "", metadata }: KubeObject): Promise<string> =>
    api.objectPath({ apiVersion, kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" });
  const read = async (object: KubeObject) => api.request({ method: "GET", path: await pathOf(object) });
  return {
    read,
    async createAs(manager, object) {
      const { apiVersion = "", kind = "", metadata } = object;
      const path = await api.objectPath({ apiVersion, kind, namespace: metadata.namespace ?? "" });
      expectDone(await api.request({ method: "POST", path, query: { fieldManager: manager }, body: object }));
    },
    async applyAs(manager, object) {
      const path = await pathOf(object);
      const query = { fieldManager: manager, force: "true" };
      const contentType = "application/apply-patch+yaml";
      expectDone(await api.request({ method: "PATCH", path, query, contentType, body: object }));
    },
    async patchAs(manager, object, body) {
      const path = await pathOf(object);
      const contentType = "application/merge-patch+json";
      const query = { fieldManager: manager };
      expectDone(await api.request({ method: "PATCH", path, query, contentType, body }));
    },
    async remove(object) {
      const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
      expectDone(await api.request({ method: "DELETE", path: await pathOf(object), body }));
      await pollUntil(async () => (await read(object)).status === 404, {
        everyMs: 20,
        timeoutMs: 20_000,
        what: `${object.metadata.name} to be gone`,
      });
    },
  };
}

async function ensureNamespace(api: KubeApi, name: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const answer = await api.request({ method: "POST", path: "/api/v1/namespaces", body });
  if (answer.status !== 409) expectDone(answer);
}

/** JSON documents are YAML documents. */
export function toYaml(objects: readonly KubeObject[]): string {
  return objects.map((object) => `${JSON.stringify(object, null, 2)}\n`).join("---\n");
}

function expectDone(answer: KubeResponse): void {
  if (answer.status >= 400) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
}
