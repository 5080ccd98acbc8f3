import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { openIntent } from "#common/store/intents.ts";
import { readEvents } from "#common/store/events.ts";

import { startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";
import { dumpDatabase, hasPostgresTools, restoreDatabase } from "../support/postgres-dump.ts";
import { hasPostgres, runSql, startPostgres, type TestPostgres } from "../support/postgres.ts";

/** The disaster of docs/backup.md: the database is lost, and a backup is older than what was pushed. */
describe.skipIf(!hasPostgres("system") || !hasPostgresTools())("a restored backup", () => {
  let world: LaneWorld;
  let elsewhere: TestPostgres;
  let folder: string;
  let first: string;
  beforeAll(async () => {
    world = await startLaneWorld();
    elsewhere = await startPostgres("system");
    folder = await mkdtemp(join(tmpdir(), "slipway-backup-"));
    first = await world.release("delta", "1.0.1");
    await untilSettled(world, await world.worker(), [first]);
  });
  afterAll(async () => {
    await world?.stop();
    await elsewhere?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter(({ body }) => body.includes(`Release-Job: ${id}`))
      .length;
  /** A release whose worker dies between its intent and its push. */
  const leaveIntent = async (): Promise<string> => {
    const worker = await world.worker();
    const id = await world.release("beta", "2.0.0");
    worker.at("before-push", () => {
      throw new Error("killed here");
    });
    await worker.look();
    expect(await openIntent(world.store.db, world.laneId)).toBeDefined();
    return id;
  };
  const restored = async (file: string) => {
    const databaseUrl = await elsewhere.createDatabase();
    await restoreDatabase(databaseUrl, file);
    return world.on(databaseUrl);
  };

  test("pushes nothing twice, ends every job it knows, and goes on from what git has", async () => {
    const before = (await world.git.log(world.repository, "main")).length;
    const half = await leaveIntent();
    const queued = await world.release("alpha", "2.0.0");
    // The new server counts its transactions from lower numbers.
    const count = "for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop";
    await runSql(world.databaseUrl, `do $$ begin ${count}; end $$`);
    const seen = await world.release("gamma", "1.0.1");
    const file = join(folder, "slipway.dump");
    await dumpDatabase(world.databaseUrl, file);
    // What the backup does not know: all of it lands, and one more.
    const unknown = await world.release("gamma", "2.0.0");
    await untilSettled(world, await world.worker(), [half, queued, seen, unknown]);
    expect(await world.subjects()).toHaveLength(before - 1 + 4);

    const after = await restored(file);
    await untilSettled({ ...world, ...after }, await after.worker(), [half, queued, seen]);
    for (const id of [half, queued, seen]) expect(await commitsOf(id)).toBe(1);
    // Its push was on record, so its rollout goes on; of the others' nothing was but their trailers in git.
    expect(await after.job(half)).toMatchObject({ phase: "rolling-out", error: null });
    expect((await after.job(half)).commit_sha).toBe((await world.job(half)).commit_sha);
    for (const id of [queued, seen]) {
      expect(await after.job(id)).toMatchObject({ phase: "succeeded", outcome: "committed" });
      expect((await after.job(id)).commit_sha).toBe((await world.job(id)).commit_sha);
    }
    expect(await world.subjects()).toHaveLength(before - 1 + 4);

    const next = await after.release("delta", "3.0.0");
    await untilSettled({ ...world, ...after }, await after.worker(), [next]);
    expect(await commitsOf(next)).toBe(1);
    expect(await world.read("gamma")).toContain("example/gamma:2.0.0");

    const { events } = await readEvents(after.store.db, { environment: "default", after: "0-0", limit: 200 });
    const jobs = events.map(({ jobId }) => jobId);
    expect(jobs[0]).toBe(first);
    expect(jobs.lastIndexOf(seen)).toBeLessThan(jobs.indexOf(next));
  });
});
