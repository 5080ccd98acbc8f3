import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { damages } from "../support/cache-damages.ts";
import { startLaneWorld, untilSettled, type LaneWorker, type LaneWorld } from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { putOffPolls } from "../support/store-tricks.ts";

/** What happens to a worker's cache between two releases costs the next one two fetches at most. */
describe.skipIf(!hasPostgres())("a release whose worker's cache was damaged", () => {
  let world: LaneWorld;
  let worker: LaneWorker;
  beforeAll(async () => {
    world = await startLaneWorld();
    worker = await world.worker();
    await untilSettled(world, worker, [await world.release("alpha", "1.0.1")]);
  });
  afterAll(() => world.stop());

  /** Each command that reads from the host begins with one advertisement. */
  const fetches = (): number =>
    world.git.requests().filter(({ method, service }) => method === "GET" && service === "git-upload-pack")
      .length;
  const cache = async (): Promise<string> => {
    const name = (await readdir(worker.cacheFolder)).find((entry) => entry.endsWith(".git"));
    return join(worker.cacheFolder, name ?? "no cache");
  };
  let releases = 0;

  test.each(Object.entries(damages))("%s: it lands, as one commit", async (_what, damage) => {
    // Nobody asks the host for the tip while we count.
    await putOffPolls(world.store.db);
    await damage(await cache());
    const before = fetches();
    releases += 1;
    const id = await world.release("alpha", `2.0.${releases}`);
    await untilSettled(world, worker, [id]);
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out", error: null });
    expect(fetches() - before).toBeLessThanOrEqual(2);
    const bodies = (await world.git.log(world.repository, "main")).map((entry) => entry.body);
    expect(bodies.filter((body) => body.includes(`Release-Job: ${id}`))).toHaveLength(1);
    expect(await world.read("alpha")).toContain(`example/alpha:2.0.${releases}`);
  });
});
