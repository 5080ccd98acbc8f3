import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnServer } from "#common/kit/child.ts";
import { createGrpcClient, createGrpcServer } from "#common/kit/grpc.ts";
import { createLog } from "#common/kit/log.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";
import { createStore, type Store } from "#common/store/store.ts";
import {
  ClusterServiceDefinition,
  type ClusterServiceClient,
  type ClusterServiceImplementation,
  type Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";
import type { BenchRun } from "../support/bench.ts";
import { fillStore, fleetSettings, fleetWorkloads, type Fleet } from "./fleet.ts";

/** The API as a process on a real Postgres; the watcher's words come from us, over its own protocol. */
export interface ListStage {
  readonly store: Store;
  readonly cluster: ClusterServiceClient;
  /** Reads an answer whole; seconds it took. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Got>;
}

export interface Got {
  readonly status: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly etag: string;
}

export async function onListStage(
  run: BenchRun,
  fleets: readonly Fleet[],
  act: (stage: ListStage) => Promise<void>,
): Promise<void> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    await act(await open(run, fleets, (stop) => stops.push(stop)));
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

async function open(
  run: BenchRun,
  fleets: readonly Fleet[],
  cleanUp: (stop: () => Promise<unknown>) => void,
): Promise<ListStage> {
  const log = createLog({ service: "bench", level: "warn", pretty: true });
  const postgres = await startPostgresServer({ env: process.env, log });
  cleanUp(() => postgres.stop());
  const store = createStore({ databaseUrl: postgres.url, log });
  cleanUp(() => store.stop());
  await store.start();
  for (const fleet of fleets) {
    run.signal.throwIfAborted();
    run.note(`storing ${fleet.size} workloads`);
    await fillStore({ store, databaseUrl: postgres.url }, fleet);
  }
  const server = createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[ClusterServiceDefinition, watcherOf(fleets)]],
    log,
  });
  await server.start();
  cleanUp(() => server.stop());
  const address = `127.0.0.1:${server.port()}`;
  const cluster = createGrpcClient(ClusterServiceDefinition, { address, deadlineMs: 60_000 });
  cleanUp(async () => cluster.close());
  const api = await startApi({ run, fleets, databaseUrl: postgres.url, address, cleanUp });
  return { store, cluster, get: createGet(api) };
}

const viewEveryMs = 1_000;

/** A watcher whose clusters stand still. */
function watcherOf(fleets: readonly Fleet[]): ClusterServiceImplementation {
  const known = new Map(fleets.map((fleet) => [fleet.name, fleetWorkloads(fleet)]));
  const of = (environment: string): readonly Workload[] => known.get(environment) ?? [];
  const view = { ageMs: 20n, complete: true, problem: "" };
  return {
    listWorkloads: async ({ environment }) => ({ workloads: [...of(environment)], view }),
    async *watchWorkloads({ environment }, { signal }) {
      for (const value of of(environment)) yield { event: { $case: "upserted", value } };
      while (!signal.aborted) {
        yield { event: { $case: "view", value: view } };
        await sleep(viewEveryMs, undefined, { signal });
      }
    },
    getWorkload: async () => ({}),
    explainWorkload: async () => ({}),
    getPullSecrets: async () => ({}),
    getOwner: async () => ({}),
    exportWorkloads: async function* none() {},
  };
}

interface ApiStart {
  readonly run: BenchRun;
  readonly fleets: readonly Fleet[];
  readonly databaseUrl: string;
  readonly address: string;
  readonly cleanUp: (stop: () => Promise<unknown>) => void;
}

interface ApiAt {
  readonly url: string;
  readonly token: string;
}

async function startApi({ run, fleets, databaseUrl, address, cleanUp }: ApiStart): Promise<ApiAt> {
  const settingsFile = join(run.folder, "slipway.yaml");
  const kubeconfig = join(run.folder, "kubeconfig");
  await writeFile(kubeconfig, "");
  const environments = fleets.map((fleet) => fleetSettings(fleet, kubeconfig));
  // JSON is YAML.
  await writeFile(settingsFile, JSON.stringify({ installation: "bench", environments }));
  const token = randomBytes(18).toString("base64url");
  const port = await freePort();
  const child = await spawnServer({
    name: "api",
    command: process.execPath,
    args: [join(import.meta.dirname, "../../services/api/main.ts")],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      REDIS_URL: "",
      SLIPWAY_CONFIG: settingsFile,
      SLIPWAY_HTTP_PORT: String(port),
      SLIPWAY_OPS_PORT: "0",
      SLIPWAY_ADMIN_TOKEN: token,
      SLIPWAY_WATCHER_ADDRESS: address,
      SLIPWAY_LOG_LEVEL: "info",
    },
    ipc: true,
    log: createLog({ service: "bench", level: "warn", pretty: true }),
    readyWhen: /"text":"started"/,
    readyTimeoutMs: 60_000,
  });
  cleanUp(() => child.stop());
  return { url: `http://127.0.0.1:${port}`, token };
}

function createGet({ url, token }: ApiAt): ListStage["get"] {
  return async (path, headers = {}) => {
    const beganMs = performance.now();
    const answer = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    const body = await answer.arrayBuffer();
    const seconds = (performance.now() - beganMs) / 1000;
    if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${Buffer.from(body).toString()}`);
    const etag = answer.headers.get("etag") ?? "";
    return { status: answer.status, seconds, bytes: body.byteLength, etag };
  };
}
