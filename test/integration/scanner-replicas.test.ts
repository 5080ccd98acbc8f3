import { describe, expect, test } from "vitest";
import * as images from "#common/store/images.ts";
import type { Store } from "#common/store/store.ts";
import { hasPostgres } from "#support/postgres.ts";
import { claimedScans } from "#support/store-tricks.ts";
import { startScannerChild } from "./scanner-child.ts";
import { fill, hosts, repositoryOf, until, useScannerWorld } from "./scanner-world.ts";

describe.runIf(hasPostgres())("several scanners", () => {
  const { aStore, aRegistry, aScanner, databaseUrl, onEnd } = useScannerWorld();
  const keysAt = (host: string, count: number, team = "many"): string[] =>
    Array.from({ length: count }, (_, index) => `${host}/${team}/${index}`);

  describe.each([
    { name: "hangs", hanging: true },
    { name: "answers", hanging: false },
  ])("while another host $name", ({ hanging }) => {
    test("this one's repositories are scanned in their time, by one request each", async () => {
      const [store, bad, good] = [await aStore(), await aRegistry(), await aRegistry()];
      const [badKeys, goodKeys] = [keysAt(hosts.shop, 60), keysAt(hosts.other, 30, "other")];
      for (const key of goodKeys) fill(good, key.slice(hosts.other.length + 1), 1);
      for (const key of badKeys) {
        fill(bad, key.slice(hosts.shop.length + 1), 1);
        if (hanging) bad.hang(key.slice(hosts.shop.length + 1));
      }
      const urls = [bad.url, good.url];
      const scanners = [aScanner(store, urls), aScanner(store, urls)];
      const rounds = 3;
      await images.wantRepositories(store.db, [...badKeys, ...goodKeys]);
      for (let round = 1; round <= rounds; round += 1) {
        const before = await store.now();
        for (const key of goodKeys) await images.wakeRepository(store.db, key);
        for (const scanner of scanners) await scanner.claim();
        await until(() => allScannedSince(store, goodKeys, before));
        // What is listed is still being read: who comes then would read it as well.
        await until(() => nobodyScans(store, goodKeys));
      }
      // Three requests read the only image, once.
      expect(good.requests()).toMatchObject({ tags: 30 * rounds, total: 30 * (rounds + 2) });
      const nowMs = (await store.now()).getTime();
      for (const key of goodKeys) {
        const { scanned_at: at, interval_ms: ms } = await repositoryOf(store, key);
        expect(nowMs - (at?.getTime() ?? 0)).toBeLessThanOrEqual(2 * (ms ?? 0));
      }
      if (hanging) expect(await allScannedSince(store, badKeys, new Date(0))).toBe(false);
    });
  });

  test("a scan that takes longer than a claim stays its scanner's for as long as that lives", async () => {
    const [store, registry] = [await aStore(), await aRegistry()];
    const key = `${hosts.shop}/many/slow`;
    registry.hang("many/slow");
    const pace = { shortestMs: 1_000, longestMs: 1_000 };
    const [patient, other] = [pace, pace].map((one) => aScanner(store, [registry.url], { pace: one }));
    await images.wantRepositories(store.db, [key]);
    await patient!.start();
    await until(async () => registry.requests().tags === 1);
    const { due_at: first } = await repositoryOf(store, key);
    await until(async () => (await repositoryOf(store, key)).due_at! > first!);
    await other!.claim();
    expect(registry.requests().tags).toBe(1);
  });

  test("what a scanner had when it was killed is scanned by another within two intervals", async () => {
    const [store, registry] = [await aStore(), await aRegistry()];
    const keys = keysAt(hosts.shop, 30);
    for (const key of keys) fill(registry, key.slice(hosts.shop.length + 1), 1);
    const pace = { shortestMs: 12_000, longestMs: 12_000 };
    const survivor = aScanner(store, [registry.url, registry.url], { pace });
    await images.wantRepositories(store.db, keys);
    await survivor.claim();
    await survivor.idle();
    const before = new Map<string, images.RepositoryRow>();
    for (const key of keys) before.set(key, await repositoryOf(store, key));
    const releases = keys.map((key) => registry.hang(key.slice(hosts.shop.length + 1)));
    for (const key of keys) await images.wakeRepository(store.db, key);
    const settings = { scanInterval: "12s", scanIntervalLongest: "12s" };
    const doomed = await startScannerChild({
      databaseUrl: databaseUrl(),
      registryUrl: registry.url,
      password: "not-asked-for",
      settings,
      onEnd,
    });
    await until(async () => (await claimedScans(store.db)) === 16);
    await doomed.child.kill();
    for (const release of releases) release();
    await survivor.start();
    await until(() => allScannedSince(store, keys, lastOf(before)));
    for (const key of keys) {
      const { scanned_at: last, interval_ms: ms } = before.get(key)!;
      const { scanned_at: next } = await repositoryOf(store, key);
      expect(next!.getTime() - last!.getTime()).toBeLessThanOrEqual(2 * ms!);
    }
  });

  async function allScannedSince(store: Store, keys: readonly string[], since: Date): Promise<boolean> {
    const known = await images.imagesOf(store.db, keys);
    return keys.every((key) => (known.get(key)?.scanned_at ?? since) > since);
  }

  async function nobodyScans(store: Store, keys: readonly string[]): Promise<boolean> {
    const known = await images.imagesOf(store.db, keys);
    return keys.every((key) => known.get(key)?.claimed_by === null);
  }

  function lastOf(rows: ReadonlyMap<string, images.RepositoryRow>): Date {
    return new Date(Math.max(...[...rows.values()].map((row) => row.scanned_at?.getTime() ?? 0)));
  }
});
