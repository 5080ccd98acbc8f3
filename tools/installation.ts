import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { freePort, spawnServer, type ChildServer } from "#common/kit/child.ts";
import type { Log } from "#common/kit/log.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";
import { findOnPath, startRedisServer } from "#common/kit/redis-server.ts";

/** All four services as real processes on this machine, with Postgres and Redis as children where none are given. */

export interface InstallationOptions {
  /** Data, caches and logs of this installation. */
  readonly folder: string;
  readonly settingsFile: string;
  /** The watcher's own, where it goes to the cluster by another account than the workers. */
  readonly watcherSettingsFile?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly workers: number;
  readonly log: Log;
  /** An own Postgres when absent. */
  readonly databaseUrl?: string | undefined;
  /** With neither this nor a redis-server on the PATH the queue lives in Postgres. */
  readonly redisUrl?: string | undefined;
  /** Of a Redis over TLS that no public authority signed. */
  readonly redisCaFile?: string | undefined;
  /** Where `slipway certs` wrote: the services prove their names to each other. Without, gRPC is plain. */
  readonly certificates?: string | undefined;
  /** "postgres" keeps the queue there even where a redis-server is. */
  readonly queue?: "auto" | "postgres";
  readonly postgres?: "system" | "npm";
  readonly adminToken?: string | undefined;
  readonly httpPort?: number | undefined;
  /** Keeps the database in `folder` over restarts. */
  readonly durable?: boolean;
  /** Told of each gRPC call and ticket. */
  readonly trace?: ((line: string) => void) | undefined;
}

