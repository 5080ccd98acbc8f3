import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pollUntil } from "#common/kit/retry.ts";
import { getIntent, openIntent } from "#common/store/intents.ts";

import { startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";

/** CORRECTNESS 5b to 5d, where the lane's own tests do not already fail without them. */
describe.skipIf(!hasPostgres())("the rules of an intent", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
    // The lane's first act may be a push of its own.
    await untilSettled(world, await world.worker(), [await world.release("delta", "1.0.1")]);
  });
  afterAll(() => world.stop());

  const main = "refs/heads/main";
  const refAt = async (ref: string): Promise<string | undefined> =>
    (await world.git.refs(world.repository)).get(ref);
  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;
  /** A release whose worker dies between its intent and its push. */
  const leaveIntent = async (service: string, tag: string) => {
    const worker = await world.worker();
    const id = await world.release(service, tag);
    worker.at("before-push", () => {
      throw new Error("killed here");
    });
    await worker.look();
    const intent = await openIntent(world.store.db, world.laneId);
    if (intent === undefined) throw new Error("no intent is open");
    return { id, intent };
  };
  /** The host holds the next push, beyond its deadline, until it is told to carry it out. */
  const holdPush = () => {
    const held = Promise.withResolvers<void>();
    const came = Promise.withResolvers<void>();
    world.git.beforeNext("git-receive-pack", () => {
      came.resolve();
      return held.promise;
    });
    return { came: came.promise, letGo: () => held.resolve() };
  };

  test("each try to push is on record before it, with a lane value of its own", async () => {
    const { id, intent } = await leaveIntent("alpha", "2.0.0");
    await untilSettled(world, await world.worker(), [id]);
    const after = await getIntent(world.store.db, intent.id);
    expect(after?.state).toBe("landed");
    const values = after?.attempts.map((attempt) => attempt.laneNew) ?? [];
    expect(values).toHaveLength(2);
    expect(new Set([after?.laneOld, ...values]).size).toBe(3);
    expect(await refAt(world.laneRef)).toBe(values[1]);
  });

  test("a push expects the lane value on record, whatever the host shows by now", async () => {
    const { id, intent } = await leaveIntent("alpha", "2.1.0");
    // Somebody who has no business there: the intent can never land from here.
    await world.git.moveRef(world.repository, world.laneRef, await refAt(main));
    await untilSettled(world, await world.worker(), [id]);
    expect((await getIntent(world.store.db, intent.id))?.state).toBe("sealed");
    expect(await commitsOf(id)).toBe(1);
  });

  test("a lane value that nobody here recorded, as a seal leaves it, stops the push of who does not know it", async () => {
    const worker = await world.worker();
    const before = await refAt(main);
    // Another worker's seal, which the database does not know of yet.
    await world.git.moveRef(world.repository, world.laneRef, before);
    const id = await world.release("delta", "2.0.0");
    await untilSettled(world, worker, [id]);
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out", attempt: 1 });
    expect(await commitsOf(id)).toBe(1);
  });

  test("a push that lands between the two looks is seen as landed, not as taken back by people", async () => {
    const worker = await world.worker();
    const id = await world.release("beta", "2.0.0");
    const before = await refAt(main);
    const push = holdPush();
    const looking = worker.look();
    await push.came;
    const isThere = async (): Promise<boolean> => (await refAt(main)) !== before;
    const land = async (): Promise<void> => {
      push.letGo();
      await pollUntil(isThere, { everyMs: 20, timeoutMs: 10_000, what: "the push to land" });
    };
    // The first look is past, and the second one has not begun.
    world.git.beforeNext("git-upload-pack", async () => world.git.beforeNext("git-upload-pack", land));
    await looking;
    await untilSettled(world, worker, [id]);
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out" });
    expect(await commitsOf(id)).toBe(1);
  });

  test("what was given up cannot land any more, not even on a branch that people wound back", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "2.0.0");
    const before = await refAt(main);
    const push = holdPush();
    const looking = worker.look();
    await push.came;
    const changed = (await world.read("gamma")).replace("example/gamma:1.0.0", "example/gamma:2.0.0");
    const files = { "deploy/gamma.yaml": changed };
    await world.git.commitDirectly(world.repository, files, { branch: "main", message: "by hand" });
    await looking;
    await untilSettled(world, worker, [id]);
    expect(await world.job(id)).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
    await world.git.moveRef(world.repository, main, before);
    push.letGo();
    await world.git.idle();
    expect(await refAt(main)).toBe(before);
  });
});
