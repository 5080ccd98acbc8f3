import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { automaticRollbackOf } from "#common/store/jobs.ts";
import { holdsOf, setHold } from "#common/store/holds.ts";
import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [
  { name: "default" },
  { name: "undo", onFailure: "rollback" as const, rolloutDeadline: "2s" },
  { name: "quick", rolloutDeadline: "2s" },
];
const undo = { environment: "undo" };

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`undoing on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      worker = await world.worker();
    });
    afterAll(() => world.stop());

    const imageIn = async (name: string): Promise<string | undefined> =>
      (await world.live(aDeployment(name))).spec.template.spec.containers[0]?.image;
    const rollbackOf = async (id: string): Promise<JobRow> => {
      const rollback = await automaticRollbackOf(world.store.db, id);
      if (rollback === undefined) throw new Error("no automatic rollback");
      return rollback;
    };
    const holds = async (name: string) =>
      (await holdsOf(world.store.db, "undo")).filter((hold) => hold.workload.endsWith(`/${name}`));
    /** The limit counts by the clock; what earlier tests began must not reach it. */
    const forgetRollbacks = async (): Promise<void> =>
      void (await world.store.db
        .updateTable("jobs")
        .set({ created_at: new Date(0) })
        .where("automatic", "=", true)
        .execute());
    const over = async (id: string): Promise<JobRow> => {
      const [job] = await world.untilOver(id);
      if (job === undefined) throw new Error("no job");
      return job;
    };

    test("a failed rollout is undone: git, cluster, hold; the original ends rolled-back", async () => {
      await world.serve(aDeployment("auto"), "undo");
      const before = await world.readManifest("auto", "undo");
      const id = await world.release("auto", "bad-1", undo);
      const judged = await world.until(id, (job) => job.targets[0]?.verdict === "bad", "the verdict");
      expect(["rolling-out", "rolled-back"]).toContain(judged.phase);
      const job = await over(id);
      const rollback = await rollbackOf(id);
      expect(job).toMatchObject({ phase: "rolled-back", outcome: "rolled-back", waiting_for: null });
      expect(job.error).toMatchObject({ code: "ROLLOUT_FAILED" });
      expect(job.error?.detail).toMatch(/shop\/auto: .*(ImagePullBackOff|ErrImagePull)/);
      expect(rollback).toMatchObject({
        phase: "succeeded",
        origin: "rollback",
        priority: 0,
        rollback_of: id,
      });
      expect(rollback.message).toContain("The rollout failed");
      expect(await world.readManifest("auto", "undo")).toBe(before);
      expect(await imageIn("auto")).toBe(imageOf("auto", "1.0.0"));
      expect(await holds("auto")).toMatchObject([
        { container: "auto", image: imageOf("auto", "bad-1"), job_id: id },
      ]);
      const steps = await world.steps(id);
      expect(steps.at(-1)).toMatchObject({
        text: "Rollback: shop/auto to the previous image",
        outcome: "ok",
        detail: `job ${rollback.id.slice(-8)}`,
      });
      expect(await world.committed()).toEqual(expect.arrayContaining([id, rollback.id]));
    });

    test("a workload's policy asks for its undoing where the environment does not, and the other way round", async () => {
      const annotations = (value: string) => ({ annotations: { "slipway.dev/auto_rollback": value } });
      await world.serve(aDeployment("asks", annotations("true")), "quick");
      await world.serve(aDeployment("declines", annotations("false")), "undo");
      const ids = [
        await world.release("asks", "bad-1", { environment: "quick" }),
        await world.release("declines", "bad-1", undo),
      ];
      const [asks, declines] = await world.untilOver(...ids);
      expect(asks).toMatchObject({ phase: "rolled-back", targets: [{ autoRollback: true }] });
      expect(declines).toMatchObject({ phase: "failed", targets: [{ autoRollback: false }] });
      expect(await imageIn("declines")).toBe(imageOf("declines", "bad-1"));
    });

    test("verdict, rollback job and hold come together, or not at all", async () => {
      await world.serve(aDeployment("atomic"), "undo");
      await refuseHolds(world, "atomic");
      const id = await world.release("atomic", "bad-1", undo);
      const torn = await world.until(id, (job) => job.unknown_since !== null, "the failed transaction");
      expect(torn).toMatchObject({ phase: "rolling-out", targets: [{ verdict: "pending" }] });
      expect(torn.waiting_for).toContain("no holds here");
      expect(await automaticRollbackOf(world.store.db, id)).toBeUndefined();
      expect(await holds("atomic")).toEqual([]);
      await allowHolds(world);
      expect(await over(id)).toMatchObject({ phase: "rolled-back" });
      expect(await holds("atomic")).toHaveLength(1);
    });

    test("a worker killed right after the failing verdict leaves an undoing that another one ends", async () => {
      await forgetRollbacks();
      await world.serve(aDeployment("killed"), "undo");
      const dying = await world.worker();
      worker.pause();
      dying.dieAt("after-verdict");
      const id = await world.release("killed", "bad-1", undo);
      await dying.died;
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out", targets: [{ verdict: "bad" }] });
      worker.resume();
      expect(await over(id)).toMatchObject({ phase: "rolled-back" });
      expect(await holds("killed")).toHaveLength(1);
      const steps = await world.steps(id);
      expect(steps.map((step) => step.number)).toEqual(steps.map((_, index) => index + 1));
      expect(steps.filter((step) => step.text.startsWith("Rollback:"))).toHaveLength(1);
    });

    test("an environment without the policy keeps the commit and begins nothing", async () => {
      await world.serve(aDeployment("kept"), "quick");
      const id = await world.release("kept", "bad-1", { environment: "quick" });
      expect(await over(id)).toMatchObject({ phase: "failed" });
      expect(await automaticRollbackOf(world.store.db, id)).toBeUndefined();
      expect(await world.readManifest("kept", "quick")).toContain("bad-1");
    });

    test("an automated release is undone also where the environment does not ask for it", async () => {
      const annotations = { "slipway.dev/automated": "true" };
      await world.serve(aDeployment("automated", { annotations }), "quick");
      const asked = { environment: "quick", origin: "automation" } as const;
      const id = await world.release("automated", "bad-1", asked);
      expect(await over(id)).toMatchObject({ phase: "rolled-back" });
      expect(await imageIn("automated")).toBe(imageOf("automated", "1.0.0"));
    });

    test("it goes back to the last good, past releases that did not succeed", async () => {
      await world.serve(aDeployment("chain"), "undo");
      expect(await over(await world.release("chain", "1.0.1", undo))).toMatchObject({ phase: "succeeded" });
      const first = await world.release("chain", "never-1", undo);
      await world.until(first, (job) => job.targets.some((target) => target.applied), "the apply");
      const second = await world.release("chain", "never-2", undo);
      expect(await over(first)).toMatchObject({ phase: "superseded" });
      expect(await over(second)).toMatchObject({ phase: "rolled-back" });
      expect((await rollbackOf(second)).changes).toMatchObject([
        { from: expect.stringContaining("never-2"), to: expect.stringContaining("1.0.1") },
      ]);
      expect(await imageIn("chain")).toBe(imageOf("chain", "1.0.1"));
    });

    test("a rollback that fails too leaves the original failed, with both named", async () => {
      await forgetRollbacks();
      await world.serve(aDeployment("doomed", { tag: "never-0" }), "undo");
      const id = await world.release("doomed", "never-1", undo);
      const job = await over(id);
      const rollback = await rollbackOf(id);
      expect(rollback).toMatchObject({ phase: "failed" });
      expect(await automaticRollbackOf(world.store.db, rollback.id)).toBeUndefined();
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job.error?.hint).toContain(rollback.id.slice(-8));
    });

    test("after five automatic rollbacks in ten minutes no more are begun, and the job says so", async () => {
      await forgetRollbacks();
      const names = ["limit-0", "limit-1", "limit-2", "limit-3", "limit-4", "limit-5"];
      for (const name of names) await world.serve(aDeployment(name), "undo");
      const jobs = await world.untilOver(
        ...(await Promise.all(names.map((name) => world.release(name, "bad-1", undo)))),
      );
      const phases = jobs.map((job) => job.phase).toSorted();
      expect(phases).toEqual(["failed", ...Array.from({ length: 5 }, () => "rolled-back")]);
      const refused = jobs.find((job) => job.phase === "failed");
      expect(refused?.error?.hint).toContain("too many automatic rollbacks in ten minutes");
      await forgetRollbacks();
    });

    test("a rollback whose images a newer release replaced does nothing, and the original ends failed", async () => {
      await world.serve(aDeployment("replaced"), "undo");
      const id = await world.release("replaced", "bad-1", undo);
      await world.until(id, (job) => job.targets.some((target) => target.applied), "the apply");
      const text = (await world.readManifest("replaced", "undo")).replace("bad-1", "1.0.9");
      await world.git.commitDirectly(
        world.repository,
        { "undo/replaced.yaml": text },
        { branch: "main", message: "by hand" },
      );
      const job = await over(id);
      expect(await rollbackOf(id)).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
      expect((await rollbackOf(id)).results).toMatchObject([{ result: "skip", reason: "changed-since" }]);
      expect(job).toMatchObject({ phase: "failed" });
      expect(job.error?.hint).toBe("a newer release has replaced its images already");
      expect(await world.readManifest("replaced", "undo")).toContain("1.0.9");
    });

    test("a person rolls back, and rolls the rollback back; each is healthy and exact to the byte", async () => {
      await world.serve(aDeployment("there-and-back"));
      const before = await world.readManifest("there-and-back");
      const release = await over(await world.release("there-and-back", "1.0.1"));
      const after = await world.readManifest("there-and-back");
      const back = await over(await world.rollBack(release.id));
      expect(back).toMatchObject({ phase: "succeeded", rollback_of: release.id, automatic: false });
      expect(await world.readManifest("there-and-back")).toBe(before);
      expect(await imageIn("there-and-back")).toBe(imageOf("there-and-back", "1.0.0"));
      expect(await over(await world.rollBack(back.id))).toMatchObject({ phase: "succeeded" });
      expect(await world.readManifest("there-and-back")).toBe(after);
      expect(await imageIn("there-and-back")).toBe(imageOf("there-and-back", "1.0.1"));
      expect(await world.job(release.id)).toMatchObject({ phase: "succeeded" });
    });

    test("what ran before is one word away, and what somebody set in the cluster can be kept in git", async () => {
      const object = aDeployment("recalled");
      await world.serve(object);
      await over(await world.release("recalled", "1.0.1"));
      await over(await world.release("recalled", "1.0.2"));
      expect(await over(await world.recall("recalled", "previous"))).toMatchObject({ phase: "succeeded" });
      expect(await imageIn("recalled")).toBe(imageOf("recalled", "1.0.1"));
      const containers = [{ name: "recalled", image: imageOf("recalled", "hotfix") }];
      await world.cluster.patchAs("kubectl-set", object, { spec: { template: { spec: { containers } } } });
      await world.untilSeen([aDeployment("recalled", { tag: "hotfix" })]);
      const kept = await over(await world.recall("recalled", "running"));
      expect(kept.results).toMatchObject([{ result: "changed", to: imageOf("recalled", "hotfix") }]);
      expect(await world.readManifest("recalled")).toContain(imageOf("recalled", "hotfix"));
      expect(await imageIn("recalled")).toBe(imageOf("recalled", "hotfix"));
    });

    test("a rollback leaves alone what was changed since, and says so", async () => {
      await world.serve(aDeployment("since-a"));
      await world.serve(aDeployment("since-b"));
      const both = await over(await world.release(["since-a", "since-b"], "1.0.1"));
      await over(await world.release("since-a", "1.0.2"));
      const back = await over(await world.rollBack(both.id));
      expect(back.results).toMatchObject([
        { workload: "shop:deployment/since-b", result: "changed" },
        { workload: "shop:deployment/since-a", result: "skip", reason: "changed-since" },
      ]);
      expect(await imageIn("since-a")).toBe(imageOf("since-a", "1.0.2"));
      expect(await imageIn("since-b")).toBe(imageOf("since-b", "1.0.0"));
    });

    test("a person may undo also what was changed since, and undo that", async () => {
      await world.serve(aDeployment("forced"));
      const first = await over(await world.release("forced", "1.0.1"));
      await over(await world.release("forced", "1.0.2"));
      const back = await over(await world.rollBack(first.id, ["changed-since"]));
      expect(back.results).toMatchObject([{ result: "changed", from: imageOf("forced", "1.0.2") }]);
      expect(await imageIn("forced")).toBe(imageOf("forced", "1.0.0"));
      await over(await world.rollBack(back.id));
      expect(await imageIn("forced")).toBe(imageOf("forced", "1.0.2"));
    });

    /** A field that no release changes. */
    const ofTeam = (team: string) => ({ annotations: { "example.com/team": team } });

    test("a job whose document is refused after its commit is undone in git, though it was never applied", async () => {
      await forgetRollbacks();
      const object = aDeployment("refused", ofTeam("shop"));
      await world.serve(object, "undo");
      const before = await world.readManifest("refused", "undo");
      worker.at("before-apply", () =>
        worker.beforeRequest(() => {
          worker.beforeRequest(undefined);
          return world.cluster.applyAs("rival-operator", aDeployment("refused", ofTeam("rival")));
        }),
      );
      const id = await world.release("refused", "1.0.1", undo);
      const job = await over(id);
      expect(job).toMatchObject({ phase: "rolled-back", error: { code: "ROLLOUT_FAILED" } });
      expect(job.error?.detail).toContain("rival-operator owns");
      expect(await rollbackOf(id)).toMatchObject({ phase: "succeeded", outcome: "committed", targets: [] });
      expect(await world.readManifest("refused", "undo")).toBe(before);
      expect(await imageIn("refused")).toBe(imageOf("refused", "1.0.0"));
    });

    test("by hand too: the command that a refused job prints brings git back", async () => {
      const object = aDeployment("by-hand", ofTeam("shop"));
      await world.serve(object);
      const before = await world.readManifest("by-hand");
      worker.at("before-apply", () =>
        worker.beforeRequest(() => {
          worker.beforeRequest(undefined);
          return world.cluster.applyAs("rival-operator", aDeployment("by-hand", ofTeam("rival")));
        }),
      );
      const refused = await over(await world.release("by-hand", "1.0.1"));
      expect(refused).toMatchObject({ phase: "failed", error: { code: "APPLY_CONFLICT" } });
      expect(await over(await world.rollBack(refused.id))).toMatchObject({ phase: "succeeded" });
      expect(await world.readManifest("by-hand")).toBe(before);
    });

    test("a manual release that succeeds lifts the hold, an automated one does not", async () => {
      const workload = "shop:deployment/held";
      await world.serve(aDeployment("held"), "undo");
      const failed = await over(await world.release("held", "1.0.1", undo));
      const hold = { environment: "undo", workload, container: "held", image: imageOf("held", "x") };
      await setHold(world.store.db, { ...hold, job_id: failed.id, reason: "it failed" });
      await over(await world.release("held", "1.0.2", { ...undo, origin: "automation" }));
      expect(await holds("held")).toHaveLength(1);
      expect(await over(await world.release("held", "1.0.3", undo))).toMatchObject({ phase: "succeeded" });
      expect(await holds("held")).toEqual([]);
    });
  });
}

/** From now on Postgres refuses holds of this workload, in the middle of the transaction. */
async function refuseHolds(world: EnvironmentWorld, name: string): Promise<void> {
  await world.sql(`create function no_holds() returns trigger language plpgsql as $$
    begin if new.workload like '%/${name}' then raise exception 'no holds here'; end if; return new; end $$`);
  await world.sql("create trigger no_holds before insert on holds for each row execute function no_holds()");
}

async function allowHolds(world: EnvironmentWorld): Promise<void> {
  await world.sql("drop trigger no_holds on holds");
}
