import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { newUuidV7 } from "#common/kit/uuid.ts";
import { liftFreeze, setFreeze } from "#common/store/freezes.ts";
import { requestCancel } from "#common/store/jobs.ts";

import { automationHands, type AutomationHands } from "../support/automation-hands.ts";
import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environment = "auto";
const automationTiming = { settle: "300ms", settleLongest: "2s" };
const environments = [
  { name: environment, automation: "on" as const, automationTiming, rolloutDeadline: "2s" },
  { name: "off", automation: "off" as const },
];
const bad = (tag: string): string => `bad-${tag}`;
const sandbox = clusterChoices().find(({ kind }) => kind === "sandbox");

describe.skipIf(!hasPostgres())("automation, people and workers that die", () => {
  let world: EnvironmentWorld;
  let hands: AutomationHands;
  beforeAll(async () => {
    if (sandbox === undefined) throw new Error("there is always a sandbox");
    world = await startEnvironmentWorld(await sandbox.open(), environments);
    hands = automationHands(world, environment);
    await world.worker();
    await world.worker();
  });
  afterAll(() => world?.stop());

  test("a group goes back together, and waits for the one that is held", async () => {
    const group = { "slipway.dev/group": "pair" };
    for (const name of ["left", "right"]) {
      await hands.publish(name, "1.0.0");
      await hands.automate(name, group);
    }
    await hands.decidedAgain();
    // A decision between the two would see only one of them.
    await world.stopWorkers();
    await hands.publish("left", "1.0.0", "2.0.0");
    await hands.publish("right", "1.0.0", bad("2"));
    await world.worker();
    await world.worker();
    expect(await hands.ended("left", "2.0.0")).toMatchObject({ phase: "rolled-back" });
    for (const name of ["left", "right"])
      expect(await world.readManifest(name, environment)).toContain(imageOf(name, "1.0.0"));
    await hands.decidedAgain();
    expect(await hands.jobsOf("left")).toHaveLength(1);
  });

  test("an older image that a person brings is held, and the job says so", async () => {
    await hands.publish("byhand", "1.0.0", "1.1.0");
    await hands.automate("byhand");
    await hands.ended("byhand", "1.1.0");
    const id = await world.release("byhand", "1.0.0", { environment });
    const [job] = await world.untilOver(id);
    expect(job).toMatchObject({ phase: "succeeded" });
    expect(await hands.holdOf("byhand")).toMatchObject({
      image: imageOf("byhand", "1.1.0"),
      set_by: "tester",
      reason: `tester chose ${imageOf("byhand", "1.0.0")} by hand`,
    });
    const said = (await world.steps(id)).map(({ text }) => text);
    expect(said).toContain(
      `Automation of shop/byhand (byhand) stops: ${imageOf("byhand", "1.1.0")} is there and was passed over.`,
    );
    await hands.decidedAgain();
    expect(await hands.jobsOf("byhand")).toHaveLength(1);
    // What is newest again is what automation wants, too: the hold goes with it.
    await world.untilOver(await world.release("byhand", "1.1.0", { environment }));
    expect(await hands.holdOf("byhand")).toBeUndefined();
  });

  test("what a person takes back in git is held, not brought again", async () => {
    await hands.publish("quarrel", "1.0.0", "1.1.0");
    await hands.automate("quarrel");
    await hands.ended("quarrel", "1.1.0");
    await hands.automate("quarrel");
    const hold = await hands.until(() => hands.holdOf("quarrel"), "the hold");
    expect(hold.reason).toMatch(/^git was changed back to example\/quarrel:1\.0\.0 after job/);
    await hands.decidedAgain();
    expect(await hands.jobsOf("quarrel")).toHaveLength(1);
  });

  test("a job that a person cancels is not made again before they say so", async () => {
    await hands.publish("unwanted", "1.0.0");
    await hands.automate("unwanted");
    await hands.decidedAgain();
    await world.stopWorkers();
    const worker = await world.worker();
    worker.dieAt("after-decision");
    await hands.publish("unwanted", "1.0.0", "1.1.0");
    await worker.died;
    const [job] = await hands.jobsOf("unwanted");
    await requestCancel(world.store.db, { id: job?.id ?? "", by: "alice" });
    await world.worker();
    const hold = await hands.until(() => hands.holdOf("unwanted"), "the hold");
    expect(hold.reason).toBe(`job ${job?.id.slice(-8)} was cancelled by alice`);
    expect(await hands.jobsOf("unwanted")).toHaveLength(1);
    await hands.unhold("unwanted");
    const again = await hands.until(async () => (await hands.jobsOf("unwanted"))[1], "another job");
    expect(await world.untilOver(again.id)).toMatchObject([{ phase: "succeeded" }]);
  });

  test("of two workers one dies between deciding and recording, or after it: one job, one commit", async () => {
    for (const point of ["before-decision", "after-decision"] as const) {
      const name = point;
      await hands.publish(name, "1.0.0");
      await hands.automate(name);
      await hands.decidedAgain();
      await world.stopWorkers();
      const mortal = await world.worker();
      mortal.dieAt(point);
      await hands.publish(name, "1.0.0", "1.1.0");
      await mortal.died;
      await world.worker();
      await world.worker();
      const job = await hands.ended(name, "1.1.0");
      expect(job).toMatchObject({ phase: "succeeded" });
      expect(await hands.commitsOf(job.id)).toBe(1);
      expect(await hands.jobsOf(name)).toHaveLength(1);
    }
  });

  test("whoever was frozen while it decided makes no job: another has", async () => {
    await hands.publish("frozen", "1.0.0");
    await hands.automate("frozen");
    await hands.decidedAgain();
    await world.stopWorkers();
    const sleeper = await world.worker();
    const lapsed = Promise.withResolvers<void>();
    sleeper.at("before-decision", () => lapsed.resolve(sleeper.lapse()));
    await hands.publish("frozen", "1.0.0", "1.1.0");
    await lapsed.promise;
    await world.worker();
    expect(await hands.ended("frozen", "1.1.0")).toMatchObject({ phase: "succeeded" });
    expect(await hands.jobsOf("frozen")).toHaveLength(1);
  });

  test("nothing moves under a freeze, and at once when it is lifted", async () => {
    await hands.publish("cold", "1.0.0");
    await hands.automate("cold");
    await hands.decidedAgain();
    const place = { environment, namespace: "shop", by: "alice" };
    await world.store.transaction((tx) =>
      setFreeze(tx, { ...place, id: newUuidV7(), reason: "incident", until: null }),
    );
    await hands.publish("cold", "1.0.0", "1.1.0");
    await hands.decidedAgain();
    expect(await hands.jobsOf("cold")).toEqual([]);
    await world.store.transaction((tx) => liftFreeze(tx, place));
    expect(await hands.ended("cold", "1.1.0")).toMatchObject({ phase: "succeeded" });
  });

  test("where automation is off nothing moves, and no wakes pile up", async () => {
    await hands.publish("asleep", "1.0.0", "1.1.0");
    const annotations = { "slipway.dev/automated": "true", "slipway.dev/tag.asleep": "newest" };
    await world.serve(aDeployment("asleep", { annotations }), "off");
    await world.sql("update lanes set due_at = clock_timestamp()");
    await hands.until(async () => {
      const rows = await world.store.db.selectFrom("declared_workloads").select("workload").execute();
      return rows.some(({ workload }) => workload.endsWith("/asleep"));
    }, "the index");
    await hands.until(async () => {
      const rows = await world.store.db.selectFrom("automation_wakes").select("environment").execute();
      return rows.every((row) => row.environment !== "off");
    }, "the wakes to go");
    expect(await hands.jobsOf("asleep")).toEqual([]);
  });
});
