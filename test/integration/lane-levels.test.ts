import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getLane } from "#common/store/lanes.ts";
import { hasPostgres } from "../support/postgres.ts";
import { startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";

const refuse = (patterns: string): string =>
  `case "$1" in ${patterns}) echo "only branches of people here"; exit 1;; esac`;

describe.skipIf(!hasPostgres()).each([
  { level: "lane-branch", hook: refuse("refs/slipway/*") },
  { level: "branch-only", hook: refuse("refs/slipway/*|refs/heads/slipway/*") },
] as const)("on a host that leaves $level", ({ level, hook }) => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
    await world.git.setHook(world.repository, "update", hook);
  });
  afterAll(() => world.stop());

  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;

  test("releases go on at that level, one commit each", async () => {
    const worker = await world.worker();
    const ids = [await world.release("alpha", "1.1.0"), await world.release("beta", "1.1.0")];
    await worker.look();
    const again = await world.release("alpha", "1.2.0");
    await worker.look();
    for (const id of [...ids, again]) expect(await commitsOf(id)).toBe(1);
    expect((await getLane(world.store.db, world.laneId))?.level).toBe(level);
  });

  test("a push whose answer is lost is found, not made twice", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "1.1.0");
    world.git.failNext({ when: "after", kind: "close", service: "git-receive-pack" });
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.job(id)).phase).toBe("rolling-out");
  });

  test("a push that never arrived is made again", async () => {
    const [first, second] = [await world.worker(), await world.worker()];
    const id = await world.release("delta", "1.1.0");
    first.at("before-push", () => {
      throw new Error("killed here");
    });
    await first.look();
    await untilSettled(world, second, [id]);
    expect(await commitsOf(id)).toBe(1);
  });

  test("a branch that moved is planned anew", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "2.0.0");
    await world.git.commitDirectly(
      world.repository,
      { "NOTES.md": "x\n" },
      { branch: "main", message: "a note" },
    );
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
  });
});
