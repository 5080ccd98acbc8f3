import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { createKubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { freePorts } from "./free-ports.ts";
import { startPart } from "./supervised.ts";
import type { Part } from "./supervised.ts";

export type KubePartName = "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler";

/** A control plane of our own: real API server and controllers, no kubelet. */
export interface KubeBox {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  readonly adminToken: string;
  /** The folder with the binaries. */
  readonly assets: string;
  /** Runs kubectl as the administrator and returns what it printed; rejects when it fails. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Sends a signal to one part; SIGKILL and SIGTERM end it until `revive`. */
  signal(part: KubePartName, signal: NodeJS.Signals): void;
  /** Starts an ended part again and waits until the plane is ready. */
  revive(part: KubePartName): Promise<void>;
  stop(): Promise<void>;
}

export const howToGetKubeBox =
  "Run test/kube-box/build once (Go, about ten minutes), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.";

const binaries = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] as const;
const readyTimeoutMs = 90_000;

/** The folder with the control plane's binaries: KUBEBUILDER_ASSETS, else what test/kube-box/build left. */
export function findKubeAssets(): string | undefined {
  const named = process.env["KUBEBUILDER_ASSETS"];
  const folders = named === undefined || named === "" ? [builtFolder()] : [named, builtFolder()];
  return folders.find((folder) => binaries.every((binary) => isExecutable(join(folder, binary))));
}

// The same key as test/kube-box/build.
function builtFolder(): string {
  const sources = join(import.meta.dirname, "../kube-box");
  const hash = createHash("sha256");
  for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(sources, file)));
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "kube-box", hash.digest("hex").slice(0, 12));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to run: either way not found.
    return false;
  }
}

/** Starts a control plane on free loopback ports and waits until it is ready. */
export async function startKubeBox(): Promise<KubeBox> {
  const assets = findKubeAssets();
  if (assets === undefined) throw new Error(`no control plane binaries. ${howToGetKubeBox}`);
  const plane = await prepare(assets);
  const parts = new Map<KubePartName, Part>();
  const start = async (name: KubePartName): Promise<void> => {
    const command = join(assets, name);
    parts.set(name, await startPart({ command, args: plane.args[name], cwd: plane.folder }));
  };
  const stop = async (): Promise<void> => {
    for (const part of [...parts.values()].toReversed()) await part.kill();
    await rm(plane.folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await start("etcd");
    await start("kube-apiserver");
    await untilReady(plane, parts);
    await start("kube-controller-manager");
    await start("kube-scheduler");
    await untilDefaultServiceAccount(plane, parts);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfig: plane.kubeconfig,
    url: plane.url,
    adminToken: plane.adminToken,
    assets,
    kubectl: (args, stdin = "") => runKubectl(plane, args, stdin),
    signal: (part, signal) => parts.get(part)?.signal(signal),
    revive: async (part) => {
      await parts.get(part)?.kill();
      await start(part);
      await untilReady(plane, parts);
    },
    stop,
  };
}

interface Plane {
  readonly assets: string;
  readonly folder: string;
  readonly url: string;
  readonly adminToken: string;
  readonly kubeconfig: string;
  readonly args: Readonly<Record<KubePartName, readonly string[]>>;
}

async function prepare(assets: string): Promise<Plane> {
  const folder = await mkdtemp(join(tmpdir(), "kube-box-"));
  const [etcd, peer, api] = await freePorts(3);
  const url = `https://127.0.0.1:${api}`;
  const adminToken = randomBytes(16).toString("hex");
  const kubeconfig = join(folder, "kubeconfig");
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(folder, "sa.key"), keys.privateKey.export({ type: "pkcs1", format: "pem" }));
  await writeFile(join(folder, "sa.pub"), keys.publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(join(folder, "tokens.csv"), `${adminToken},admin,admin,system:masters\n`);
  await writeFile(kubeconfig, kubeconfigText(url, adminToken), { mode: 0o600 });
  const args = planeArgs({
    folder,
    kubeconfig,
    etcd: `http://127.0.0.1:${etcd}`,
    peer: `http://127.0.0.1:${peer}`,
    port: String(api),
  });
  return { assets, folder, url, adminToken, kubeconfig, args };
}

/** A kubeconfig for one token; the box signs its own certificate, so it is not checked. */
export function kubeconfigText(url: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "box", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "user", user: { token } }],
    contexts: [{ name: "box", context: { cluster: "box", user: "user" } }],
    "current-context": "box",
  });
}

function planeArgs(o: { folder: string; kubeconfig: string; etcd: string; peer: string; port: string }) {
  const key = join(o.folder, "sa.key");
  return {
    etcd: [
      `--data-dir=${join(o.folder, "etcd")}`,
      `--listen-client-urls=${o.etcd}`,
      `--advertise-client-urls=${o.etcd}`,
      `--listen-peer-urls=${o.peer}`,
      "--unsafe-no-fsync",
    ],
    "kube-apiserver": [
      `--etcd-servers=${o.etcd}`,
      `--secure-port=${o.port}`,
      "--bind-address=127.0.0.1",
      `--cert-dir=${join(o.folder, "certs")}`,
      `--service-account-key-file=${join(o.folder, "sa.pub")}`,
      `--service-account-signing-key-file=${key}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--token-auth-file=${join(o.folder, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--disable-admission-plugins=ServiceAccount",
    ],
    "kube-controller-manager": [
      `--kubeconfig=${o.kubeconfig}`,
      `--service-account-private-key-file=${key}`,
      "--leader-elect=false",
      "--secure-port=0",
      "--controllers=deployment,replicaset,statefulset,daemonset,job,cronjob,namespace,garbagecollector,serviceaccount",
    ],
    "kube-scheduler": [`--kubeconfig=${o.kubeconfig}`, "--leader-elect=false", "--secure-port=0"],
  } satisfies Record<KubePartName, readonly string[]>;
}

async function untilReady(plane: Plane, parts: ReadonlyMap<KubePartName, Part>): Promise<void> {
  await untilAnswers(plane, parts, "/readyz");
}

// The service account controller fills each namespace: once it did, the controllers run.
async function untilDefaultServiceAccount(
  plane: Plane,
  parts: ReadonlyMap<KubePartName, Part>,
): Promise<void> {
  await untilAnswers(plane, parts, "/api/v1/namespaces/default/serviceaccounts/default");
}

async function untilAnswers(
  plane: Plane,
  parts: ReadonlyMap<KubePartName, Part>,
  path: string,
): Promise<void> {
  const api = await createKubeApi({ kubeconfig: plane.kubeconfig });
  const ask = async (): Promise<boolean> => {
    for (const [name, part] of parts)
      if (part.ended()) throw new Error(`${name} ended early:\n${part.output()}`);
    const answer = await api
      .request({ method: "GET", path, timeoutMs: 5_000, connection: "probe" })
      .catch(() => undefined);
    return answer?.status === 200;
  };
  try {
    await pollUntil(ask, { everyMs: 50, timeoutMs: readyTimeoutMs, what: `control plane: ${path}` });
  } finally {
    await api.close();
  }
}

function runKubectl(plane: Plane, args: readonly string[], stdin: string): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: plane.folder, KUBECONFIG: plane.kubeconfig };
  const child = spawn(join(plane.assets, "kubectl"), args, { env, timeout: 60_000 });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${errors}${output}`));
    });
  });
}