export interface Installation {
  readonly url: string;
  readonly token: string;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** For people: which Postgres and which queue. */
  readonly postgresIs: string;
  readonly queueIs: string;
  readonly workers: readonly ChildServer[];
  /** Where each process answers its operators, by its name: `/metrics`, `/livez`, `/readyz`. */
  readonly operations: ReadonlyMap<string, string>;
  /** One more release-worker; `env` adds to its environment. */
  startWorker(env?: NodeJS.ProcessEnv): Promise<ChildServer>;
  /** Ends the API, waits for `meanwhile`, and starts it again at the same address. */
  restartApi(meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

interface Ports {
  readonly http: number;
  readonly watcher: number;
  readonly scanner: number;
}

/** Starts everything in order; a part that does not start stops the rest, and its own words are in the error. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of stops.splice(0).toReversed()) await stopOne();
  };
  try {
    return await startAll(options, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(
  options: InstallationOptions,
  stops: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Installation> {
  await mkdir(join(options.folder, "logs"), { recursive: true });
  const database = await openDatabase(options, stops);
  const queue = await openQueue(options, stops);
  const ports = await choosePorts(options);
  const token = options.adminToken ?? randomBytes(24).toString("base64url");
  const workerPorts = await Promise.all(Array.from({ length: options.workers }, () => freePort()));
  const base = serviceEnv(options, { databaseUrl: database.url, redisUrl: queue.redisUrl, ports });
  const operations = new Map<string, string>();
  const start = async (name: ServiceName, label: string, given: NodeJS.ProcessEnv): Promise<ChildServer> => {
    const env = { ...base, ...tlsEnv(options.certificates, name), SLIPWAY_NAME: label, ...given };
    const onOps = (address: string): void => void operations.set(label, address);
    const child = await startService({ options, name, label, env, onOps });
    stops.push(() => child.stop());
    return child;
  };
  const apiEnv = {
    SLIPWAY_HTTP_PORT: String(ports.http),
    SLIPWAY_ADMIN_TOKEN: token,
    SLIPWAY_WORKER_ADDRESSES: workerPorts.map((port) => `127.0.0.1:${port}`).join(","),
  };
  let api = start("api", "api", apiEnv);
  const watcher = start("cluster-watcher", "cluster-watcher", {
    SLIPWAY_GRPC_PORT: String(ports.watcher),
    SLIPWAY_CONFIG: options.watcherSettingsFile ?? options.settingsFile,
  });
  const scanner = start("registry-scanner", "registry-scanner", { SLIPWAY_GRPC_PORT: String(ports.scanner) });
  const workers: ChildServer[] = [];
  let begun = 0;
  const startWorker = async (port: number, env: NodeJS.ProcessEnv = {}): Promise<ChildServer> => {
    begun += 1;
    const label = `release-worker-${begun}`;
    const child = await start("release-worker", label, { SLIPWAY_GRPC_PORT: String(port), ...env });
    workers.push(child);
    return child;
  };
  const settled = await Promise.allSettled([
    api,
    watcher,
    scanner,
    ...workerPorts.map((port) => startWorker(port)),
  ]);
  const failure = settled.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return {
    url: `http://127.0.0.1:${ports.http}`,
    token,
    databaseUrl: database.url,
    redisUrl: queue.redisUrl,
    postgresIs: database.is,
    queueIs: queue.is,
    workers,
    operations,
    restartApi: async (meanwhile) => {
      await (await api).stop();
      await meanwhile?.();
      api = start("api", "api", apiEnv);
      await api;
    },
    startWorker: async (env) => startWorker(await freePort(), env),
    stop,
  };
}

async function choosePorts({ httpPort }: InstallationOptions): Promise<Ports> {
  return { http: httpPort ?? (await freePort()), watcher: await freePort(), scanner: await freePort() };
}

async function openDatabase(options: InstallationOptions, stops: (() => Promise<void>)[]) {
  if (options.databaseUrl !== undefined) return { url: options.databaseUrl, is: "Postgres as given" };
  const server = await startPostgresServer({
    env: options.env,
    log: options.log,
    ...(options.durable === true ? { folder: join(options.folder, "postgres") } : {}),
    ...(options.postgres === undefined ? {} : { kind: options.postgres }),
  });
  stops.push(() => server.stop());
  const origin = server.kind === "npm" ? "from npm" : "of this system";
  return { url: server.url, is: `Postgres ${server.version.split(".")[0] ?? ""} (${origin})` };
}

async function openQueue(options: InstallationOptions, stops: (() => Promise<void>)[]) {
  if (options.redisUrl !== undefined) return { redisUrl: options.redisUrl, is: "queue on Redis as given" };
  if (options.queue === "postgres") return { redisUrl: undefined, is: "queue on Postgres" };
  const command = findOnPath("redis-server", options.env);
  if (command === undefined) {
    return { redisUrl: undefined, is: "queue on Postgres (no redis-server on PATH)" };
  }
  const server = await startRedisServer({ command, folder: join(options.folder, "redis"), log: options.log });
  stops.push(() => server.stop());
  return { redisUrl: server.url, is: "queue on Redis" };
}

function tlsEnv(folder: string | undefined, name: ServiceName): NodeJS.ProcessEnv {
  if (folder === undefined) return {};
  return {
    SLIPWAY_TLS_CA_FILE: join(folder, "ca.crt"),
    SLIPWAY_TLS_CERT_FILE: join(folder, `${name}.crt`),
    SLIPWAY_TLS_KEY_FILE: join(folder, `${name}.key`),
  };
}

function serviceEnv(
  options: InstallationOptions,
  o: { databaseUrl: string; redisUrl: string | undefined; ports: Ports },
): NodeJS.ProcessEnv {
  return {
    ...options.env,
    DATABASE_URL: o.databaseUrl,
    REDIS_URL: o.redisUrl ?? "",
    REDIS_CA_FILE: options.redisCaFile ?? "",
    SLIPWAY_CONFIG: options.settingsFile,
    SLIPWAY_WATCHER_ADDRESS: `127.0.0.1:${o.ports.watcher}`,
    SLIPWAY_SCANNER_ADDRESS: `127.0.0.1:${o.ports.scanner}`,
    SLIPWAY_CACHE_FOLDER: join(options.folder, "git"),
    // Each takes a free one and says in its log which.
    SLIPWAY_OPS_PORT: "0",
    SLIPWAY_TRACE: options.trace === undefined ? "" : "true",
    SLIPWAY_LOG_LEVEL: options.env["SLIPWAY_LOG_LEVEL"] ?? "info",
  };
}

interface ServiceStart {
  readonly options: InstallationOptions;
  readonly name: ServiceName;
  readonly label: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told where the process answers its operators. */
  readonly onOps: (address: string) => void;
}

async function startService({ options, name, label, env, onOps }: ServiceStart): Promise<ChildServer> {
  const file = createWriteStream(join(options.folder, "logs", `${label}.log`), { flags: "a" });
  const child = await spawnServer({
    name: label,
    command: process.execPath,
    args: [join(import.meta.dirname, "..", "services", name, "main.ts")],
    env,
    ipc: true,
    log: options.log,
    readyWhen: /"text":"started"/,
    readyTimeoutMs: 30_000,
    onLine: (line) => {
      file.write(`${line}\n`);
      const [, address] = /"address":"([^"]+)","text":"operations listen"/.exec(line) ?? [];
      if (address !== undefined) onOps(address);
      if (line.startsWith("trace: ")) options.trace?.(line.slice("trace: ".length));
    },
  });
  void child.exited.then(() => file.end());
  return child;
}
