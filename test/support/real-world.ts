import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { createKubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import type { ImageSpec } from "#sandbox/registry/image.ts";

import { startInstallation, type Installation, type InstallationOptions } from "../../tools/installation.ts";
import { createTestApi, runCommandLine, type TestApi } from "./api.ts";
import { hasDockerRegistry, startDockerRegistry, type DockerRegistry } from "./docker-registry.ts";
import type { GitHost } from "./git-host.ts";
import { startGitHttp } from "./git-http.ts";
import { findKubeAssets, howToGetKubeBox, kubeconfigText, startKubeBox, type KubeBox } from "./kube-box.ts";
import { startPodRunner } from "./pod-runner.ts";
import type { PodOutcome } from "./pod-runner.ts";
import { hasPostgres } from "./postgres.ts";
import { pushImage } from "./push-image.ts";
import { hasRedis } from "./redis.ts";
import { startSecurePostgres, startSecureRedis, storePassword } from "./secure-stores.ts";
import { makeServiceAccounts, type ServiceTokens } from "./service-accounts.ts";
import { needs } from "./skips.ts";

export interface RealWorldOptions {
  /** The config repository's first commit. */
  readonly files: Readonly<Record<string, string>>;
  /** Where in the repository the manifests are. */
  readonly paths: readonly string[];
  /** What runs already: applied with kubectl, as a user's cluster would have it. */
  readonly running: string;
  readonly namespace: string;
  /** Registry hosts that the manifests name; all lead to the one real registry. */
  readonly registryHosts: readonly string[];
  /** `repository:tag` without a host → what is pushed under it. */
  readonly images: ReadonlyMap<string, ImageSpec>;
  /** What becomes of a container with this image; ready when absent. */
  readonly outcome?: (image: string) => PodOutcome;
  /** More settings: of all, and of the environment. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, unknown>>;
}

/** Slipway's four services as processes, on a real control plane, registry, git host, Postgres and Redis. */
export interface RealWorld {
  readonly box: KubeBox;
  readonly registry: DockerRegistry;
  readonly git: GitHost;
  readonly installation: Installation;
  readonly api: TestApi;
  /** A person's clone of the repository: runs git in it after a fetch, and returns the bytes it printed. */
  look(args: readonly string[]): Promise<Buffer>;
  /** The true command line as a child; rejects when it does not exit with 0. */
  slipway(args: readonly string[]): Promise<string>;
  /** Everything the services have written about themselves so far: logs and metrics. */
  told(): Promise<string>;
  /** What must never be told: the credentials of git, registry, cluster, stores and people. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
}

export const repository = "shop/config";

/** Whether everything real is there; notes each one that is not. */
export async function hasRealWorld(): Promise<boolean> {
  const found = [
    needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox),
    await hasDockerRegistry(),
    hasPostgres(),
    hasRedis(),
  ];
  return found.every(Boolean);
}

/** Starts all of it; what was started is stopped again when a part does not come up. */
export async function startRealWorld(options: RealWorldOptions): Promise<RealWorld> {
  // Every child has its listener for our exit, and there are many.
  process.setMaxListeners(50);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of stops.splice(0).toReversed()) await stopOne();
  };
  try {
    return { ...(await startParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Stops = (() => Promise<void>)[];

async function startParts(options: RealWorldOptions, stops: Stops): Promise<Omit<RealWorld, "stop">> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-real-"));
  stops.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [{ box, tokens }, registry, git] = await Promise.all([
    startCluster(options, stops),
    startRegistry(options, stops),
    startHost(options, stops),
  ]);
  const settings = (who: keyof ServiceTokens) =>
    writeSettings({ folder: join(folder, who), options, url: box.url, token: tokens[who], registry, git });
  const stores = await startStores(folder, stops);
  const installation = await startInstallation({
    ...stores,
    folder,
    settingsFile: await settings("worker"),
    watcherSettingsFile: await settings("watcher"),
    env: { ...process.env, SLIPWAY_LOG_LEVEL: "info" },
    workers: 2,
    log: silentLog,
  });
  stops.push(() => installation.stop());
  const api = createTestApi(installation);
  const look = await cloneOf(git, join(folder, "clone"));
  return {
    box,
    registry,
    git,
    installation,
    api,
    look,
    slipway: (args) => runSlipway(installation, args),
    told: () => readTold(folder, installation),
    secrets: [
      git.token,
      registry.auth?.password ?? "",
      tokens.watcher,
      tokens.worker,
      storePassword,
      installation.token,
    ],
  };
}

/** Certificates as users make them; Postgres and Redis that take nobody without TLS and password. */
async function startStores(
  folder: string,
  stops: Stops,
): Promise<Pick<InstallationOptions, "certificates" | "databaseUrl" | "redisUrl" | "redisCaFile">> {
  const certificates = join(folder, "certs");
  const servers = ["postgres", "redis"].flatMap((name) => ["--server", `${name}=127.0.0.1`]);
  const main = join(import.meta.dirname, "..", "..", "cli", "main.ts");
  await promisify(execFile)(process.execPath, [main, "certs", certificates, ...servers]);
  // The database may run as another user, who must be able to pass.
  await chmod(folder, 0o711);
  const place = { certificates, folder };
  const postgres = await startSecurePostgres(place);
  stops.push(() => postgres.stop());
  const redis = await startSecureRedis(place);
  stops.push(() => redis.stop());
  const redisCaFile = join(certificates, "ca.crt");
  return { certificates, databaseUrl: postgres.url, redisUrl: redis.url, redisCaFile };
}

/** The services go to it by the accounts of `k8s/`; the test's own hands are the administrator's. */
async function startCluster(
  options: RealWorldOptions,
  stops: Stops,
): Promise<{ box: KubeBox; tokens: ServiceTokens }> {
  const box = await startKubeBox();
  stops.push(() => box.stop());
  const api = await createKubeApi({ kubeconfig: box.kubeconfig });
  stops.push(() => api.close());
  const runner = await startPodRunner({ api, outcome: options.outcome ?? (() => "ready") });
  stops.push(() => runner.stop());
  await box.kubectl(["create", "namespace", options.namespace]);
  await box.kubectl(["apply", "-n", options.namespace, "-f", "-"], options.running);
  return { box, tokens: await makeServiceAccounts(api, box) };
}

async function startRegistry(options: RealWorldOptions, stops: Stops): Promise<DockerRegistry> {
  const registry = await startDockerRegistry("basic");
  stops.push(() => registry.stop());
  for (const [name, spec] of options.images) await pushImage(registry, name, spec);
  return registry;
}

async function startHost(options: RealWorldOptions, stops: Stops): Promise<GitHost> {
  const git = await startGitHttp();
  stops.push(() => git.stop());
  await git.createRepository(repository, options.files);
  return git;
}

async function writeSettings(o: {
  folder: string;
  options: RealWorldOptions;
  url: string;
  token: string;
  registry: DockerRegistry;
  git: GitHost;
}): Promise<string> {
  const { folder, options, url, token, registry, git } = o;
  await mkdir(folder, { recursive: true });
  const secret = async (name: string, value: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, value, { mode: 0o600 });
    return file;
  };
  const tokenFile = await secret("git-token", git.token);
  const passwordFile = await secret("registry-password", registry.auth?.password ?? "");
  const kubeconfig = await secret("kubeconfig", kubeconfigText(url, token));
  const settings = {
    installation: "real",
    ...options.settings,
    environments: [
      {
        name: "default",
        cluster: { kubeconfig },
        git: {
          url: git.repositoryUrl(repository),
          branch: "main",
          paths: options.paths,
          username: git.username,
          tokenFile,
          allowHttp: true,
        },
        mode: "apply",
        defaultNamespace: options.namespace,
        ...options.environment,
      },
    ],
    registries: options.registryHosts.map((host) => ({
      host,
      endpoint: registry.url,
      username: registry.auth?.username,
      passwordFile,
    })),
  };
  const file = join(folder, "slipway.yaml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
  return file;
}

async function readTold(folder: string, { operations }: Installation): Promise<string> {
  const logs = join(folder, "logs");
  const files = (await readdir(logs)).map((name) => readFile(join(logs, name), "utf8"));
  const metrics = [...operations.values()].map(async (url) => (await fetch(`${url}/metrics`)).text());
  return (await Promise.all([...files, ...metrics])).join("\n");
}

async function cloneOf(git: GitHost, folder: string): Promise<RealWorld["look"]> {
  const url = new URL(git.repositoryUrl(repository));
  url.username = git.username;
  url.password = git.token;
  const run = async (args: readonly string[]): Promise<Buffer> => {
    const { stdout } = await promisify(execFile)("git", args, {
      encoding: "buffer",
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_GLOBAL: "/dev/null" },
    });
    return stdout;
  };
  await run(["clone", "--quiet", "--bare", url.href, folder]);
  return async (args) => {
    await run(["-C", folder, "fetch", "--quiet", "origin", "+refs/heads/*:refs/heads/*"]);
    return run(["-C", folder, ...args]);
  };
}

async function runSlipway(installation: Installation, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommandLine(installation, args);
  if (code === 0) return stdout;
  throw new Error(`slipway ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
}
