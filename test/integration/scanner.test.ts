import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { queueNames, repositorySubject } from "#common/contracts/queue.ts";
import { spawnServer } from "#common/kit/child.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createGrpcClient, createGrpcServer } from "#common/kit/grpc.ts";
import { silentLog } from "#common/kit/log.ts";
import { createQueue } from "#common/kit/queue.ts";
import type { Bell } from "#common/kit/queue.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { pollUntil } from "#common/kit/retry.ts";
import * as images from "#common/store/images.ts";
import { createStore } from "#common/store/store.ts";
import type { Store } from "#common/store/store.ts";
import { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import type { SandboxRegistry } from "#sandbox/registry/registry.ts";
import { hasDockerRegistry, startDockerRegistry } from "#support/docker-registry.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { pushImage, pushTag } from "#support/push-image.ts";
import { createClientSource } from "../../services/registry-scanner/client-source.ts";
import { createRegistryService } from "../../services/registry-scanner/grpc.ts";
import { createHostBudget } from "../../services/registry-scanner/host-budget.ts";
import { createScanMemory } from "../../services/registry-scanner/scan-memory.ts";
import { createScanner } from "../../services/registry-scanner/scanner.ts";
import type { Scanner } from "../../services/registry-scanner/scanner.ts";
import { moveRhythm } from "../../services/registry-scanner/schedule.ts";
import type { MoveRhythm } from "../../services/registry-scanner/schedule.ts";
import { createWanted } from "../../services/registry-scanner/wanted.ts";

const canary = "s3cret-canary";
const builtAt = new Date("2016-11-18T16:00:00Z");
const hosts = { shop: "registry.example.com", other: "other.example.com" };
const frontEnd = `${hosts.shop}/shop/front-end`;
const cart = `${hosts.shop}/shop/cart`;
const elsewhere = `${hosts.other}/shop/queue`;

interface ScannerOptions {
  readonly rhythm?: MoveRhythm;
  readonly fetchTimeoutMs?: number;
  readonly running?: readonly string[];
  readonly bell?: Bell;
}

const realRegistry = await hasDockerRegistry();

describe.runIf(hasPostgres())("the registry scanner", () => {
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

  async function aStore(): Promise<Store> {
    databaseUrl = await postgres.createDatabase();
    const store = createStore({ databaseUrl });
    closers.push(() => store.stop());
    await store.start();
    return store;
  }

  async function aRegistry(): Promise<SandboxRegistry> {
    const registry = createSandboxRegistry();
    await registry.start();
    closers.push(() => registry.stop());
    return registry;
  }

  /** Before a registry: answers 500 where it is told to, else what the registry answers. */
  async function aProxy(registry: SandboxRegistry, fails: (path: string) => boolean): Promise<string> {
    const server = createServer((request, response) => {
      const path = request.url ?? "/";
      if (fails(path)) response.writeHead(500).end();
      else response.writeHead(307, { location: `${registry.url}${path}` }).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(async () => server.close().closeAllConnections());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A scanner that is not started: tests say when it claims. */
  function aScanner(store: Store, urls: readonly string[], o: ScannerOptions = {}): Scanner {
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
    closers.push(() => clients.stop());
    const deps = {
      store,
      clients,
      budget: createHostBudget(systemClock),
      memory: createScanMemory(),
      clock: systemClock,
      random: () => 0.5,
      log: silentLog,
      trace: undefined,
      intervalMs: 60_000,
      moveRhythm: o.rhythm ?? moveRhythm,
    };
    const wanted = createWanted({
      store,
      running: { listWorkloads: async () => ({ workloads: (o.running ?? []).map(aWorkload) }) },
      environments: ["default"],
      clock: systemClock,
      log: silentLog,
    });
    const scanner = createScanner({ deps, bell: o.bell ?? silentBell, wanted });
    closers.push(() => scanner.stop());
    return scanner;
  }

  async function aWorld(o: ScannerOptions = {}) {
    const [store, registry] = await Promise.all([aStore(), aRegistry()]);
    const scanner = aScanner(store, [registry.url], o);
    return { store, registry, scanner };
  }

  test("tags with their dates, digests and platforms end up in the store", async () => {
    const { store, registry, scanner } = await aWorld();
    const digest = registry.addImage("shop/front-end", "0.3.1", { createdAt: builtAt });
    await images.wantRepositories(store.db, [frontEnd]);
    await scanDue(scanner);
    const known = await repositoryOf(store, frontEnd);
    expect(known).toMatchObject({ complete: true, problem: null, failures: 0 });
    expect(known.scanned_at).toBeInstanceOf(Date);
    expect(known.images).toMatchObject([
      { tag: "0.3.1", digest, createdAt: builtAt, createdFrom: "config", platforms: ["linux/amd64"] },
    ]);
  });

  test("an image of three tags is described once", async () => {
    const { store, registry, scanner } = await aWorld();
    registry.addImage("shop/front-end", "0.3.1", { createdAt: builtAt });
    registry.retag("shop/front-end", "0.3.1", "0.3");
    registry.retag("shop/front-end", "0.3.1", "latest");
    await images.wantRepositories(store.db, [frontEnd]);
    await scanDue(scanner);
    expect(registry.requests()).toMatchObject({
      tags: 1,
      manifestHead: 3,
      manifestGet: 1,
      blob: 1,
      total: 6,
    });
    const dates = (await repositoryOf(store, frontEnd)).images.map((image) => image.createdAt);
    expect(dates).toEqual([builtAt, builtAt, builtAt]);
  });

  test("a second scan costs one request and no description", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 20);
    await scanNow(store, scanner, frontEnd);
    registry.resetRequests();
    await scanNow(store, scanner, frontEnd);
    expect(registry.requests()).toMatchObject({ tags: 1, total: 1 });
  });

  test("a new tag is there after a refresh of at most three requests", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 5);
    await scanNow(store, scanner, frontEnd);
    registry.addImage("shop/front-end", "9.0.0", { createdAt: builtAt, digestSeed: "new" });
    registry.resetRequests();
    const answer = await scanner.refresh(frontEnd);
    expect(answer.images.find(({ tag }) => tag === "9.0.0")?.createdAt).toEqual(builtAt);
    expect(registry.requests().total).toBeLessThanOrEqual(3);
  });

  test("refreshes of one repository at the same time are merged", async () => {
    const { registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    const answers = await Promise.all(Array.from({ length: 20 }, () => scanner.refresh(frontEnd)));
    expect(answers.every((answer) => answer.images.length === 3)).toBe(true);
    expect(registry.requests().tags).toBeLessThanOrEqual(2);
  });

  test("a named tag is found the moment it was pushed, and needs no request afterwards", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    await scanNow(store, scanner, frontEnd);
    const digest = registry.addImage("shop/front-end", "new", { createdAt: builtAt, digestSeed: "new" });
    const look = await scanner.refreshTag(frontEnd, "new");
    expect(look).toMatchObject({ found: true, problem: null });
    expect(look.repository.images.find(({ tag }) => tag === "new")).toMatchObject({
      digest,
      createdAt: builtAt,
    });
    registry.resetRequests();
    expect((await scanner.refreshTag(frontEnd, "new")).found).toBe(true);
    expect((await scanner.refreshTag(frontEnd, digest)).found).toBe(true);
    expect(registry.requests().total).toBe(0);
  });

  test("a tag or digest that does not exist is not found", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    await scanNow(store, scanner, frontEnd);
    expect(await scanner.refreshTag(frontEnd, "nope")).toMatchObject({ found: false, problem: null });
    const digest = `sha256:${"0".repeat(64)}`;
    expect(await scanner.refreshTag(frontEnd, digest)).toMatchObject({ found: false });
    const absent = await scanner.refreshTag(`${hosts.shop}/absent`, "1");
    expect(absent).toMatchObject({ found: false, problem: { code: "REGISTRY_NOT_FOUND" } });
  });

  test("a moved tag gets its new digest, its description and the time of the move", async () => {
    const { store, registry, scanner } = await aWorld({ rhythm: { everyScans: 2, everyMs: 3_600_000 } });
    registry.addImage("shop/front-end", "stable", { createdAt: builtAt });
    await scanNow(store, scanner, frontEnd);
    const digest = registry.addImage("shop/front-end", "stable", { createdAt: builtAt, digestSeed: "moved" });
    await scanNow(store, scanner, frontEnd);
    const [image] = (await repositoryOf(store, frontEnd)).images;
    expect(image).toMatchObject({ digest, createdAt: builtAt, movedAt: expect.any(Date) });
  });

  test("tags beyond what one scan reads are read by later ones", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 230);
    await scanNow(store, scanner, frontEnd);
    expect(await images.missingManifests(store.db, frontEnd)).toHaveLength(30);
    await scanNow(store, scanner, frontEnd);
    expect(await images.missingManifests(store.db, frontEnd)).toHaveLength(0);
  });

  describe.each([
    { name: "401", fault: { status: 401 }, code: "REGISTRY_AUTH_FAILED" },
    { name: "429", fault: { status: 429, retryAfter: 300 }, code: "REGISTRY_RATE_LIMITED" },
    { name: "503", fault: { status: 503 }, code: "REGISTRY_UNAVAILABLE" },
  ])("when the registry answers $name", ({ fault, code }) => {
    test("its repository keeps the last good list beside the problem; others are scanned", async () => {
      const [store, bad, good] = [await aStore(), await aRegistry(), await aRegistry()];
      const scanner = aScanner(store, [bad.url, good.url]);
      fill(bad, "shop/front-end", 3);
      fill(good, "shop/queue", 3);
      await scanNow(store, scanner, frontEnd);
      bad.failNext(100, fault);
      await images.wakeRepository(store.db, frontEnd);
      await images.wantRepositories(store.db, [elsewhere]);
      await scanDue(scanner);
      expect(await repositoryOf(store, frontEnd)).toMatchObject({ problem: { code }, failures: 1 });
      expect((await repositoryOf(store, frontEnd)).images).toHaveLength(3);
      expect(await repositoryOf(store, elsewhere)).toMatchObject({ problem: null });
      expect((await repositoryOf(store, elsewhere)).images).toHaveLength(3);
    });
  });

  test("Retry-After is honoured by the schedule and for the whole host", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 1);
    registry.failNext(1, { status: 429, retryAfter: 300 });
    await scanNow(store, scanner, frontEnd);
    const before = await store.now();
    const { due_at: dueAt } = await repositoryOf(store, frontEnd);
    expect(dueAt!.getTime() - before.getTime()).toBeGreaterThan(290_000);
    registry.resetRequests();
    const answer = await scanner.refresh(cart);
    expect(answer.problem).toMatchObject({ code: "REGISTRY_RATE_LIMITED" });
    expect(registry.requests().total).toBe(0);
  });

  test("junk instead of a tag list is a problem of its repository", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    registry.truncateNext(1);
    await scanNow(store, scanner, frontEnd);
    expect(await repositoryOf(store, frontEnd)).toMatchObject({ problem: { code: "REGISTRY_BAD_ANSWER" } });
    await scanNow(store, scanner, frontEnd);
    expect(await repositoryOf(store, frontEnd)).toMatchObject({ problem: null, failures: 0 });
  });

  test("one image that cannot be read does not hide the others, and is told as a problem", async () => {
    const { store, registry } = await aWorld();
    fill(registry, "shop/front-end", 30);
    const broken = registry.retag("shop/front-end", "1.0.7", "1.0.7");
    const scanner = aScanner(store, [await aProxy(registry, (path) => path.endsWith(broken)), registry.url]);
    await scanNow(store, scanner, frontEnd);
    const known = await repositoryOf(store, frontEnd);
    expect(known.problem).toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const unread = known.images.filter(({ createdAt }) => createdAt === null);
    expect(unread.map(({ tag }) => tag)).toEqual(["1.0.7"]);
    registry.resetRequests();
    await scanNow(store, scanner, frontEnd);
    expect(registry.requests().total).toBe(1);
  });

  test("a label that Postgres cannot hold is no obstacle", async () => {
    const { store, registry, scanner } = await aWorld();
    registry.addImage("shop/front-end", "1", { createdAt: builtAt, labels: { a: "zero \0 half \ud800" } });
    await scanNow(store, scanner, frontEnd);
    const [image] = (await repositoryOf(store, frontEnd)).images;
    expect(image).toMatchObject({ createdAt: builtAt, labels: { a: "zero  half \ufffd" } });
  });

  test("a repository that hangs ends as a problem, and delays no other registry", async () => {
    const [store, bad, good] = [await aStore(), await aRegistry(), await aRegistry()];
    const scanner = aScanner(store, [bad.url, good.url], { fetchTimeoutMs: 1_000 });
    const hanging = Array.from({ length: 12 }, (_, index) => `slow/${index}`);
    for (const repository of hanging) bad.hang(repository);
    fill(good, "shop/queue", 3);
    const keys = hanging.map((repository) => `${hosts.shop}/${repository}`);
    await images.wantRepositories(store.db, [...keys, elsewhere]);
    await scanner.claim();
    await until(async () => (await repositoryOf(store, elsewhere)).images.length === 3);
    expect((await repositoryOf(store, keys.at(-1)!)).problem).toBeNull();
    await scanner.idle();
    for (const key of keys)
      expect(await repositoryOf(store, key)).toMatchObject({ problem: { code: "REGISTRY_UNAVAILABLE" } });
  });

  test("two scanners share what is due and scan nothing twice", async () => {
    const { store, registry, scanner } = await aWorld();
    const other = aScanner(store, [registry.url]);
    const repositories = Array.from({ length: 40 }, (_, index) => `many/${index}`);
    for (const repository of repositories) fill(registry, repository, 1);
    await images.wantRepositories(
      store.db,
      repositories.map((repository) => `${hosts.shop}/${repository}`),
    );
    await Promise.all([scanner.claim(), other.claim()]);
    await Promise.all([scanner.idle(), other.idle()]);
    expect(registry.requests().tags).toBe(40);
  });

  test("a started scanner scans what runs, without a word from anybody", async () => {
    const { store, registry, scanner } = await aWorld({ running: [`${cart}:1.0.0`] });
    fill(registry, "shop/cart", 2);
    await scanner.start();
    await until(async () => (await images.imagesOf(store.db, [cart])).get(cart)?.images.length === 2);
  });

  test("gRPC answers from the store at once, and from the registry when asked to", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 2);
    const service = createRegistryService({ store, scanner });
    const server = createGrpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [[RegistryServiceDefinition, service]],
      log: silentLog,
    });
    await server.start();
    const client = createGrpcClient(RegistryServiceDefinition, { address: `127.0.0.1:${server.port()}` });
    closers.push(async () => {
      client.close();
      await server.stop();
    });
    const unknown = await client.listImages({ repositories: [frontEnd] });
    expect(unknown.repositories).toMatchObject([{ key: frontEnd, images: [], scannedAt: undefined }]);
    const { repository } = await client.refresh({ repository: frontEnd, tag: "" });
    expect(repository).toMatchObject({ complete: true, errorCode: "", scannedAt: expect.any(Date) });
    expect(repository?.images.map(({ tag }) => tag).toSorted()).toEqual(["1.0.0", "1.0.1"]);
    registry.failNext(1, { status: 500 });
    const failed = await client.refresh({ repository: frontEnd, tag: "nope" });
    expect(failed).toMatchObject({ tagFound: false, repository: { errorCode: "REGISTRY_UNAVAILABLE" } });
    expect(failed.repository?.images).toHaveLength(2);
    await expect(client.refresh({ repository: "Not a name", tag: "" })).rejects.toMatchObject({
      code: "IMAGE_REF_INVALID",
    });
  });

  test("a ring scans at once, and finds a tag that moved", async () => {
    const { store, registry } = await aWorld();
    const queue = createQueue({ databaseUrl, log: silentLog });
    closers.push(() => queue.stop());
    await queue.start();
    const scanner = aScanner(store, [registry.url], { bell: queue });
    registry.addImage("shop/front-end", "stable", { createdAt: builtAt });
    await scanner.refresh(frontEnd);
    await scanner.start();
    const digest = registry.addImage("shop/front-end", "stable", { createdAt: builtAt, digestSeed: "moved" });
    await images.wakeRepository(store.db, frontEnd);
    await queue.ring(queueNames.scanner, repositorySubject(frontEnd));
    await until(async () => (await repositoryOf(store, frontEnd)).images[0]?.digest === digest);
  });

  test("the process serves, scans what is wanted, keeps its secrets and ends when told to", async () => {
    const store = await aStore();
    const auth = { kind: "token", username: "bot", password: canary } as const;
    const registry = createSandboxRegistry({ auth });
    await registry.start();
    closers.push(() => registry.stop());
    fill(registry, "shop/front-end", 2);
    await images.wantRepositories(store.db, [frontEnd, `${hosts.other}/nobody/there`]);
    const running = await aProcess(registry.url);
    closers.push(() => running.child.stop());
    await until(async () => (await repositoryOf(store, frontEnd)).images.every((image) => image.createdAt));
    await until(async () => (await repositoryOf(store, `${hosts.other}/nobody/there`)).problem !== null);
    const client = createGrpcClient(RegistryServiceDefinition, { address: running.address });
    closers.push(async () => client.close());
    const { repository } = await client.refresh({ repository: frontEnd, tag: "" });
    expect(repository?.images).toHaveLength(2);
    await running.child.stop();
    expect(await running.child.exited).toEqual({ code: 0, signal: null });
    expect(running.output()).toContain(`scan ${frontEnd}: 2 tags`);
    expect(running.output()).not.toContain(canary);
  });

  async function aProcess(registryUrl: string) {
    const folder = await mkdtemp(join(tmpdir(), "slipway-scanner-"));
    closers.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "slipway.yaml"), settingsFile(registryUrl));
    const { child, lines, address } = await startProcess({
      DATABASE_URL: databaseUrl,
      SLIPWAY_CONFIG: join(folder, "slipway.yaml"),
      SLIPWAY_GRPC_PORT: "0",
      SLIPWAY_WATCHER_ADDRESS: "127.0.0.1:9",
      SLIPWAY_LOG_LEVEL: "debug",
      SLIPWAY_TRACE: "true",
      REGISTRY_PASSWORD: canary,
    });
    return { child, address, output: () => lines.join("\n") };
  }

  describe.runIf(realRegistry)("with the real docker-registry", () => {
    test("tags end up in the store with their dates, and a new one after a refresh", async () => {
      const store = await aStore();
      const registry = await startDockerRegistry();
      closers.push(() => registry.stop());
      const scanner = aScanner(store, [registry.url]);
      await pushImage(registry, "shop/front-end:0.3.0", { createdAt: builtAt });
      await pushTag(registry, "shop/front-end:0.3.0", "0.3");
      await scanNow(store, scanner, frontEnd);
      await pushImage(registry, "shop/front-end:0.3.1", { createdAt: builtAt, digestSeed: "next" });
      expect((await scanner.refreshTag(frontEnd, "0.3.1")).found).toBe(true);
      const { images: known } = await scanner.refresh(frontEnd);
      expect(known.map(({ tag, createdAt }) => [tag, createdAt])).toEqual([
        ["0.3.1", builtAt],
        ["0.3.0", builtAt],
        ["0.3", builtAt],
      ]);
    });
  });
});

