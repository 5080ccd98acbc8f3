import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AgentOptions } from "node:https";
import { dirname, isAbsolute, join } from "node:path";

import { KubeConfig } from "@kubernetes/client-node";
import type { Cluster, RequestContext, User } from "@kubernetes/client-node";
import { Agent, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";
import { parse } from "yaml";

import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";

/** Which cluster, and as whom. */
export interface KubeTarget {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** A context of that file; its current one by default. */
  readonly context?: string;
  /** Use the pod's own service account. */
  readonly inCluster?: boolean;
}

export interface KubeLoadOptions {
  /** Lets the kubeconfig name a program that is run for the credential. */
  readonly allowExec?: boolean;
}

/** Ordinary requests, watches and probes travel on connections of their own. */
export type KubeConnection = "call" | "watch" | "probe";

/** Everything a request needs beside its own content. */
export interface KubeAccess {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** The credential of one user at one cluster. */
export interface KubeCredentials {
  /** The address as the kubeconfig has it now. */
  readonly server: string;
  /** The context's namespace, "default" when it names none. */
  readonly namespace: string;
  access(connection: KubeConnection): Promise<KubeAccess>;
  /** Rises with each reading of files and tokens. */
  readings(): number;
  /** Reads files and tokens anew; not when that was done since the reading given. */
  reload(since?: number): Promise<void>;
  /**
   * After a connection failed: takes the kubeconfig in if it was changed, as its address or its
   * certificate authority may be others now. Returns what is wrong with a changed one, else nothing.
   */
  lookAgain(): Promise<string>;
  close(): Promise<void>;
}

type Pools = Readonly<Record<KubeConnection, Dispatcher>>;

/** Reads the target's kubeconfig (or the pod's service account); SETTINGS_INVALID says what is wrong. */
export async function loadKubeCredentials(
  target: KubeTarget,
  options: KubeLoadOptions = {},
): Promise<KubeCredentials> {
  let loaded = await loadConfig(target, options);
  let text = await textOf(target);
  let readings = 1;
  let lookedAtMs = -Infinity;
  const pools = createPools();
  // Many requests at once need one credential: a program is run, and a file is read, once for them.
  const reader = (config: KubeConfig) => shared(() => readAccess(config));
  let read = reader(loaded);
  const reload = shared(async () => {
    const newText = await textOf(target);
    loaded = await loadConfig(target, options);
    read = reader(loaded);
    text = newText;
    readings += 1;
  });
  const lookAgain = shared(async () => {
    if (systemClock.monotonicMs() - lookedAtMs < lookEveryMs) return "";
    lookedAtMs = systemClock.monotonicMs();
    const now = await textOf(target);
    return now === text || now === "" ? "" : reload().then(() => "", toldAfter);
  });
  return {
    get server() {
      return clusterOf(loaded, target).server;
    },
    namespace: loaded.getContextObject(loaded.getCurrentContext())?.namespace?.trim() ?? "default",
    access: async (connection) => {
      const { headers, tls } = await read();
      const dispatcher = pools.for(clusterOf(loaded, target), tls)[connection];
      return { headers, dispatcher };
    },
    readings: () => readings,
    reload: async (since = readings) => {
      if (since === readings) await reload();
    },
    lookAgain,
    close: () => pools.close(),
  };
}

const lookEveryMs = 1_000;

function toldAfter(error: unknown): string {
  return `; ${messageOf(error)}`;
}

/** The work of whoever began it, for all who ask before it is done. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => (running = undefined));
    return running;
  };
}

/** What says whether the kubeconfig was changed; a pod's own files are read at each request. */
async function textOf(target: KubeTarget): Promise<string> {
  if (target.inCluster === true || target.kubeconfig === undefined) return "";
  // One that is away for a moment is being replaced, which is no news yet.
  return readFile(target.kubeconfig, "utf8").catch(() => "");
}

async function loadConfig(target: KubeTarget, options: KubeLoadOptions): Promise<KubeConfig> {
  const config = target.inCluster === true ? loadInCluster() : await loadFile(target);
  const cluster = clusterOf(config, target);
  const user = config.getCurrentUser();
  if (user !== null && options.allowExec !== true) refusePrograms(user);
  if (cluster.server.startsWith("http:") && !cluster.skipTLSVerify)
    throw invalid(`cluster "${cluster.name}" is plain http: set insecure-skip-tls-verify to say it is meant`);
  try {
    await readAccess(config);
  } catch (cause) {
    throw invalid(`the credential of ${describeTarget(target)} cannot be read: ${messageOf(cause)}`, cause);
  }
  return config;
}

function loadInCluster(): KubeConfig {
  const config = newConfig();
  config.loadFromCluster();
  const server = config.getCurrentCluster()?.server ?? "";
  if (server.includes("undefined"))
    throw invalid("inCluster is set, but this process does not run in a pod (no KUBERNETES_SERVICE_HOST)");
  return config;
}

async function loadFile(target: KubeTarget): Promise<KubeConfig> {
  const path = target.kubeconfig;
  if (path === undefined) throw invalid("name a kubeconfig file, or set inCluster");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw invalid(`kubeconfig ${path} cannot be read: ${messageOf(cause)}`, cause);
  });
  const config = newConfig();
  try {
    config.loadFromString(text);
    config.users = withTokenFiles(config.users, { text, directory: dirname(path) });
    config.makePathsAbsolute(dirname(path));
  } catch (cause) {
    throw invalid(`kubeconfig ${path} is not one: ${messageOf(cause)}`, cause);
  }
  if (target.context !== undefined) config.setCurrentContext(target.context);
  return config;
}

