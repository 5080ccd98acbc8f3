import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`applying on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      const environments = [
        { name: "default" },
        { name: "force", conflicts: "force" as const },
        { name: "other" },
      ];
      world = await startEnvironmentWorld(await choice.open(), environments);
      worker = await world.worker();
    });
    afterAll(() => world.stop());

    const releaseOf = async (name: string, tag: string, environment = "default"): Promise<JobRow> => {
      const [job] = await world.untilOver(await world.release(name, tag, { environment }));
      if (job === undefined) throw new Error("no job");
      return job;
    };
    const ofTeam = (team: string) => ({ annotations: { "example.com/team": team } });
    const writesOf = (name: string) => worker.writes().filter((write) => write.path.endsWith(`/${name}`));
    const imageIn = async (object: ReturnType<typeof aDeployment>): Promise<string | undefined> =>
      (await world.live(object)).spec.template.spec.containers[0]?.image;

    test("the document is sent as committed, guarded by uid and version, signed with commit and job", async () => {
      const web = aDeployment("web", { replicas: 2, annotations: { "example.com/team": "shop" } });
      await world.serve(web);
      const before = await world.live(web);
      const job = await releaseOf("web", "1.0.1");
      expect(job).toMatchObject({ phase: "succeeded", waiting_for: null });
      const apply = writesOf("web").find((write) => write.contentType === "application/apply-patch+yaml");
      const signed = {
        "applied.slipway.dev/environment": "default",
        "applied.slipway.dev/commit": job.commit_sha,
        "applied.slipway.dev/job": job.id,
      };
      const committed = JSON.parse(await world.readManifest("web")) as typeof web;
      expect(apply?.query).toMatchObject({
        fieldManager: "slipway",
        force: "false",
        fieldValidation: "Strict",
      });
      expect(apply?.body).toEqual({
        ...committed,
        metadata: {
          ...committed.metadata,
          uid: before.metadata.uid,
          resourceVersion: expect.any(String),
          annotations: { ...committed.metadata.annotations, ...signed },
        },
      });
      const live = await world.live(web);
      expect(live.metadata.annotations).toMatchObject({ "example.com/team": "shop", ...signed });
      expect(live.spec.template.spec.containers[0]?.image).toBe(imageOf("web", "1.0.1"));
    });

    test("a field that kubectl applied and git no longer has is gone after the first release", async () => {
      const once = aDeployment("kubectl", { env: { OLD: "1" }, labels: { old: "yes" } });
      await world.run([once]);
      await world.declare("kubectl", [aDeployment("kubectl")]);
      expect(await releaseOf("kubectl", "1.0.1")).toMatchObject({ phase: "succeeded" });
      const live = await world.live(once);
      expect(live.spec.template.spec.containers[0]?.env).toBeUndefined();
      expect(live.metadata.labels?.["old"]).toBeUndefined();
      expect(live.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"]).toBeUndefined();
    });

    test.each(["helm", "fluxd", "flux-helm-operator"])(
      "objects that %s made are taken over, their leftover fields removed",
      async (manager) => {
        const made = aDeployment(manager, { env: { OLD: "1" } });
        await world.cluster.createAs(manager, made);
        await world.untilSeen([made]);
        await world.declare(manager, [aDeployment(manager)]);
        expect(await releaseOf(manager, "1.0.1")).toMatchObject({ phase: "succeeded" });
        const live = await world.live(made);
        expect(live.spec.template.spec.containers[0]).toMatchObject({ image: imageOf(manager, "1.0.1") });
        expect(live.spec.template.spec.containers[0]?.env).toBeUndefined();
        expect(live.metadata.managedFields?.some((entry) => entry.manager === manager)).toBe(false);
      },
    );

    test("a field of a living manager is refused before the push, by manager and field", async () => {
      const owned = aDeployment("owned", ofTeam("shop"));
      await world.serve(owned);
      await world.cluster.applyAs(
        "rival-operator",
        aDeployment("owned", { ...ofTeam("rival"), tag: "0.9.0" }),
      );
      const job = await releaseOf("owned", "1.0.1");
      expect(job).toMatchObject({ phase: "failed", commit_sha: null, error: { code: "APPLY_CONFLICT" } });
      expect(job.error?.detail).toContain("rival-operator owns .metadata.annotations.example.com/team");
      expect(job.error?.detail).not.toContain("containers");
      expect(job.error?.hint).toContain("conflicts: force");
      expect(await world.committed()).not.toContain(job.id);
      expect(await imageIn(owned)).toBe(imageOf("owned", "0.9.0"));
    });

    test("the image that a release changes is taken from whoever set it last, and nothing else", async () => {
      const contested = aDeployment("contested", ofTeam("shop"));
      await world.serve(contested);
      await world.cluster.applyAs(
        "rival-operator",
        aDeployment("contested", { ...ofTeam("shop"), tag: "0.9.0" }),
      );
      expect(await releaseOf("contested", "1.0.1")).toMatchObject({ phase: "succeeded" });
      expect(await imageIn(contested)).toBe(imageOf("contested", "1.0.1"));
    });

    test("an environment with `conflicts: force` takes such a field", async () => {
      const taken = aDeployment("taken", ofTeam("shop"));
      await world.serve(taken, "force");
      await world.cluster.applyAs(
        "rival-operator",
        aDeployment("taken", { ...ofTeam("rival"), tag: "0.9.0" }),
      );
      expect(await releaseOf("taken", "1.0.1", "force")).toMatchObject({ phase: "succeeded" });
      expect(await imageIn(taken)).toBe(imageOf("taken", "1.0.1"));
    });

    test("replicas stay what an autoscaler made them, whatever git says", async () => {
      const scaled = aDeployment("scaled", { replicas: 3 });
      await world.serve(scaled);
      await world.cluster.patchAs("horizontal-pod-autoscaler", scaled, { spec: { replicas: 30 } });
      for (const tag of ["1.0.1", "1.0.2"]) {
        expect(await releaseOf("scaled", tag)).toMatchObject({ phase: "succeeded" });
        expect((await world.live(scaled)).spec.replicas).toBe(30);
      }
      expect(await world.readManifest("scaled")).toContain('"replicas": 3');
    });

    test("other edits that people committed are applied with the release", async () => {
      const edited = aDeployment("edited", { labels: { tier: "back" }, env: { LEVEL: "info" } });
      await world.serve(edited);
      await world.declare("edited", [
        aDeployment("edited", { labels: { tier: "front" }, env: { LEVEL: "debug" } }),
      ]);
      expect(await releaseOf("edited", "1.0.1")).toMatchObject({ phase: "succeeded" });
      const live = await world.live(edited);
      expect(live.metadata.labels).toMatchObject({ tier: "front" });
      expect(live.spec.template.spec.containers[0]?.env).toEqual([{ name: "LEVEL", value: "debug" }]);
    });

    test("a workload that two environments declare on one cluster is planned by neither, naming both", async () => {
      const twofold = aDeployment("twofold");
      await world.serve(twofold);
      await world.declare("twofold", [twofold], "other");
      for (const [environment, both] of [
        ["other", "other and default"],
        ["default", "default and other"],
      ]) {
        const job = await releaseOf("twofold", "1.0.1", environment);
        expect(job).toMatchObject({ phase: "failed", commit_sha: null, error: { code: "RELEASE_REFUSED" } });
        expect(job.error?.detail).toContain(`twofold: two-environments (${both})`);
        expect(job.results).toMatchObject([{ reason: "two-environments", detail: both }]);
      }
      expect(await imageIn(twofold)).toBe(imageOf("twofold", "1.0.0"));
    });

    test("an object that another environment applied is refused before the push", async () => {
      const shared = aDeployment("shared");
      await world.serve(shared);
      expect(await releaseOf("shared", "1.0.1")).toMatchObject({ phase: "succeeded" });
      // Declared by one of them now, which did not apply it.
      await world.declare("shared", []);
      await world.declare("shared", [shared], "other");
      const job = await releaseOf("shared", "1.0.2", "other");
      expect(job).toMatchObject({ phase: "failed", commit_sha: null, error: { code: "APPLY_CONFLICT" } });
      expect(job.error?.detail).toContain('shared is applied by environment "default"');
      expect(await imageIn(shared)).toBe(imageOf("shared", "1.0.1"));
    });

    test("documents are applied by kind, then name, whatever their order in the request", async () => {
      const objects = [
        aDeployment("order-b"),
        aWorkload("CronJob", "order-d"),
        aDeployment("order-a"),
        aWorkload("StatefulSet", "order-c"),
      ];
      for (const object of objects) await world.serve(object);
      const names = ["order-b", "order-c", "order-a", "order-d"];
      const [job] = await world.untilOver(await world.release(names, "1.0.1"));
      expect(job?.phase).toBe("succeeded");
      const applied = worker
        .writes()
        .filter((write) => write.contentType === "application/apply-patch+yaml")
        .flatMap((write) => names.find((name) => write.path.endsWith(`/${name}`)) ?? []);
      expect(applied).toEqual(["order-d", "order-a", "order-b", "order-c"]);
    });
  });
}