function settingsFile(registryUrl: string): string {
  const credential = { username: "bot", passwordEnv: "REGISTRY_PASSWORD" };
  return JSON.stringify({
    environments: [
      { name: "default", cluster: { inCluster: true }, git: { url: "https://git.example.com/shop/config" } },
    ],
    registries: [
      { host: hosts.shop, endpoint: registryUrl, ...credential },
      { host: hosts.other, endpoint: "http://127.0.0.1:9" },
    ],
  });
}

async function startProcess(env: Record<string, string>) {
  const lines: string[] = [];
  const child = await spawnServer({
    name: "registry-scanner",
    command: process.execPath,
    args: [join(import.meta.dirname, "../../services/registry-scanner/main.ts")],
    env: { PATH: process.env["PATH"], ...env },
    readyWhen: /"text":"started"/,
    log: silentLog,
    onLine: (line) => lines.push(line),
  });
  const listening = lines.find((line) => line.includes("gRPC listens")) ?? "{}";
  const { address } = JSON.parse(listening.slice(listening.indexOf("{"))) as { address: string };
  return { child, lines, address };
}

const silentBell: Bell = {
  backend: "postgres",
  ring: async () => undefined,
  every: async () => undefined,
  listen: async () => ({ close: async () => undefined }),
};

function fill(registry: SandboxRegistry, repository: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    const digestSeed = `${repository} ${index}`;
    registry.addImage(repository, `1.0.${index}`, { createdAt: builtAt, digestSeed });
  }
}

async function scanDue(scanner: Scanner): Promise<void> {
  await scanner.claim();
  await scanner.idle();
}

async function scanNow(store: Store, scanner: Scanner, key: string): Promise<void> {
  await images.wantRepositories(store.db, [key]);
  await images.wakeRepository(store.db, key);
  await scanDue(scanner);
}

async function repositoryOf(store: Store, key: string): Promise<images.RepositoryImages> {
  const known = (await images.imagesOf(store.db, [key])).get(key);
  if (known === undefined) throw new Error(`${key} is not in the store`);
  return known;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await pollUntil(condition, { everyMs: 10, timeoutMs: 20_000 });
}

function aWorkload(image: string): Workload {
  return Workload.fromPartial({ containers: [{ name: "main", image, init: false }] });
}
