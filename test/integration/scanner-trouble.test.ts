import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import * as images from "#common/store/images.ts";
import type { SandboxRegistry } from "#sandbox/registry/registry.ts";
import { hasPostgres } from "#support/postgres.ts";
import {
  builtAt,
  cart,
  elsewhere,
  fill,
  frontEnd,
  hosts,
  repositoryOf,
  scanDue,
  scanNow,
  until,
  useScannerWorld,
} from "./scanner-world.ts";

describe.runIf(hasPostgres())("a registry in trouble", () => {
  const { aStore, aRegistry, aScanner, aWorld, onEnd } = useScannerWorld();

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
    const scanner = aScanner(store, [
      await aProxy(registry, (path) => (path.endsWith("/manifests/1.0.7") ? 500 : undefined)),
      registry.url,
    ]);
    await scanNow(store, scanner, frontEnd);
    const known = await repositoryOf(store, frontEnd);
    expect(known.problem).toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const unread = known.images.filter(({ createdAt }) => createdAt === null);
    expect(unread.map(({ tag }) => tag)).toEqual(["1.0.7"]);
    registry.resetRequests();
    await scanNow(store, scanner, frontEnd);
    expect(registry.requests().total).toBe(1);
  });

  test("a tag that is listed though it was deleted is left alone, and no problem", async () => {
    const { store, registry } = await aWorld();
    fill(registry, "shop/front-end", 30);
    let asked = 0;
    const proxy = await aProxy(registry, (path) => {
      if (!path.endsWith("/manifests/1.0.7")) return undefined;
      asked += 1;
      return 404;
    });
    const scanner = aScanner(store, [proxy, registry.url]);
    await scanNow(store, scanner, frontEnd);
    await scanNow(store, scanner, frontEnd);
    const known = await repositoryOf(store, frontEnd);
    expect(known).toMatchObject({ problem: null, failures: 0 });
    expect(known.images.filter(({ createdAt }) => createdAt === null)).toMatchObject([{ tag: "1.0.7" }]);
    expect(asked).toBe(1);
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

  test("a list that goes in circles is known to be cut, and nobody's tags are taken as gone", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    await scanNow(store, scanner, frontEnd);
    registry.removeTag("shop/front-end", "1.0.0");
    registry.endlessPages("shop/front-end", "repeated");
    await scanNow(store, scanner, frontEnd);
    const known = await repositoryOf(store, frontEnd);
    expect(known).toMatchObject({ complete: false, problem: null });
    expect(known.images.map(({ tag }) => tag)).toContain("1.0.0");
  });

  /** Before a registry: answers 500 where it is told to, else what the registry answers. */
  /** Answers with a status of its own, or sends on to the registry. */
  async function aProxy(
    registry: SandboxRegistry,
    own: (path: string) => number | undefined,
  ): Promise<string> {
    const server = createServer((request, response) => {
      const path = request.url ?? "/";
      const status = own(path);
      if (status !== undefined) response.writeHead(status).end();
      else response.writeHead(307, { location: `${registry.url}${path}` }).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onEnd(async () => server.close().closeAllConnections());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});
