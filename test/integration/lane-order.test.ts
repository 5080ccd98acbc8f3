import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pollUntil } from "#common/kit/retry.ts";
import { requestCancel, type CancelAnswer } from "#common/store/jobs.ts";
import { startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { countLockWaits, holdUpIntents } from "../support/store-tricks.ts";

describe.skipIf(!hasPostgres())("what a lane promises of its order", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
  });
  afterAll(() => world.stop());

  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;
  const waiting = (): Promise<number> => countLockWaits(world.store.db);

  test("rollbacks go first, then people, then automation; each in the order accepted", async () => {
    const waits: { tag: string; priority: number }[] = [];
    for (const [index, priority] of [2, 1, 0, 2, 1, 0].entries()) {
      const tag = `1.0.${index + 1}`;
      const id = await world.release("alpha", tag);
      await world.store.db.updateTable("jobs").set({ priority }).where("id", "=", id).execute();
      waits.push({ tag, priority });
    }
    await (await world.worker()).look();
    const wanted = waits.toSorted((a, b) => a.priority - b.priority);
    expect((await world.subjects()).slice(-6)).toEqual(
      wanted.map(({ tag }) => `Release example/alpha:${tag} to shop/alpha`),
    );
  });

  test("a cancel that comes while the intent is recorded waits for it, and is told that it is too late", async () => {
    const worker = await world.worker();
    const id = await world.release("beta", "2.0.0");
    const { looking, cancelling } = await world.store.transaction(async (tx) => {
      // The intent's transaction stops in its middle: after its checks, before it is recorded.
      await holdUpIntents(tx);
      const look = worker.look();
      await pollUntil(async () => (await waiting()) > 0, forAWhile);
      let told: CancelAnswer | undefined;
      const cancel = requestCancel(world.store.db, { id, by: "tester" }).then((answer) => (told = answer));
      await pollUntil(async () => told !== undefined || (await waiting()) > 1, forAWhile);
      return { looking: look, cancelling: cancel };
    });
    await looking;
    const answer = await cancelling;
    await untilSettled(world, worker, [id]);
    // On a machine so slow that the locks' limit was reached first, the cancel wins instead.
    const commits = answer === "too-late" ? 1 : 0;
    expect(await commitsOf(id)).toBe(commits);
    expect((await world.job(id)).phase).toBe(commits === 1 ? "rolling-out" : "cancelled");
  });

  test("a commit's author date is when its job was accepted, and its committer date is never before its parent's", async () => {
    const ahead = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    await world.git.commitDirectly(
      world.repository,
      { "NOTES.md": "from a machine whose clock is an hour ahead\n" },
      { branch: "main", message: "ahead", author: { name: "Ann", email: "ann@example.com", at: ahead } },
    );
    const ids = [await world.release("gamma", "3.0.0"), await world.release("delta", "3.0.0")];
    await untilSettled(world, await world.worker(), ids);
    const [second, first, parent] = await world.git.log(world.repository, "main");
    expect([first?.body, second?.body]).toEqual(ids.map((id) => expect.stringContaining(id)));
    expect([parent?.date, first?.date, second?.date]).toEqual([ahead, ahead, ahead]);
    await world.git.moveRef(world.repository, "refs/heads/main", parent?.parents[0]);
    const before = await world.store.now();
    const later = await world.release("gamma", "3.1.0");
    const { created_at } = await world.job(later);
    await untilSettled(world, await world.worker(), [later]);
    const [last] = await world.git.log(world.repository, "main");
    expect(last?.date.getTime()).toBeGreaterThanOrEqual(Math.floor(before.getTime() / 1000) * 1000);
    expect(last?.date.getTime()).toBeLessThan(ahead.getTime());
    for (const id of [...ids, later]) {
      const job = await world.job(id);
      const { draft } = await world.store.db
        .selectFrom("intent_commits")
        .select("draft")
        .where("job_id", "=", id)
        .executeTakeFirstOrThrow();
      expect(new Date(draft.author.at)).toEqual(job.created_at);
    }
    expect(created_at.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });
});

const forAWhile = { everyMs: 5, timeoutMs: 20_000, what: "somebody who waits for a lock" };