// client-node looks for "token-file"; kubectl writes "tokenFile". Its own file authenticator
// re-reads the file once a minute, as client-go does.
function withTokenFiles(users: User[], source: { text: string; directory: string }): User[] {
  const raw = parse(source.text) as { users?: { name?: string; user?: { tokenFile?: string } }[] };
  return users.map((user) => {
    const file = raw.users?.find((entry) => entry.name === user.name)?.user?.tokenFile;
    if (file === undefined || user.token !== undefined) return user;
    const tokenFile = isAbsolute(file) ? file : join(source.directory, file);
    return { ...user, authProvider: { name: "tokenFile", config: { tokenFile } } };
  });
}

function clusterOf(config: KubeConfig, target: KubeTarget): Cluster {
  const name = config.getCurrentContext();
  const where = describeTarget(target);
  if (!name) throw invalid(`${where} has no current context; name one`);
  const context = config.getContextObject(name);
  if (context === null) {
    const known = config.getContexts().map((other) => other.name);
    throw invalid(`${where} has no context "${name}"; it has ${known.join(", ") || "none"}`);
  }
  const cluster = config.getCluster(context.cluster);
  if (cluster === null)
    throw invalid(`${where}: context "${name}" names cluster "${context.cluster}", which is not there`);
  if (context.user && config.getUser(context.user) === null)
    throw invalid(`${where}: context "${name}" names user "${context.user}", which is not there`);
  return cluster;
}

// A kubeconfig is data that people copy around: running a program because it says so is asked for.
function refusePrograms(user: User): void {
  const provider = user.authProvider as { config?: Record<string, unknown> } | null | undefined;
  const program = user.exec ?? provider?.config?.["exec"] ?? provider?.config?.["cmd-path"];
  if (program === undefined || program === null) return;
  throw invalid(
    `user "${user.name}" gets its credential by running a program (exec), which is not allowed here; use a token or a client certificate, or set cluster.allowExec`,
  );
}

/** Headers and TLS options of one request, as client-node makes them from its configuration. */
async function readAccess(
  config: KubeConfig,
): Promise<{ headers: Record<string, string>; tls: AgentOptions }> {
  const headers: Record<string, string> = {};
  let tls: AgentOptions = {};
  const context = {
    setHeaderParam: (name: string, value: string) => {
      headers[name] = value.trim();
    },
    setDispatcher: (made: unknown) => {
      tls = made as AgentOptions;
    },
  };
  await config.applySecurityAuthentication(context as unknown as RequestContext);
  return { headers, tls };
}

// client-node would make a new agent, so a new TLS connection, for each request. Ours only passes
// the options on, to the context of the same request: several may be on their way at once.
function newConfig(): KubeConfig {
  const config = new KubeConfig();
  const passOn = (_: Cluster | null, options: AgentOptions): AgentOptions => options;
  (config as unknown as { createDispatcher: typeof passOn }).createDispatcher = passOn;
  return config;
}

/** Keeps one set of connections until the certificates change. */
function createPools(): { for(cluster: Cluster, tls: AgentOptions): Pools; close(): Promise<void> } {
  let key = "";
  let pools: Pools | undefined;
  const retiring = new Set<Pools>();
  const retire = async (old: Pools): Promise<void> => {
    retiring.delete(old);
    await Promise.all(Object.values(old).map((pool) => pool.destroy()));
  };
  return {
    for: (cluster, tls) => {
      const wanted = keyOf(cluster, tls);
      if (pools !== undefined && wanted === key) return pools;
      const old = pools;
      key = wanted;
      pools = makePools(cluster, tls);
      // Open watches on the old certificate end and come back on the new one; calls finish first.
      if (old !== undefined) {
        retiring.add(old);
        setTimeout(() => void retire(old), retireAfterMs).unref();
      }
      return pools;
    },
    close: async () => {
      if (pools !== undefined) retiring.add(pools);
      pools = undefined;
      await Promise.all([...retiring].map(retire));
    },
  };
}

const retireAfterMs = 60_000;
const connectTimeoutMs = 5_000;
/** A probe that hangs while connecting must not hold back the next one for long. */
const probeConnectTimeoutMs = 2_000;
const keepAliveMs = 20_000;
const callConnections = 16;

function makePools(cluster: Cluster, tls: AgentOptions): Pools {
  const make = (connections: number | null, timeout = connectTimeoutMs): Dispatcher => {
    const connect = { ...tlsOf(tls), timeout, keepAlive: true };
    // HTTP/1.1 on purpose: a hung or draining HTTP/2 connection would hold every call at once.
    const common = { allowH2: false, connections, keepAliveTimeout: keepAliveMs };
    if (cluster.proxyUrl === undefined) return new Agent({ ...common, connect });
    if (cluster.proxyUrl.startsWith("socks"))
      throw invalid(`cluster "${cluster.name}" wants a SOCKS proxy, which is not supported`);
    return new ProxyAgent({ ...common, uri: cluster.proxyUrl, requestTls: tlsOf(tls) });
  };
  return { call: make(callConnections), watch: make(null), probe: make(null, probeConnectTimeoutMs) };
}

function tlsOf(options: AgentOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function keyOf(cluster: Cluster, tls: AgentOptions): string {
  const hash = createHash("sha256").update(`${cluster.server} ${cluster.proxyUrl ?? ""}`);
  for (const [name, value] of Object.entries(tlsOf(tls))) hash.update(`\0${name}=`).update(String(value));
  return hash.digest("hex");
}

function describeTarget(target: KubeTarget): string {
  return target.inCluster === true ? "the in-cluster configuration" : `kubeconfig ${target.kubeconfig}`;
}

function invalid(detail: string, cause?: unknown): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", { detail, cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
