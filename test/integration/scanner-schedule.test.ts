import { describe, expect, test } from "vitest";
import { askForUnread } from "#common/store/image-uses.ts";
import * as images from "#common/store/images.ts";
import type { Store } from "#common/store/store.ts";
import { hasPostgres } from "#support/postgres.ts";
import { claimedScans, makeScansDue, postponeScans } from "#support/store-tricks.ts";
import {
  builtAt,
  cart,
  fill,
  frontEnd,
  hosts,
  repositoryOf,
  scanDue,
  scanNow,
  until,
  useScannerWorld,
} from "./scanner-world.ts";

describe.runIf(hasPostgres())("the schedule of scans", () => {
  const { aStore, aRegistry, aScanner, aWorld, restartPostgres } = useScannerWorld();

  const paceOf = async (store: Store, key: string) => {
    const { interval_ms: ms, interval_reason: reason } = await repositoryOf(store, key);
    return { ms, reason };
  };
  const many = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${hosts.shop}/many/${index}`);

  test("what was quiet for years is scanned now and then, what changes or is asked for often; rows say why", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 2);
    fill(registry, "shop/cart", 2);
    await images.wantRepositories(store.db, [frontEnd, cart]);
    await scanDue(scanner);
    expect(await paceOf(store, frontEnd)).toEqual({ ms: 900_000, reason: "quiet" });
    registry.addImage("shop/front-end", "9.0.0", { createdAt: builtAt, digestSeed: "new" });
    await scanNow(store, scanner, frontEnd);
    expect(await paceOf(store, frontEnd)).toEqual({ ms: 30_000, reason: "changed" });
    await scanner.refresh(cart);
    expect(await paceOf(store, cart)).toEqual({ ms: 30_000, reason: "asked" });
    registry.failNext(1, { status: 500 });
    await scanNow(store, scanner, cart);
    expect(await paceOf(store, cart)).toEqual({ ms: 60_000, reason: "unreadable" });
    registry.failNext(1, { status: 500 });
    await scanNow(store, scanner, cart);
    expect(await paceOf(store, cart)).toEqual({ ms: 120_000, reason: "unreadable" });
  });

  test("only tags that could matter are read; the rest as soon as somebody lists them", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 150);
    await images.wantRepositories(store.db, [frontEnd]);
    await scanDue(scanner);
    expect(await images.missingManifests(store.db, frontEnd)).toHaveLength(100);
    registry.resetRequests();
    await makeScansDue(store.db);
    await scanDue(scanner);
    expect(registry.requests().total).toBe(1);
    expect(await askForUnread(store.db, [frontEnd])).toEqual([frontEnd]);
    await scanDue(scanner);
    expect(await images.missingManifests(store.db, frontEnd)).toEqual([]);
    expect(await repositoryOf(store, frontEnd)).toMatchObject({ read_all: false });
  });

  test("a tag that moved is found by whichever scanner comes to it: the pace of that look is the store's", async () => {
    const { store, registry, scanner } = await aWorld({ rhythm: { everyScans: 2, everyMs: 3_600_000 } });
    const other = aScanner(store, [registry.url], { rhythm: { everyScans: 2, everyMs: 3_600_000 } });
    registry.addImage("shop/front-end", "stable", { createdAt: builtAt });
    await scanNow(store, scanner, frontEnd);
    const digest = registry.addImage("shop/front-end", "stable", { createdAt: builtAt, digestSeed: "moved" });
    await scanNow(store, other, frontEnd);
    const known = await repositoryOf(store, frontEnd);
    expect(known.images).toMatchObject([{ digest, movedAt: expect.any(Date) }]);
    expect(known).toMatchObject({ moves_scans: 0, interval_reason: "changed" });
  });

  test("what one scanner is refused the others do not ask for", async () => {
    const { store, registry, scanner } = await aWorld();
    const other = aScanner(store, [registry.url]);
    fill(registry, "shop/cart", 1);
    registry.failNext(1, { status: 429, retryAfter: 300 });
    await scanNow(store, scanner, frontEnd);
    registry.resetRequests();
    await scanNow(store, other, cart);
    expect((await other.refreshTag(cart, "1.0.0")).problem).toMatchObject({ code: "REGISTRY_RATE_LIMITED" });
    expect(registry.requests().total).toBe(0);
  });

  test("several scanners together stay within a host's budget", async () => {
    const rate = { requestsPerSecond: 40, burst: 8 };
    const { store, registry, scanner } = await aWorld({ rate });
    const other = aScanner(store, [registry.url], { rate });
    const keys = many(30);
    for (const key of keys) fill(registry, key.slice(hosts.shop.length + 1), 1);
    const beganMs = (await store.now()).getTime();
    await images.wantRepositories(store.db, keys);
    await Promise.all([scanDue(scanner), scanDue(other)]);
    const seconds = ((await store.now()).getTime() - beganMs) / 1000;
    const { tags, total } = registry.requests();
    expect(tags).toBe(30);
    expect(total).toBe(90);
    expect(total).toBeLessThanOrEqual(rate.burst + rate.requestsPerSecond * seconds);
  });

  test("whoever asks for a tag is answered while the schedule waits for the budget", async () => {
    const { store, registry, scanner } = await aWorld({ rate: { requestsPerSecond: 0.5, burst: 8 } });
    const keys = many(40);
    for (const key of keys) fill(registry, key.slice(hosts.shop.length + 1), 1);
    fill(registry, "shop/front-end", 1);
    await images.wantRepositories(store.db, keys);
    await scanner.claim();
    await until(async () => registry.requests().total >= 6);
    expect(await scanner.refreshTag(frontEnd, "1.0.0")).toMatchObject({ found: true });
    expect(registry.requests().tags).toBeLessThan(40);
    await scanner.stop();
  });

  test("a thousand repositories that are due at once are begun a few at a time", async () => {
    const { store, registry, scanner } = await aWorld();
    const keys = many(1_000);
    for (const key of keys) registry.hang(key.slice(hosts.shop.length + 1));
    await images.wantRepositories(store.db, keys);
    await scanner.claim();
    await scanner.claim();
    await until(async () => registry.requests().tags === 4);
    expect(await claimedScans(store.db)).toBe(16);
    await scanner.stop();
    expect(registry.requests().total).toBe(4);
    expect(await claimedScans(store.db)).toBe(0);
  });

  test("while Postgres is away scanning pauses, and goes on by itself afterwards", async () => {
    const [store, registry] = [await aStore(), await aRegistry()];
    const pace = { shortestMs: 500, longestMs: 500 };
    const scanner = aScanner(store, [registry.url], { pace, running: [`${frontEnd}:1.0.0`] });
    fill(registry, "shop/front-end", 1);
    await scanner.start();
    await until(async () => (await images.imagesOf(store.db, [frontEnd])).get(frontEnd)?.images.length === 1);
    await restartPostgres();
    registry.addImage("shop/front-end", "9.0.0", { createdAt: builtAt, digestSeed: "new" });
    await until(() => eventually(async () => (await repositoryOf(store, frontEnd)).images.length === 2));
  });

  test("a repository that is due in an hour is left alone", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 1);
    await images.wantRepositories(store.db, [frontEnd]);
    await postponeScans(store.db);
    await scanDue(scanner);
    expect(registry.requests().total).toBe(0);
  });

  /** While Postgres starts it refuses us. */
  async function eventually(ask: () => Promise<boolean>): Promise<boolean> {
    try {
      return await ask();
    } catch {
      return false;
    }
  }
});
