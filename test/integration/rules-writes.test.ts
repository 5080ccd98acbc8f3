import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { getIntent, openIntent, recordIntent, resolveIntent } from "#common/store/intents.ts";
import { requestCancel } from "#common/store/jobs.ts";
import { getLane, setLaneValue, wakeLane } from "#common/store/lanes.ts";
import { takeLease } from "#common/store/leases.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";

import {
  manifest,
  startLaneWorld,
  untilSettled,
  type LaneWorker,
  type LaneWorld,
} from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { changeDrafts, draftDates, silenceWorker } from "../support/store-tricks.ts";

/** CORRECTNESS 1 to 13 where they meet: who may still write, what is written, and what of it is read back. */
describe.skipIf(!hasPostgres())("the rules of writing", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
    // The lane's first act may be a push of its own.
    await untilSettled(world, await world.worker(), [await world.release("delta", "1.0.1")]);
  });
  afterAll(() => world.stop());

  const main = "refs/heads/main";
  const pushes = (): number =>
    world.git
      .requests()
      .filter((request) => request.method === "POST" && request.service === "git-receive-pack").length;
  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;
  const byHand = (files: Readonly<Record<string, string>>, message = "by hand", at?: Date): Promise<string> =>
    world.git.commitDirectly(world.repository, files, {
      branch: "main",
      message,
      ...(at === undefined ? {} : { author: { name: "Ada", email: "ada@example.com", at } }),
    });
  const silence = (worker: LaneWorker): Promise<void> => silenceWorker(world.store.db, worker.id);
  /** While the host holds the next question of `loser`, another worker takes the lane over. */
  const takeOverAtNextRead = (loser: LaneWorker, winner: LaneWorker): void =>
    world.git.beforeNext("git-upload-pack", async () => {
      await silence(loser);
      const lease = await takeLease(world.store.db, { id: `lane:${world.laneId}`, owner: winner.id });
      expect(lease).toBeDefined();
    });
  const poll = async (worker: LaneWorker): Promise<void> => {
    await wakeLane(world.store.db, world.laneId);
    await worker.look();
  };
  const declared = async (): Promise<readonly (string | undefined)[]> =>
    (await declaredWorkloads(world.store.db, "default")).map((row) => row.containers[0]?.image);
  const latestOf = (services: readonly string[]): Promise<string> => {
    const workloads = services.map((service) => `shop/${service}`);
    const images = { select: "latest" } as const;
    const spec = { kind: "release", workloads, all: false, exclude: [], images, override: [] } as const;
    return world.submit(spec, "Release latest");
  };

  describe("who may write", () => {
    test("of two workers one is on the lane, and the other begins nothing there", async () => {
      const [first, second] = [await world.worker(), await world.worker()];
      const held = Promise.withResolvers<void>();
      const came = Promise.withResolvers<void>();
      world.git.beforeNext("git-receive-pack", () => {
        came.resolve();
        return held.promise;
      });
      const id = await world.release("alpha", "1.1.0");
      const looking = first.look();
      await came.promise;
      const next = await world.release("beta", "1.1.0");
      await second.look();
      expect(await world.job(next)).toMatchObject({ phase: "queued", started_at: null });
      held.resolve();
      await looking;
      await untilSettled(world, second, [id, next]);
      for (const job of [id, next]) expect(await commitsOf(job)).toBe(1);
    });

    test("a worker that lost its lane while it planned records no intent, and pushes nothing", async () => {
      const [loser, winner] = [await world.worker(), await world.worker()];
      const id = await world.release("alpha", "1.2.0");
      const before = pushes();
      takeOverAtNextRead(loser, winner);
      await loser.look();
      expect(await openIntent(world.store.db, world.laneId)).toBeUndefined();
      expect(pushes()).toBe(before);
      expect(await world.job(id)).toMatchObject({ phase: "writing", intent: false });
      await untilSettled(world, winner, [id]);
      expect(await commitsOf(id)).toBe(1);
    });

    test("a worker that lost its lane while it looked at the branch does not move the projection", async () => {
      const [loser, winner] = [await world.worker(), await world.worker()];
      const tip = await byHand({ "NOTES.md": "hello\n" });
      takeOverAtNextRead(loser, winner);
      await poll(loser);
      expect((await getLane(world.store.db, world.laneId))?.tip).not.toBe(tip);
      await poll(winner);
      expect((await getLane(world.store.db, world.laneId))?.tip).toBe(tip);
    });

    test("a worker whose renewals failed after its intent does not begin the push", async () => {
      const [silent, well] = [await world.worker(), await world.worker()];
      const id = await world.release("alpha", "1.3.0");
      const before = pushes();
      silent.at("before-push", () => silent.missBeats());
      await silent.look();
      expect(pushes()).toBe(before);
      expect(await world.job(id)).toMatchObject({ phase: "writing", intent: true });
      await untilSettled(world, well, [id]);
      expect(await commitsOf(id)).toBe(1);
    });

    test("only the commits on record are pushed", async () => {
      const [dying, next] = [await world.worker(), await world.worker()];
      const id = await world.release("alpha", "1.4.0");
      dying.at("before-push", () => {
        throw new Error("killed here");
      });
      await dying.look();
      const before = pushes();
      const change = (from: string, to: string) => changeDrafts(world.store.db, id, { from, to });
      await change("Release", "Forge");
      await next.look();
      expect(pushes()).toBe(before);
      expect(await world.job(id)).toMatchObject({ phase: "writing", intent: true });
      await change("Forge", "Release");
      await untilSettled(world, next, [id]);
      expect(await commitsOf(id)).toBe(1);
    });
  });

  describe("what becomes of a push", () => {
    test("of a later try only success is believed, since the first may still be under way", async () => {
      const worker = await world.worker();
      const id = await world.release("beta", "2.0.0");
      const held = Promise.withResolvers<void>();
      const tried = { intent: "" };
      world.git.beforeNext("git-receive-pack", async () => {
        tried.intent = (await openIntent(world.store.db, world.laneId))?.id ?? "";
        await world.git.setHook(world.repository, "pre-receive", 'echo "not now"; exit 1');
        // The second is refused by the hook, the third finds it gone.
        world.git.beforeNext("git-receive-pack", async () =>
          world.git.beforeNext("git-receive-pack", () =>
            world.git.setHook(world.repository, "pre-receive", undefined),
          ),
        );
        await held.promise;
      });
      await untilSettled(world, worker, [id]);
      held.resolve();
      await world.git.idle();
      const intent = await getIntent(world.store.db, tried.intent);
      expect(intent).toMatchObject({ state: "landed" });
      expect(intent?.attempts).toHaveLength(3);
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out", attempt: 0 });
      expect(await commitsOf(id)).toBe(1);
    });

    test("a lost answer is sealed without another try where the branch has moved, also when the seal's is lost", async () => {
      const worker = await world.worker();
      const id = await world.release("beta", "2.1.0");
      const held = Promise.withResolvers<void>();
      const tried = { intent: "" };
      world.git.beforeNext("git-receive-pack", async () => {
        tried.intent = (await openIntent(world.store.db, world.laneId))?.id ?? "";
        await byHand({ "NOTES.md": "moved\n" });
        world.git.failNext({ when: "after", kind: "close", service: "git-receive-pack" });
        await held.promise;
      });
      await untilSettled(world, worker, [id]);
      held.resolve();
      await world.git.idle();
      const intent = await getIntent(world.store.db, tried.intent);
      expect(intent).toMatchObject({ state: "sealed" });
      expect(intent?.attempts).toHaveLength(1);
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out", attempt: 1 });
      expect(await commitsOf(id)).toBe(1);
    });

    test("a job whose commit comes to light while its batch is planned is adopted, not planned again", async () => {
      const worker = await world.worker();
      await untilSettled(world, worker, [await world.release("gamma", "2.0.0")]);
      const id = await world.release("gamma", "2.1.0");
      // Of the earlier push nothing is left but its record; people brought its change and its trailer.
      const base = (await world.git.refs(world.repository)).get(main) ?? "";
      const person = { name: "Slipway", email: "slipway@localhost", at: "2026-01-01T00:00:00.000Z" };
      const draft = { message: "m", author: person, committer: person, files: [] };
      const plan = { results: [], changes: [], targets: [] };
      const commits = [{ jobId: id, commit: "1".repeat(40), draft, plan }];
      const intent = { id: randomUUID(), laneId: world.laneId, fence: 1n, base, proposal: null };
      await recordIntent(world.store.db, {
        ...intent,
        tip: "1".repeat(40),
        laneOld: "2".repeat(40),
        commits,
      });
      await resolveIntent(world.store.db, { id: intent.id, state: "sealed" });
      const changed = (await world.read("gamma")).replace("example/gamma:2.0.0", "example/gamma:2.1.0");
      const brought = await byHand({ "deploy/gamma.yaml": changed }, `theirs\n\nRelease-Job: ${id}`);
      // This one has nothing to do, which is only said of a tip that the host confirmed.
      const idle = await world.release("delta", "1.0.1");
      await untilSettled(world, worker, [id, idle]);
      expect(await world.job(id)).toMatchObject({ outcome: "committed", commit_sha: brought });
      expect(await world.job(idle)).toMatchObject({ outcome: "nothing-to-do" });
    });
  });

  describe("what is written and read", () => {
    test("a commit's author date is when its job was accepted, and its committer date is not before its parent's", async () => {
      const worker = await world.worker();
      const inAnHour = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);
      await byHand({ "NOTES.md": "from a clock that is fast\n" }, "early", inAnHour);
      const id = await world.release("alpha", "3.0.0");
      await untilSettled(world, worker, [id]);
      const dates = await draftDates(world.store.db, id);
      const { created_at: acceptedAt } = await world.job(id);
      expect(dates.at(-1)).toEqual({
        author: acceptedAt.toISOString(),
        committer: inAnHour.toISOString(),
      });
    });

    test("a branch that people wound back is read anew: what they removed is not declared any more", async () => {
      const worker = await world.worker();
      await poll(worker);
      const before = (await world.git.refs(world.repository)).get(main);
      await byHand({ "deploy/extra.yaml": manifest("extra", "1.0.0") });
      await poll(worker);
      expect(await declared()).toContain("example/extra:1.0.0");
      await world.git.moveRef(world.repository, main, before);
      await poll(worker);
      expect(await declared()).not.toContain("example/extra:1.0.0");
      expect((await getLane(world.store.db, world.laneId))?.tip).toBe(before);
    });

    test("what another worker parsed is joined by blob id: a new one parses the file it edits and no other", async () => {
      await poll(await world.worker());
      const worker = await world.worker();
      await untilSettled(world, worker, [await world.release("alpha", "3.1.0")]);
      const [, parsed = ""] = /manifest_parse_total(?:\{.*\})? (\d+)/m.exec(await worker.metrics()) ?? [];
      expect(Number(parsed)).toBe(1);
    });

    test("what latest was once is written, also when the branch moves and something newer is out by then", async () => {
      const worker = await world.worker();
      await poll(worker);
      world.publish("alpha", "4.0.0", new Date("2026-01-01T00:00:00Z"));
      const id = await latestOf(["alpha"]);
      world.git.beforeNext("git-receive-pack", async () => {
        world.publish("alpha", "4.1.0", new Date("2026-02-01T00:00:00Z"));
        await byHand({ "NOTES.md": "moved again\n" });
      });
      await untilSettled(world, worker, [id]);
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out", attempt: 1 });
      expect(await world.read("alpha")).toContain("example/alpha:4.0.0");
    });

    test("what latest was at the first plan is written, though the job it stood on is cancelled then", async () => {
      const worker = await world.worker();
      const early = new Date("2026-01-01T00:00:00Z");
      for (const service of ["beta", "gamma"]) world.publish(service, "4.0.0", early);
      const cancelled = await world.release("gamma", "4.0.0");
      // On the base with the first job's change, gamma is up to date.
      const id = await latestOf(["beta", "gamma"]);
      // Between plan and intent the lane makes its ref anew.
      await world.git.moveRef(world.repository, world.laneRef, undefined);
      await setLaneValue(world.store.db, { laneId: world.laneId, value: null });
      world.git.beforeNext("git-receive-pack", async () => {
        world.publish("beta", "4.1.0", new Date("2026-02-01T00:00:00Z"));
        await requestCancel(world.store.db, { id: cancelled, by: "tester" });
      });
      await untilSettled(world, worker, [cancelled, id]);
      expect((await world.job(cancelled)).phase).toBe("cancelled");
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out" });
      for (const service of ["beta", "gamma"]) {
        expect(await world.read(service)).toContain(`example/${service}:4.0.0`);
      }
    });
  });
});
