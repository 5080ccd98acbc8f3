import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createSandboxCluster, type SandboxCluster } from "#sandbox/cluster/cluster.ts";
import { createSandboxGit, type SandboxGit } from "#sandbox/git/sandbox-git.ts";
import type { LogEntry } from "#sandbox/git/repositories.ts";
import { createSandboxRegistry, type SandboxRegistry } from "#sandbox/registry/registry.ts";
import { createTestApi, type TestApi } from "#support/api.ts";
import { layCable, type Cable } from "#support/cable.ts";
import { hasPostgres } from "#support/postgres.ts";
import { hasRedis, startRedis, type TestRedis } from "#support/redis.ts";

import { startInstallation, type Installation } from "../../tools/installation.ts";

export const repository = "shop";
export const namespace = "shop";
export const host = "registry.acme.example";

export interface SandboxWorldOptions {
  readonly services: readonly string[];
  readonly workers: number;
  readonly rolloutDeadline?: string;
  /** More settings of the environment. */
  readonly environment?: Readonly<Record<string, unknown>>;
  /** Files of the first commit beside, or in place of, those of the services. */
  readonly files?: Readonly<Record<string, string>>;
  /** Manifests of what runs beside the services. */
  readonly running?: readonly string[];
  /** Of every process, beside the usual. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further environments, made of the first one's settings; `write` makes a file of theirs. */
  readonly further?: (
    first: EnvironmentInput,
    write: (name: string, text: string) => Promise<string>,
  ) => Promise<readonly EnvironmentInput[]>;
}

/** An environment as it stands in the settings file. */
export interface EnvironmentInput {
  readonly name: string;
  readonly cluster: { readonly kubeconfig: string };
  readonly git: Readonly<Record<string, unknown>>;
  readonly mode: string;
  readonly [more: string]: unknown;
}

