import { afterAll, afterEach, beforeAll } from "vitest";
import { systemClock } from "#common/kit/clock.ts";
import { silentLog } from "#common/kit/log.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import type { Bell } from "#common/kit/queue.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import * as images from "#common/store/images.ts";
import { createStore } from "#common/store/store.ts";
import type { Store } from "#common/store/store.ts";
import { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import type { SandboxRegistry, SandboxRegistryOptions } from "#sandbox/registry/registry.ts";
import { startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { createClientSource } from "../../services/registry-scanner/client-source.ts";
import { openHostBudget } from "../../services/registry-scanner/host-rows.ts";
import type { HostRate } from "../../services/registry-scanner/host-tokens.ts";
import { createScanMemory } from "../../services/registry-scanner/scan-memory.ts";
import { createScanCounts } from "../../services/registry-scanner/scan-metrics.ts";
import { createScanner } from "../../services/registry-scanner/scanner.ts";
import type { Scanner } from "../../services/registry-scanner/scanner.ts";
import { claimMsOf, moveRhythm } from "../../services/registry-scanner/schedule.ts";
import type { MoveRhythm, ScanRhythm } from "../../services/registry-scanner/schedule.ts";
import { createWanted } from "../../services/registry-scanner/wanted.ts";

export const builtAt = new Date("2016-11-18T16:00:00Z");
export const hosts = { shop: "registry.example.com", other: "other.example.com" };
export const frontEnd = `${hosts.shop}/shop/front-end`;
export const cart = `${hosts.shop}/shop/cart`;
export const elsewhere = `${hosts.other}/shop/queue`;

export interface ScannerOptions {
  readonly rhythm?: MoveRhythm;
  readonly fetchTimeoutMs?: number;
  readonly running?: readonly string[];
  readonly bell?: Bell;
  /** Default: none that a test could notice. */
  readonly rate?: HostRate;
  readonly pace?: ScanRhythm;
  readonly name?: string;
}

/** What tests of the scanner start, each ended after its test. */
export interface ScannerWorld {
  readonly aStore: () => Promise<Store>;
  /** Of the store made last. */
  readonly databaseUrl: () => string;
  readonly aRegistry: (o?: SandboxRegistryOptions) => Promise<SandboxRegistry>;
  /** A scanner that is not started (tests say when it claims), with the URLs of its two hosts. */
  readonly aScanner: (store: Store, urls: readonly string[], o?: ScannerOptions) => Scanner;
  /** A store, a registry and a scanner of both. */
  readonly aWorld: (
    o?: ScannerOptions,
  ) => Promise<{ store: Store; registry: SandboxRegistry; scanner: Scanner }>;
  readonly restartPostgres: () => Promise<void>;
  /** Called after the test, the last first. */
  readonly onEnd: (close: () => Promise<void>) => void;
}

/** Sets up Postgres for a test file. */
export function useScannerWorld(): ScannerWorld {
  let postgres: TestPostgres;
  let databaseUrl: string;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(() => postgres?.stop());

  const onEnd = (close: () => Promise<void>): void => void closers.push(close);

  async function aStore(): Promise<Store> {
    databaseUrl = await postgres.createDatabase();
    const store = createStore({ databaseUrl });
    closers.push(() => store.stop());
    await store.start();
    return store;
  }

  async function aRegistry(options?: SandboxRegistryOptions): Promise<SandboxRegistry> {
    const registry = createSandboxRegistry(options);
    await registry.start();
    closers.push(() => registry.stop());
    return registry;
  }

  const aScanner: ScannerWorld["aScanner"] = (store, urls, o = {}) => buildScanner({ store, urls, onEnd, o });

  async function aWorld(o: ScannerOptions = {}) {
    const [store, registry] = await Promise.all([aStore(), aRegistry()]);
    const scanner = aScanner(store, [registry.url], o);
    return { store, registry, scanner };
  }

  return {
    aStore,
    aRegistry,
    aScanner,
    aWorld,
    databaseUrl: () => databaseUrl,
    restartPostgres: () => postgres.restart(),
    onEnd,
  };
}

interface Build {
  readonly store: Store;
  readonly urls: readonly string[];
  readonly onEnd: ScannerWorld["onEnd"];
  readonly o: ScannerOptions;
}

function buildScanner({ store, urls, onEnd, o }: Build): Scanner {
  const [shop = "", other = shop] = urls;
  const endpoints = [
    { host: hosts.shop, endpoint: shop, insecure: false },
    { host: hosts.other, endpoint: other, insecure: false },
  ];
  const clients = createClientSource({
    registries: endpoints,
    allowPrivate: false,
    env: {},
    redactor: createRedactor(),
    log: silentLog,
    clock: systemClock,
    ...(o.fetchTimeoutMs !== undefined && { fetchTimeoutMs: o.fetchTimeoutMs }),
  });
  onEnd(() => clients.stop());
  const count = createScanCounts(createMetrics({ service: "registry-scanner", process: false }));
  const rhythm = o.pace ?? { shortestMs: 30_000, longestMs: 900_000 };
  const wanted = createWanted({
    store,
    running: { listWorkloads: async () => ({ workloads: (o.running ?? []).map(aWorkload) }) },
    environments: ["default"],
    clock: systemClock,
    log: silentLog,
    shortestMs: rhythm.shortestMs,
  });
  const deps = {
    store,
    clients,
    name: o.name ?? newUuidV7(),
    budget: openHostBudget({ store, rateOf: () => o.rate ?? unlimited, clock: systemClock, count }),
    memory: createScanMemory(),
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    trace: undefined,
    rhythm,
    claimMs: claimMsOf(rhythm),
    moveRhythm: o.rhythm ?? moveRhythm,
    runningTags: (key: string) => wanted.runningTags(key),
    count,
  };

  const scanner = createScanner({ deps, bell: o.bell ?? silentBell, wanted });
  onEnd(() => scanner.stop());
  return scanner;
}

const unlimited = { requestsPerSecond: 10_000, burst: 20_000 };

const silentBell: Bell = {
  backend: "postgres",
  ring: async () => undefined,
  every: async () => undefined,
  listen: async () => ({ close: async () => undefined }),
};

export function fill(registry: SandboxRegistry, repository: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const digestSeed = `${repository} ${index}`;
    registry.addImage(repository, `1.0.${index}`, { createdAt: builtAt, digestSeed });
  }
}

export async function scanDue(scanner: Scanner): Promise<void> {
  await scanner.claim();
  await scanner.idle();
}

export async function scanNow(store: Store, scanner: Scanner, key: string): Promise<void> {
  await images.wantRepositories(store.db, [key]);
  await images.wakeRepository(store.db, key);
  await scanDue(scanner);
}

export async function repositoryOf(store: Store, key: string): Promise<images.RepositoryImages> {
  const known = (await images.imagesOf(store.db, [key])).get(key);
  if (known === undefined) throw new Error(`${key} is not in the store`);
  return known;
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  await pollUntil(condition, { everyMs: 10, timeoutMs: 20_000 });
}

function aWorkload(image: string): Workload {
  return Workload.fromPartial({ containers: [{ name: "main", image, init: false }] });
}
