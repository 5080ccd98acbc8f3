import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { wakeImageWaits } from "#common/store/image-hints.ts";
import { requestCancel } from "#common/store/jobs.ts";
import { listSteps } from "#common/store/steps.ts";
import { startLaneWorld, untilSettled } from "#support/lane-world.ts";
import type { LaneWorker, LaneWorld } from "#support/lane-world.ts";
import { hasPostgres } from "#support/postgres.ts";
import { ageJob, markCancelled } from "#support/store-tricks.ts";

describe.skipIf(!hasPostgres())("a release of an image that is still being pushed", () => {
  let world: LaneWorld;
  let worker: LaneWorker;

  beforeAll(async () => {
    world = await startLaneWorld();
    worker = await world.worker();
  });
  afterAll(() => world?.stop());

  const submit = (service: string, tag: string, waitForImageSeconds?: number) => {
    const images = { exact: [`example/${service}:${tag}`] };
    const rest = waitForImageSeconds === undefined ? {} : { waitForImageSeconds };
    const spec = { workloads: [`shop/${service}`], all: false, exclude: [], images, override: [], ...rest };
    return world.submit({ kind: "release", ...spec }, `Release example/${service}:${tag} to shop/${service}`);
  };
  const tellOfPush = (service: string) => wakeImageWaits(world.store.db, `docker.io/example/${service}`);
  const stepsOf = async (id: string) =>
    (await listSteps(world.store.db, id, { after: 0n, limit: 100 })).steps.map(
      ({ text, outcome }) => `${outcome ?? "…"} ${text}`,
    );

  test("waits, blocks nobody, and is released as soon as it is told of the push", async () => {
    world.withhold("alpha", "2.0.0");
    const id = await submit("alpha", "2.0.0", 600);
    await worker.look();
    expect(await world.job(id)).toMatchObject({
      phase: "waiting",
      gate: "image",
      waiting_for: expect.stringMatching(/^image example\/alpha:2\.0\.0, until \d\d:\d\d UTC$/),
    });
    const other = await submit("beta", "2.0.0");
    await untilSettled(world, worker, [other]);
    expect(await world.subjects()).toEqual(["Release example/beta:2.0.0 to shop/beta"]);
    // Nothing is due yet, and another image is no news.
    await worker.gate.look();
    expect(await tellOfPush("beta")).toBe(0);
    expect(await world.job(id)).toMatchObject({ phase: "waiting" });

    world.giveBack("alpha", "2.0.0");
    expect(await tellOfPush("alpha")).toBe(1);
    await worker.gate.look();
    expect(await world.job(id)).toMatchObject({ phase: "queued", gate: null, waiting_for: null });
    await untilSettled(world, worker, [id]);
    expect(await world.read("alpha")).toContain("example/alpha:2.0.0");
    expect(await stepsOf(id)).toContain("ok Waiting for image example/alpha:2.0.0.");
  });

  test("is looked for again by itself, also by a worker that has just started", async () => {
    world.withhold("alpha", "3.0.0");
    const id = await submit("alpha", "3.0.0", 600);
    await worker.look();
    world.giveBack("alpha", "3.0.0");
    const another = await world.worker();
    const phase = async () => {
      await another.gate.look();
      return (await world.job(id)).phase;
    };
    await expect.poll(phase, { timeout: 15_000 }).toBe("queued");
    await untilSettled(world, another, [id]);
    expect(await world.read("alpha")).toContain("example/alpha:3.0.0");
  });

  test("fails with the true reason when the time is up", async () => {
    world.withhold("gamma", "9.0.0", "REGISTRY_UNAVAILABLE");
    world.withhold("gamma", "9.0.1");
    const id = await submit("gamma", "9.0.1", 600);
    await worker.look();
    world.withhold("gamma", "9.0.1", "REGISTRY_UNAVAILABLE");
    await tellOfPush("gamma");
    await worker.gate.look();
    const told = expect.stringMatching(/, until \d\d:\d\d UTC \(The registry/);
    expect(await world.job(id)).toMatchObject({ phase: "waiting", waiting_for: told });

    world.withhold("gamma", "9.0.1");
    await ageJob(world.store.db, id, 10);
    await tellOfPush("gamma");
    await worker.gate.look();
    const detail = "example/gamma:9.0.1 did not appear within 10 min";
    expect(await world.job(id)).toMatchObject({
      phase: "failed",
      outcome: "failed",
      error: { code: "IMAGE_NOT_FOUND", detail },
    });
    expect((await stepsOf(id)).at(-1)).toBe("failed Waiting for image example/gamma:9.0.1.");
  });

  test("does not wait unless it was asked to, nor after its time", async () => {
    world.withhold("gamma", "9.1.0");
    const once = await submit("gamma", "9.1.0");
    const late = await submit("gamma", "9.1.0", 60);
    await ageJob(world.store.db, late, 1);
    await untilSettled(world, worker, [once, late]);
    for (const id of [once, late]) {
      expect(await world.job(id)).toMatchObject({ phase: "failed", error: { code: "IMAGE_NOT_FOUND" } });
    }
  });

  test("can be cancelled while it waits, and while it is about to", async () => {
    world.withhold("delta", "9.0.0");
    const waiting = await submit("delta", "9.0.0", 600);
    await worker.look();
    expect(await requestCancel(world.store.db, { id: waiting, by: "tester" })).toBe("cancelled");

    const planned = await submit("delta", "9.0.0", 600);
    // As it stands when somebody cancels what a worker is planning.
    await markCancelled(world.store.db, planned);
    await worker.look();
    await tellOfPush("delta");
    await worker.gate.look();
    for (const id of [waiting, planned]) expect(await world.job(id)).toMatchObject({ phase: "cancelled" });
  });
});
