import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { acceptJob } from "#common/store/job-accept.ts";
import { getJob } from "#common/store/jobs.ts";
import { returnLease, stillHeld, takeLease } from "#common/store/leases.ts";
import { beat, registerWorker, removeWorker } from "#common/store/workers.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function leasesContract(given: () => StoreWorld): void {
  test("a lease of a living worker is not taken", async () => {
    const world = given();
    const lease = await world.aLease();
    expect(await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() })).toBeUndefined();
    expect(await stillHeld(world.store.db, lease)).toBe(true);
  });

  test("a lease of a silent worker stays its own until somebody takes it over", async () => {
    const world = given();
    const lease = await world.aLease();
    await world.silence(lease.owner);
    await world.store.fenced(lease, async () => undefined);
    const taken = await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    expect(taken?.fence).toBe(lease.fence + 1n);
    expect(await stillHeld(world.store.db, lease)).toBe(false);
  });

  test("a fenced transaction is refused after a takeover, also to an owner that comes back", async () => {
    const world = given();
    const lease = await world.aLease();
    await world.silence(lease.owner);
    const between = await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    await beat(world.store.db, lease.owner);
    let ran = false;
    const late = world.store.fenced(lease, async () => void (ran = true));
    await expect(late).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(ran).toBe(false);

    await returnLease(world.store.db, between ?? lease);
    await takeLease(world.store.db, { id: lease.id, owner: lease.owner });
    await expect(world.store.fenced(lease, async () => undefined)).rejects.toMatchObject({
      code: "LEASE_LOST",
    });
  });

  test("a takeover waits for an open fenced transaction, whose work is kept", async () => {
    const world = given();
    const lease = await world.aLease();
    const mayEnd = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const job = await world.jobRow();
    const work = world.store.fenced(lease, async (tx) => {
      await tx.insertInto("jobs").values(job).execute();
      entered.resolve();
      await mayEnd.promise;
    });
    await entered.promise;
    await world.silence(lease.owner);
    const takeover = takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    await world.untilSomebodyWaits();
    mayEnd.resolve();
    await work;
    expect(await takeover).toMatchObject({ fence: lease.fence + 1n });
  });

  test("a takeover that waited sees that its owner beats again, and leaves the lease", async () => {
    const world = given();
    const lease = await world.aLease();
    const mayEnd = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const work = world.store.fenced(lease, async () => {
      entered.resolve();
      await mayEnd.promise;
    });
    await entered.promise;
    await world.silence(lease.owner);
    const takeover = takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    await world.untilSomebodyWaits();
    await beat(world.store.db, lease.owner);
    mayEnd.resolve();
    await work;
    expect(await takeover).toBeUndefined();
  });

  test("the open transaction of a frozen worker is ended by Postgres, and the takeover succeeds", async () => {
    const world = given();
    const lease = await world.aLease();
    const woken = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const job = await world.jobRow();
    const frozen = world.store.fenced(lease, async (tx) => {
      await tx.insertInto("jobs").values(job).execute();
      entered.resolve();
      await woken.promise;
      await tx
        .insertInto("jobs")
        .values(await world.jobRow())
        .execute();
    });
    await entered.promise;
    await world.silence(lease.owner);
    const taken = await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    expect(taken).toMatchObject({ fence: lease.fence + 1n });
    woken.resolve();
    await expect(frozen).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await getJob(world.store.db, job.id)).toBeUndefined();
  });

  test("of many takers of a free lease exactly one wins", async () => {
    const world = given();
    const id = `lane:${randomUUID()}`;
    const owners = await Promise.all(Array.from({ length: 12 }, () => world.aWorker()));
    const answers = await Promise.all(owners.map((owner) => takeLease(world.store.db, { id, owner })));
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  });

  test("a lease handed back, or left by a worker that said goodbye, is free at once", async () => {
    const world = given();
    const lease = await world.aLease();
    expect(await returnLease(world.store.db, lease)).toBe(true);
    expect(await returnLease(world.store.db, lease)).toBe(false);
    const second = await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    await removeWorker(world.store.db, second?.owner ?? "");
    const third = await takeLease(world.store.db, { id: lease.id, owner: await world.aWorker() });
    expect(third?.fence).toBe(lease.fence + 2n);
  });

  test("a worker whose row is gone cannot renew", async () => {
    const { store } = given();
    const id = randomUUID();
    await registerWorker(store.db, { id, name: "short" });
    await removeWorker(store.db, id);
    await expect(beat(store.db, id)).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  test("a transaction whose statement failed cannot be committed by swallowing the error", async () => {
    const { store, jobRow } = given();
    const impossible = await jobRow({ lane_id: "no such lane" });
    const swallowed = store.transaction(async (tx) => {
      await acceptJob(tx, { job: impossible }).catch(() => undefined);
    });
    await expect(swallowed).rejects.toMatchObject({ code: "INTERNAL" });
  });
}
