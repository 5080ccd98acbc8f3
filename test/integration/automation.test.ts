import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { automationHands, type AutomationHands } from "../support/automation-hands.ts";
import { clusterChoices } from "../support/environment-cluster.ts";
import { imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environment = "auto";
const automationTiming = { settle: "300ms", settleLongest: "2s" };
const environments = [
  { name: environment, automation: "on" as const, automationTiming, rolloutDeadline: "2s" },
];
/** Tags that begin like this never become healthy. */
const bad = (tag: string): string => `bad-${tag}`;

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`automation on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let hands: AutomationHands;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      hands = automationHands(world, environment);
      await world.worker();
      await world.worker();
    });
    afterAll(() => world?.stop());

    test("a new image is released by itself: one job, one commit that says why, healthy", async () => {
      await hands.publish("news", "1.0.0", "1.1.0");
      await hands.automate("news");
      const job = await hands.ended("news", "1.1.0");
      expect(job).toMatchObject({
        phase: "succeeded",
        outcome: "succeeded",
        headline: `Auto-release ${imageOf("news", "1.1.0")} to shop/news`,
        requested_by: "automation",
      });
      expect(await hands.commitsOf(job.id)).toBe(1);
      expect(await world.readManifest("news", environment)).toContain(imageOf("news", "1.1.0"));
      const [last] = await world.git.log(world.repository, "main");
      expect(last?.body).toMatch(/shop\/news news: newest of 2 eligible, built .* by newest/);
      expect(await hands.jobsOf("news")).toHaveLength(1);
    });

    test("a broken image is rolled back and held; a good one goes once the hold is lifted", async () => {
      await hands.publish("broken", "1.0.0");
      await hands.automate("broken");
      await hands.publish("broken", "1.0.0", bad("1"));
      const failed = await hands.ended("broken", bad("1"));
      expect(failed).toMatchObject({ phase: "rolled-back" });
      expect(await world.readManifest("broken", environment)).toContain(imageOf("broken", "1.0.0"));
      expect(await hands.holdOf("broken")).toMatchObject({
        image: imageOf("broken", bad("1")),
        job_id: failed.id,
      });
      await hands.publish("broken", "1.0.0", bad("1"), "1.2.0");
      await hands.decidedAgain();
      expect(await hands.jobsOf("broken")).toHaveLength(1);
      expect(await hands.unhold("broken")).toHaveLength(1);
      expect(await hands.ended("broken", "1.2.0")).toMatchObject({ phase: "succeeded" });
    });

    test("what comes together goes together, and a workload that fails takes no other back", async () => {
      for (const name of ["first", "second", "third"]) {
        await hands.publish(name, "1.0.0");
        await hands.automate(name);
      }
      await hands.decidedAgain();
      // A decision between them would see only some.
      await world.stopWorkers();
      await hands.publish("first", "1.0.0", "2.0.0");
      await hands.publish("second", "1.0.0", bad("2"));
      await hands.publish("third", "1.0.0", "2.0.0");
      await world.worker();
      await world.worker();
      const job = await hands.ended("first", "2.0.0");
      expect((await hands.ended("second", bad("2"))).id).toBe(job.id);
      expect(job).toMatchObject({ phase: "rolled-back" });
      expect(await hands.commitsOf(job.id)).toBe(1);
      for (const name of ["first", "third"])
        expect(await world.readManifest(name, environment)).toContain(imageOf(name, "2.0.0"));
      expect(await world.readManifest("second", environment)).toContain(imageOf("second", "1.0.0"));
      expect(await hands.holdOf("first")).toBeUndefined();
      expect(await hands.holdOf("second")).toMatchObject({ image: imageOf("second", bad("2")) });
    });
  });
}
