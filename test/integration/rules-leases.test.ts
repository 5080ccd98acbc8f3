import { randomUUID } from "node:crypto";

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { connectionConfig } from "#common/store/db.ts";
import { patchJob } from "#common/store/jobs.ts";
import { returnLease, takeLease } from "#common/store/leases.ts";
import { createStore, type Store } from "#common/store/store.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "#support/postgres.ts";
import { whileJobIsLocked } from "#support/store-tricks.ts";
import { createStoreWorld, type StoreWorld } from "#support/store-world.ts";

/** CORRECTNESS 1 and 2, where the store's contract does not already fail without them. */
describe.skipIf(!hasPostgres())("leases and fences", () => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let store: Store;
  let world: StoreWorld;
  beforeAll(async () => {
    postgres = await startPostgres();
    databaseUrl = await postgres.createDatabase();
    store = createStore({ databaseUrl });
    await store.start();
    world = createStoreWorld(store);
  });
  afterEach(() => vi.useRealTimers());
  afterAll(async () => {
    await store?.stop();
    await postgres?.stop();
  });

  test("an equal fence with another owner holds nothing: a restored database may give fences again", async () => {
    const lease = await world.aLease();
    const twin = { ...lease, owner: randomUUID() };
    await expect(store.fenced(twin, async () => undefined)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await returnLease(store.db, twin)).toBe(false);
    await store.fenced(lease, async () => undefined);
  });

  test("a process whose clock is wrong neither takes a lease too early nor too late", async () => {
    const [alive, silent] = [await world.aLease(), await world.aLease()];
    await world.silence(silent.owner);
    const owner = await world.aWorker();
    for (const hours of [-1, 1]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + hours * 3_600_000 });
      expect(await takeLease(store.db, { id: alive.id, owner })).toBeUndefined();
      expect(await takeLease(store.db, { id: silent.id, owner })).toMatchObject({ owner });
      vi.useRealTimers();
    }
  });

  test("a fenced transaction waits two seconds for a lock, and not for ever", async () => {
    const lease = await world.aLease();
    const job = await world.aJob();
    await whileJobIsLocked(databaseUrl, job.id, async () => {
      const work = store.fenced(lease, (tx) => patchJob(tx, job.id, { waiting_for: "us" }));
      // 55P03 is Postgres' lock timeout; the statement's own, much longer one would be 57014.
      await expect(work).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        cause: expect.objectContaining({ code: "55P03" }),
      });
    });
  });

  test("a fenced transaction may be idle for three seconds, and the session says so", async () => {
    const lease = await world.aLease();
    const limits = await store.fenced(lease, async (tx) => {
      const { rows } = await tx.executeQuery<{ idle: string; lock: string }>({
        ...tx.selectNoFrom([]).compile(),
        sql: "select current_setting('idle_in_transaction_session_timeout') idle, current_setting('lock_timeout') lock",
      });
      return rows[0];
    });
    expect(limits).toEqual({ idle: "3s", lock: "2s" });
  });

  test("every connection is kept alive by the kernel: a host that vanished is noticed", () => {
    const { keepAlive, keepAliveInitialDelayMillis = 0 } = connectionConfig(databaseUrl);
    expect(keepAlive).toBe(true);
    expect(keepAliveInitialDelayMillis).toBeLessThanOrEqual(10_000);
  });
});
