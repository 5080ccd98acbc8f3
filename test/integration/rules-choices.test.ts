import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { requestCancel } from "#common/store/jobs.ts";
import { wakeLane } from "#common/store/lanes.ts";
import { takeLease } from "#common/store/leases.ts";
import type { ResolvedChoice } from "#common/domain/plan-choice.ts";

import {
  manifest,
  startLaneWorld,
  untilSettled,
  type LaneWorker,
  type LaneWorld,
} from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { silenceWorker } from "../support/store-tricks.ts";

/** CORRECTNESS 13: what a release chose at its first planning is what it writes, whatever comes in between. */
describe.skipIf(!hasPostgres())("what a release of latest has chosen", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld({}, {}, "apply");
    await untilSettled(world, await world.worker(), [await world.release("delta", "1.0.1")]);
  });
  afterAll(() => world.stop());

  /** Days after which tags appear, so that every one is newer than all before. */
  let days = 0;
  const publish = (service: string, tag: string): void => {
    days += 1;
    world.publish(service, tag, new Date(Date.UTC(2026, 0, days)));
  };
  const latestOf = (what: readonly string[] | "all"): Promise<string> => {
    const workloads = what === "all" ? [] : what.map((service) => `shop/${service}`);
    const asked = { workloads, all: what === "all", exclude: [], override: [] };
    return world.submit({ kind: "release", ...asked, images: { select: "latest" } }, "Release latest");
  };
  const chosenBy = async (id: string): Promise<readonly ResolvedChoice[] | null> =>
    (await world.job(id)).resolved;
  const chose = (service: string, tag: string): readonly ResolvedChoice[] => [
    { workload: `shop:deployment/${service}`, container: service, image: `example/${service}:${tag}` },
  ];
  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;
  const byHand = (files: Readonly<Record<string, string>>): Promise<string> =>
    world.git.commitDirectly(world.repository, files, { branch: "main", message: "by hand" });
  const poll = async (worker: LaneWorker): Promise<void> => {
    await wakeLane(world.store.db, world.laneId);
    await worker.look();
  };
  /** Whoever meets this stops at once and leaves everything as it is, as the dead do. */
  const die = (): never => {
    throw new SlipwayError("LEASE_LOST", { detail: "killed here" });
  };

  describe("when its worker dies", () => {
    test("with the choice on record: the next one writes it, though a newer image is out by then", async () => {
      const [dying, next] = [await world.worker(), await world.worker()];
      publish("alpha", "2.0.0");
      const id = await latestOf(["alpha"]);
      dying.at("after-choice", die);
      await dying.look();
      expect(await world.job(id)).toMatchObject({ phase: "writing", resolved: chose("alpha", "2.0.0") });
      publish("alpha", "2.1.0");
      await untilSettled(world, next, [id]);
      expect(await world.job(id)).toMatchObject({ crashes: 1, resolved: chose("alpha", "2.0.0") });
      expect(await world.read("alpha")).toContain("example/alpha:2.0.0");
      expect(await commitsOf(id)).toBe(1);
    });

    test("before the record: nobody heard of a choice, and the next one's is the first", async () => {
      const [dying, next] = [await world.worker(), await world.worker()];
      publish("alpha", "2.2.0");
      const id = await latestOf(["alpha"]);
      dying.at("after-plan", die);
      await dying.look();
      expect(await chosenBy(id)).toBeNull();
      publish("alpha", "2.3.0");
      await untilSettled(world, next, [id]);
      expect(await world.read("alpha")).toContain("example/alpha:2.3.0");
      expect(await commitsOf(id)).toBe(1);
    });

    test("after losing its lane: it records no choice, and the holder of the lane makes it", async () => {
      const [loser, winner] = [await world.worker(), await world.worker()];
      publish("alpha", "2.4.0");
      const id = await latestOf(["alpha"]);
      // While the host holds the loser's first question, the lane is taken over.
      world.git.beforeNext("git-upload-pack", async () => {
        await silenceWorker(world.store.db, loser.id);
        const lease = await takeLease(world.store.db, { id: `lane:${world.laneId}`, owner: winner.id });
        expect(lease).toBeDefined();
      });
      await loser.look();
      expect(await world.job(id)).toMatchObject({ phase: "writing", resolved: null });
      publish("alpha", "2.5.0");
      await untilSettled(world, winner, [id]);
      expect(await world.read("alpha")).toContain("example/alpha:2.5.0");
      expect(await commitsOf(id)).toBe(1);
    });
  });

  describe("when it is planned again", () => {
    test("after the cluster was away for the dry run, is written though a newer image is out", async () => {
      const worker = await world.worker();
      publish("beta", "2.0.0");
      const id = await latestOf(["beta"]);
      world.atDryRun(async () => {
        publish("beta", "2.1.0");
        throw new SlipwayError("CLUSTER_UNAVAILABLE");
      });
      await untilSettled(world, worker, [id]);
      expect(await world.job(id)).toMatchObject({ attempt: 1, resolved: chose("beta", "2.0.0") });
      expect(await world.read("beta")).toContain("example/beta:2.0.0");
      expect(await commitsOf(id)).toBe(1);
    });

    test("without a mate of its batch that the cluster refused, is written", async () => {
      const worker = await world.worker();
      publish("beta", "2.2.0");
      const refused = await world.release("gamma", "2.0.0");
      const id = await latestOf(["beta"]);
      world.atDryRun(async () => {
        publish("beta", "2.3.0");
        throw new SlipwayError("APPLY_REFUSED", { detail: "not here" });
      });
      await untilSettled(world, worker, [refused, id]);
      expect(await world.job(refused)).toMatchObject({ phase: "failed" });
      expect(await world.read("beta")).toContain("example/beta:2.2.0");
      expect(await commitsOf(id)).toBe(1);
    });

    test("since the tip had moved when its batch's verdicts were about to be told, is written", async () => {
      const worker = await world.worker();
      // It has read both files, so that its next question to the host is the one for the tip.
      await untilSettled(world, worker, [
        await world.release("beta", "2.3.9"),
        await world.release("delta", "1.0.1"),
      ]);
      publish("beta", "2.4.0");
      const id = await latestOf(["beta"]);
      // That this one has nothing to do is only said of a tip that the host confirmed.
      const idle = await world.release("delta", "1.0.1");
      world.git.beforeNext("git-upload-pack", async () => {
        publish("beta", "2.5.0");
        await byHand({ "NOTES.md": "moved while it was planned\n" });
      });
      await untilSettled(world, worker, [id, idle]);
      expect(await world.job(idle)).toMatchObject({ outcome: "nothing-to-do" });
      expect(await world.job(id)).toMatchObject({ attempt: 0, resolved: chose("beta", "2.4.0") });
      expect(await world.read("beta")).toContain("example/beta:2.4.0");
      expect(await commitsOf(id)).toBe(1);
    });

    test("takes in no workload that came with the moved tip, and tells it apart from what is up to date", async () => {
      const worker = await world.worker();
      await poll(worker);
      publish("beta", "2.6.0");
      publish("late", "2.0.0");
      const id = await latestOf("all");
      world.git.beforeNext("git-receive-pack", async () => {
        await byHand({ "deploy/late.yaml": manifest("late", "1.0.0") });
      });
      await untilSettled(world, worker, [id]);
      const { results, attempt } = await world.job(id);
      expect(attempt).toBe(1);
      const told = Object.fromEntries(
        results.map(({ container, result, reason }) => [container, reason ?? result]),
      );
      expect(told).toMatchObject({ beta: "changed", late: "not-chosen", gamma: "no-image-data" });
      expect(await world.read("late")).toContain("example/late:1.0.0");
    });

    test("and is not cancelled by the cancel of another one of its batch", async () => {
      const worker = await world.worker();
      publish("beta", "2.7.0");
      const cancelled = await world.release("gamma", "2.1.0");
      const id = await latestOf(["beta"]);
      world.atDryRun(async () => {
        publish("beta", "2.8.0");
        await requestCancel(world.store.db, { id: cancelled, by: "tester" });
      });
      await untilSettled(world, worker, [cancelled, id]);
      expect(await world.job(cancelled)).toMatchObject({ phase: "cancelled", commit_sha: null });
      expect(await world.read("beta")).toContain("example/beta:2.7.0");
      expect(await commitsOf(id)).toBe(1);
    });
  });
});
