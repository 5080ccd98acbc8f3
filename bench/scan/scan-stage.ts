import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { queueNames, repositorySubject } from "#common/contracts/queue.ts";
import { spawnServer } from "#common/kit/child.ts";
import { createLog } from "#common/kit/log.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";
import { createQueue } from "#common/kit/queue.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { dueHosts, scheduleSummary } from "#common/store/image-claims.ts";
import { wantRepositories } from "#common/store/images.ts";
import { createStore, type Store } from "#common/store/store.ts";
import { createSandboxRegistry, type SandboxRegistry } from "#sandbox/registry/registry.ts";
import { claimedScans, makeScansDue } from "#support/store-tricks.ts";
import type { BenchRun } from "../support/bench.ts";
import { residentBytes } from "../support/resident-bytes.ts";
import type { NaiveScan } from "./naive-main.ts";

/** The scanner as a process, one registry with so many repositories, and Postgres. */
export interface ScanStage {
  readonly registry: SandboxRegistry;
  readonly store: Store;
  /** Names of the repositories at the registry. */
  readonly repositories: readonly string[];
  /** Somebody uses all of them, for the first time; seconds until everything that matters is read. */
  fill(): Promise<number>;
  /** All of them are due; seconds until each was listed again. */
  sweep(): Promise<number>;
  /** As a webhook does. */
  ring(repository: string): Promise<void>;
  residentBytes(): Promise<number>;
  /** The straightforward way, on some of them. */
  naive(repositories: readonly string[]): Promise<NaiveScan>;
}

export interface ScanSize {
  readonly repositories: number;
  readonly tags: number;
}

const host = "registry.example.com";
const longestMs = 1_800_000;
const builtAt = new Date("2026-01-01T00:00:00Z");
const run = promisify(execFile);

export const keyOf = (repository: string): string => `${host}/${repository}`;

/** Starts everything and acts; ends it then. */
export async function onScanStage(
  bench: BenchRun,
  size: ScanSize,
  act: (stage: ScanStage) => Promise<void>,
): Promise<void> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    await act(await open(bench, size, (stop) => stops.push(stop)));
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

type CleanUp = (stop: () => Promise<unknown>) => void;

async function open(bench: BenchRun, size: ScanSize, cleanUp: CleanUp): Promise<ScanStage> {
  const { registry, repositories } = await fillRegistry(bench, size, cleanUp);
  const log = createLog({ service: "bench", level: "warn", pretty: true });
  const postgres = await startPostgresServer({ env: process.env, log });
  cleanUp(() => postgres.stop());
  const databaseUrl = postgres.url;
  const store = createStore({ databaseUrl, log });
  cleanUp(() => store.stop());
  await store.start();
  const queue = createQueue({ databaseUrl, log });
  cleanUp(() => queue.stop());
  await queue.start();
  const { pid } = await startScanner({ bench, databaseUrl, registryUrl: registry.url, cleanUp });
  return {
    registry,
    store,
    repositories,
    fill: () =>
      timed(bench, async () => {
        await wantRepositories(store.db, repositories.map(keyOf));
        await untilRead(bench, store);
      }),
    sweep: () =>
      timed(bench, async () => {
        await makeScansDue(store.db);
        await untilRead(bench, store);
      }),
    ring: (repository) => queue.ring(queueNames.scanner, repositorySubject(keyOf(repository))),
    residentBytes: () => residentBytes(pid),
    naive: (some) => naive(bench, registry.url, some),
  };
}

async function fillRegistry(bench: BenchRun, { repositories, tags }: ScanSize, cleanUp: CleanUp) {
  bench.note(`pushing ${repositories} x ${tags} tags to the sandbox registry`);
  const registry = createSandboxRegistry();
  await registry.start();
  cleanUp(() => registry.stop());
  const names = Array.from({ length: repositories }, (_, index) => `shop/service-${index}`);
  for (const name of names) {
    bench.signal.throwIfAborted();
    for (let tag = 0; tag < tags; tag += 1) {
      registry.addImage(name, `1.${tag}.0`, { createdAt: builtAt, digestSeed: `${name} ${tag}` });
    }
  }
  return { registry, repositories: names };
}

interface ScannerStart {
  readonly bench: BenchRun;
  readonly databaseUrl: string;
  readonly registryUrl: string;
  readonly cleanUp: CleanUp;
}

/** With the host's budget lifted, and no second scan of anything while we measure. */
async function startScanner({ bench, databaseUrl, registryUrl, cleanUp }: ScannerStart) {
  const settingsFile = join(bench.folder, "scan.yaml");
  const git = { url: "https://git.example.com/shop/config" };
  const budget = { requestsPerSecond: 10_000, requestBurst: 100_000 };
  // JSON is YAML.
  const settings = {
    environments: [{ name: "default", cluster: { inCluster: true }, git }],
    registries: [{ host, endpoint: registryUrl, ...budget }],
    scanInterval: "12h",
  };
  await writeFile(settingsFile, JSON.stringify(settings));
  const child = await spawnServer({
    name: "registry-scanner",
    command: process.execPath,
    args: [join(import.meta.dirname, "../../services/registry-scanner/main.ts")],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      REDIS_URL: "",
      SLIPWAY_CONFIG: settingsFile,
      SLIPWAY_GRPC_PORT: "0",
      // Nobody is there: only what we want is scanned.
      SLIPWAY_WATCHER_ADDRESS: "127.0.0.1:9",
    },
    ipc: true,
    log: createLog({ service: "bench", level: "error", pretty: true }),
    readyWhen: /"text":"started"/,
    readyTimeoutMs: 60_000,
  });
  cleanUp(() => child.stop());
  return child;
}

/** Nothing is due, nobody scans, and no repository has anything left to read. */
async function untilRead({ signal }: BenchRun, store: Store): Promise<void> {
  const done = async (): Promise<boolean> => {
    const { byReason } = await scheduleSummary(store.db);
    const left = (byReason.get("never-scanned") ?? 0) + (byReason.get("reading") ?? 0);
    if (left > 0 || (await dueHosts(store.db)).length > 0) return false;
    return (await claimedScans(store.db)) === 0;
  };
  await pollUntil(done, { everyMs: 50, timeoutMs: longestMs, what: "the end of all scans", signal });
}

async function timed({ signal }: BenchRun, act: () => Promise<void>): Promise<number> {
  signal.throwIfAborted();
  const beganMs = performance.now();
  await act();
  return (performance.now() - beganMs) / 1000;
}

async function naive({ signal }: BenchRun, url: string, some: readonly string[]): Promise<NaiveScan> {
  const file = join(import.meta.dirname, "naive-main.ts");
  const { stdout } = await run(process.execPath, [file, url, ...some], { signal, timeout: longestMs });
  return JSON.parse(stdout) as NaiveScan;
}
