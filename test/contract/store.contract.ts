import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pollUntil } from "#common/kit/retry.ts";
import { getJob } from "#common/store/jobs.ts";
import { createStore } from "#common/store/store.ts";
import type { Store } from "#common/store/store.ts";
import { runSql } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { createStoreWorld } from "#support/store-world.ts";
import { tidyContract } from "./store-tidy.contract.ts";
import type { StoreWorld } from "#support/store-world.ts";

import { acceptingContract } from "./store-accepting.contract.ts";
import { eventsContract } from "./store-events.contract.ts";
import { figuresContract } from "./store-figures.contract.ts";
import { imageFactsContract } from "./store-image-facts.contract.ts";
import { jobsContract } from "./store-jobs.contract.ts";
import { lanesContract } from "./store-lanes.contract.ts";
import { leasesContract } from "./store-leases.contract.ts";
import { projectionsContract } from "./store-projections.contract.ts";
import { searchContract } from "./store-search.contract.ts";
import { scanScheduleContract } from "./store-scan-schedule.contract.ts";
import { stepsContract } from "./store-steps.contract.ts";

/** What the rest of Slipway relies on of its store, on one kind of Postgres. */
export function storeContract(name: string, start: () => Promise<TestPostgres>): void {
  describe(name, () => {
    let postgres: TestPostgres;
    let databaseUrl: string;
    let store: Store;
    let world: StoreWorld;

    beforeAll(async () => {
      postgres = await start();
      databaseUrl = await postgres.createDatabase();
      store = createStore({ databaseUrl, poolSize: 20 });
      await store.start();
      world = createStoreWorld(store);
    });
    afterAll(async () => {
      await store?.stop();
      await postgres?.stop();
    });

    const given = (): StoreWorld => world;
    leasesContract(given);
    acceptingContract(given);
    jobsContract(given);
    searchContract(given);
    stepsContract(given);
    eventsContract(given);
    figuresContract(given);
    tidyContract(given);
    lanesContract(given);
    projectionsContract(given);
    imageFactsContract(given);
    scanScheduleContract(given);
    migratingContract(() => postgres);
    losingContract(() => ({ postgres, databaseUrl, world }));
  });
}

function migratingContract(given: () => TestPostgres): void {
  test("several processes migrate a new database at once, and all start", async () => {
    const databaseUrl = await given().createDatabase();
    const stores = Array.from({ length: 4 }, () => createStore({ databaseUrl, poolSize: 1 }));
    await Promise.all(stores.map((store) => store.start()));
    await Promise.all(stores.map((store) => store.ping()));
    await Promise.all(stores.map((store) => store.stop()));
  });

  test("a database that does not fit this version is refused, and left as it is", async () => {
    const databaseUrl = await given().createDatabase();
    const store = createStore({ databaseUrl, poolSize: 1 });
    await store.start();
    await runSql(databaseUrl, "update database_facts set level = 99, readable_from = 1");
    await store.migrate();
    await runSql(databaseUrl, "update database_facts set readable_from = 98");
    await expect(store.migrate()).rejects.toMatchObject({ code: "STORE_TOO_NEW" });
    await runSql(databaseUrl, "drop table database_facts");
    await expect(store.migrate()).rejects.toMatchObject({ code: "STORE_TOO_OLD" });
    await runSql(databaseUrl, "select 1 from jobs");
    await store.stop();
  });

  test("a database belongs to one installation, and another is told so", async () => {
    const databaseUrl = await given().createDatabase();
    const names = ["shop", "shop", "bank"];
    const stores = names.map((installation) => createStore({ databaseUrl, installation }));
    await Promise.all(stores.slice(0, 2).map((store) => store.start()));
    await expect(stores[2]?.start()).rejects.toMatchObject({
      code: "INSTALLATION_MISMATCH",
      detail: 'the database belongs to the installation "shop", and the settings say "bank"',
    });
    await Promise.all(stores.map((store) => store.stop()));
  });

  test("a database that a newer version migrated is taken as it is", async () => {
    const databaseUrl = await given().createDatabase();
    const store = createStore({ databaseUrl, poolSize: 1 });
    await store.start();
    await runSql(databaseUrl, "insert into kysely_migration (name, timestamp) values ('999-future', 'now')");
    await store.migrate();
    await store.stop();
  });
}

interface Losing {
  readonly postgres: TestPostgres;
  readonly databaseUrl: string;
  readonly world: StoreWorld;
}

function losingContract(given: () => Losing): void {
  test("the next call after a restart of Postgres succeeds, and nothing accepted is lost", async () => {
    const { postgres, world } = given();
    const before = await world.aJob();
    await postgres.restart();
    expect(await getJob(world.store.db, before.id)).toMatchObject({ phase: "queued" });
  });

  test("a transaction that was open when Postgres restarted fails as unavailable, and the process lives", async () => {
    const { postgres, world } = given();
    const job = await world.jobRow();
    const lost = world.store.transaction(async (tx) => {
      await tx.insertInto("jobs").values(job).execute();
      await postgres.restart();
      await tx.updateTable("jobs").set({ message: "never" }).where("id", "=", job.id).execute();
    });
    await expect(lost).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await getJob(world.store.db, job.id)).toBeUndefined();
  });

  test("listeners hear hints from another process, also after a restart of Postgres", async () => {
    const { postgres, databaseUrl, world } = given();
    const other = createStore({ databaseUrl, poolSize: 1 });
    const heard = new Set<string>();
    let reread = 0;
    const stopListening = world.store.onHint((jobIds) => {
      if (jobIds.length === 0) reread += 1;
      jobIds.forEach((id) => heard.add(id));
    });
    const hears = (id: string): Promise<unknown> =>
      pollUntil(
        () => {
          other.hint(id);
          return heard.has(id);
        },
        { everyMs: 60, timeoutMs: 20_000, what: "the hint" },
      );
    await hears("before");
    const rereadBefore = reread;
    await postgres.restart();
    await hears("after");
    expect(reread).toBeGreaterThan(rereadBefore);
    stopListening();
    await other.stop();
  });

  test("a Postgres that is away is STORE_UNAVAILABLE with its cause, never a crash", async () => {
    const away = createStore({ databaseUrl: "postgres://slipway@127.0.0.1:1/none" });
    await expect(away.ping()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      cause: expect.objectContaining({ code: "ECONNREFUSED" }),
    });
    away.hint("nobody hears this");
    await away.stop();
  });
}