/** The four services as processes against sandbox peers, each behind a cable that a test can cut. */
export interface SandboxWorld {
  readonly cluster: SandboxCluster;
  readonly registry: SandboxRegistry;
  readonly git: SandboxGit;
  readonly redis: TestRedis;
  readonly cables: Readonly<Record<"cluster" | "registry" | "git" | "redis", Cable>>;
  readonly installation: Installation;
  readonly settingsFile: string;
  /** The log of a process so far, line by line. */
  logOf(name: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  readonly api: TestApi;
  /** Mends what is cut; safe to repeat. */
  mendAll(): Promise<void>;
  /** Commits of the branch since `sha`, newest first. */
  since(sha: string): Promise<readonly LogEntry[]>;
  tip(): Promise<string>;
  /** The image that a service's file declares now. */
  declared(service: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** What a sandbox world cannot bring itself. */
export function hasSandboxWorld(): boolean {
  return [hasPostgres(), hasRedis()].every(Boolean);
}

export const imageOf = (service: string, tag: string): string => `${host}/acme/${service}:${tag}`;
export const fileOf = (service: string): string => `deploy/${service}.yaml`;

/** Starts all of it and waits until every service is listed as declared and ready. */
export async function startSandboxWorld(options: SandboxWorldOptions): Promise<SandboxWorld> {
  // Every child has its listener for our exit, and there are many.
  process.setMaxListeners(50);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of stops.splice(0).toReversed()) await stopOne();
  };
  try {
    const world = await startParts(options, stops);
    await untilListed(world.api, options.services.length);
    return { ...world, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Stops = (() => Promise<void>)[];

async function startParts(options: SandboxWorldOptions, stops: Stops): Promise<Omit<SandboxWorld, "stop">> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-world-"));
  await chmod(folder, 0o711);
  stops.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const { cluster, registry, git } = await startPeers(folder, stops);
  await fill(options, { cluster, registry, git });
  const redis = await startRedis();
  stops.push(() => redis.stop());
  const ports = {
    cluster: cluster.port,
    registry: portOf(registry.url),
    git: portOf(git.url),
    redis: redis.port,
  };
  const cables = {
    cluster: await layMendable(ports.cluster),
    registry: await layMendable(ports.registry),
    git: await layMendable(ports.git),
    redis: await layMendable(ports.redis),
  };
  for (const cable of Object.values(cables)) stops.push(() => cable.close());
  const settingsFile = await writeSettings({ folder, options, cluster, cables });
  const installation = await startInstallation({
    folder,
    settingsFile,
    env: { ...process.env, SLIPWAY_LOG_LEVEL: "info", ...options.env },
    workers: options.workers,
    redisUrl: `redis://127.0.0.1:${cables.redis.port}`,
    log: silentLog,
  });
  stops.push(() => installation.stop());
  const log = () => git.log(repository, "main");
  return {
    cluster,
    registry,
    git,
    redis,
    cables,
    installation,
    settingsFile,
    logOf: async (name) => {
      const text = await readFile(join(folder, "logs", `${name}.log`), "utf8");
      const lines = text.split("\n").filter((line) => line.startsWith("{"));
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    api: createTestApi(installation),
    mendAll: async () => {
      for (const cable of Object.values(cables)) await cable.mend();
    },
    tip: async () => (await log())[0]?.sha ?? "",
    since: async (sha) => {
      const entries = await log();
      const index = entries.findIndex((entry) => entry.sha === sha);
      if (index === -1) throw new Error(`${sha} is not on the branch any more`);
      return entries.slice(0, index);
    },
    declared: async (service) => {
      const text = (await git.readFile(repository, "main", fileOf(service))).toString();
      return /image: (\S+)/.exec(text)?.[1];
    },
  };
}

async function startPeers(folder: string, stops: Stops) {
  const cluster = createSandboxCluster({
    readyAfterMs: 50,
    outcome: (image) => (image.endsWith(":broken") ? "pull-failure" : "ready"),
  });
  const registry = createSandboxRegistry();
  const gitFolder = join(folder, "git-host");
  await mkdir(gitFolder);
  const git = createSandboxGit({
    folder: gitFolder,
    username: "slipway",
    token: "sandbox",
    port: await freePort(),
  });
  for (const peer of [cluster, registry, git]) {
    await peer.start();
    stops.push(() => peer.stop());
  }
  return { cluster, registry, git };
}

/** A cable that may be cut and mended more than once. */
async function layMendable(port: number): Promise<Cable> {
  const cable = await layCable(port);
  let whole = true;
  const cut = async (): Promise<void> => {
    if (!whole) return;
    whole = false;
    await cable.cut();
  };
  const mend = async (): Promise<void> => {
    if (whole) return;
    await cable.mend();
    whole = true;
  };
  return { port: cable.port, cut, mend, close: cut };
}

async function fill(
  { services, files: more, running = [] }: SandboxWorldOptions,
  world: { cluster: SandboxCluster; registry: SandboxRegistry; git: SandboxGit },
): Promise<void> {
  const { cluster, registry, git } = world;
  const files = Object.fromEntries(services.map((service) => [fileOf(service), manifestOf(service)]));
  await git.createRepository(repository, { ...files, ...more }, { message: "The shop as it runs" });
  await cluster.applyManifests(`apiVersion: v1\nkind: Namespace\nmetadata: {name: ${namespace}}\n`);
  for (const text of [...Object.values(files), ...running]) await cluster.applyManifests(text);
  for (const service of services) {
    const dates = {
      "1.0.0": "2026-01-05",
      "1.1.0": "2026-01-12",
      broken: "2026-01-02",
      "1.2.0": "2026-01-19",
    };
    for (const [tag, date] of Object.entries(dates)) {
      registry.addImage(`acme/${service}`, tag, {
        createdAt: new Date(`${date}T09:00:00Z`),
        digestSeed: tag,
      });
    }
  }
}

/** A Deployment with one container, at 1.0.0. */
export function manifestOf(service: string): string {
  return `# ${service}, one of many
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${service}
  namespace: ${namespace}
spec:
  selector:
    matchLabels: {app: ${service}}
  template:
    metadata:
      labels: {app: ${service}}
    spec:
      containers:
      - name: server
        image: ${imageOf(service, "1.0.0")}   # kept by the release tool
`;
}

async function writeSettings(o: {
  folder: string;
  options: SandboxWorldOptions;
  cluster: SandboxCluster;
  cables: SandboxWorld["cables"];
}): Promise<string> {
  const { folder, options, cluster, cables } = o;
  const kubeconfig = join(folder, "kubeconfig");
  const tokenFile = join(folder, "git-token");
  const settingsFile = join(folder, "slipway.yaml");
  const direct = `127.0.0.1:${cluster.port}`;
  const config = cluster.kubeconfigYaml.replaceAll(direct, `127.0.0.1:${cables.cluster.port}`);
  await writeFile(kubeconfig, config, { mode: 0o600 });
  await writeFile(tokenFile, "sandbox", { mode: 0o600 });
  const url = `http://127.0.0.1:${cables.git.port}/${repository}.git`;
  const first: EnvironmentInput = {
    name: "default",
    cluster: { kubeconfig },
    git: { url, branch: "main", paths: ["deploy"], username: "slipway", tokenFile, allowHttp: true },
    mode: "apply",
    rolloutDeadline: options.rolloutDeadline ?? "60s",
    ...options.environment,
  };
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  const settings = {
    installation: "sandbox",
    environments: [first, ...((await options.further?.(first, write)) ?? [])],
    registries: [{ host, endpoint: `http://127.0.0.1:${cables.registry.port}` }],
  };
  // JSON is YAML.
  await writeFile(settingsFile, JSON.stringify(settings));
  return settingsFile;
}

async function untilListed(api: TestApi, wanted: number): Promise<void> {
  let last = "no answer";
  const listed = async (): Promise<boolean> => {
    const { workloads, age } = await api.workloads(`?environment=default&namespace=${namespace}&limit=200`);
    const ready = workloads.filter((one) => one.declared !== null && one.release.state === "ready").length;
    last = `${ready} of ${workloads.length}, ${JSON.stringify(age)}, ${JSON.stringify(workloads[0])}`;
    return ready === wanted;
  };
  try {
    await pollUntil(listed, { everyMs: 100, timeoutMs: 30_000, what: `${wanted} ready services` });
  } catch (cause) {
    throw new Error(`the world does not get ready: ${last}`, { cause });
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
