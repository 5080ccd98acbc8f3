import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { automaticRollbackOf } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [
  { name: "default" },
  { name: "quick", rolloutDeadline: "2s", onFailure: "rollback" as const },
];
const annotation = "kubectl.kubernetes.io/restartedAt";

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`restarting on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      worker = await world.worker();
    });
    afterAll(() => world.stop());

    const restarted = async (name: string, environment?: string): Promise<JobRow> => {
      const [job] = await world.untilOver(await world.restart([name], environment));
      if (job === undefined) throw new Error("no job");
      return job;
    };
    const atOf = async (object: KubeObject): Promise<string | undefined> =>
      ((await world.live(object)).spec.template as { metadata?: { annotations?: Record<string, string> } })
        .metadata?.annotations?.[annotation];
    const podsOf = async (name: string): Promise<readonly string[]> => {
      const query = { labelSelector: `app=${name}` };
      const path = "/api/v1/namespaces/shop/pods";
      const answer = await world.cluster.api.request({ method: "GET", path, query });
      return (answer.body as { items: KubeObject[] }).items.map((pod) => pod.metadata.name ?? "");
    };

    test.each(["Deployment", "StatefulSet", "DaemonSet"])("makes the pods of a %s anew", async (kind) => {
      const name = kind.toLowerCase();
      const object = aWorkload(kind, name);
      await world.run([object]);
      const before = await world.live(object);
      const job = await restarted(`shop:${name}/${name}`);
      expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded", commit_sha: null });
      const image = imageOf(name, "1.0.0");
      expect(job.results).toMatchObject([
        { container: name, from: image, to: image, result: "changed", reason: "restarted" },
      ]);
      expect(await atOf(object)).toBe(job.created_at.toISOString());
      expect((await world.live(object)).metadata.generation).toBe(before.metadata.generation + 1);
      expect((await world.steps(job.id)).map((step) => [step.text, step.outcome])).toEqual([
        ["Submitted job.", "ok"],
        [`Restart shop/${name}`, "ok"],
        [`Restart of shop/${name}.`, "ok"],
        [`shop/${name} is healthy.`, "ok"],
      ]);
    });

    test("no pod of before is left, and releases and syncs keep the restart", async () => {
      const object = aDeployment("kept");
      await world.serve(object);
      await world.untilOver(await world.sync(["shop/kept"]));
      const old = await podsOf("kept");
      const job = await restarted("kept");
      expect(job.results[0]?.detail ?? "").not.toContain("carried");
      // A pod that ends is there for a while.
      const now = await pollUntil(
        async () => {
          const pods = await podsOf("kept");
          return pods.length > 0 && !pods.some((pod) => old.includes(pod)) && pods;
        },
        { everyMs: 25, timeoutMs: 30_000, what: "the pods of before to be gone" },
      );
      const at = job.created_at.toISOString();
      const [sync] = await world.untilOver(await world.sync(["shop/kept"]));
      expect(sync).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
      expect(await podsOf("kept")).toEqual(now);
      await world.untilOver(await world.release("kept", "1.0.1"));
      expect(await atOf(object)).toBe(at);
    });

    test("the first apply after a restart by kubectl does not restart once more", async () => {
      const object = aDeployment("by-kubectl");
      await world.run([object]);
      const template = { metadata: { annotations: { [annotation]: "2026-11-23T16:40:00Z" } } };
      await world.cluster.patchAs("kubectl-rollout", object, { spec: { template } });
      await world.declare("by-kubectl", [object]);
      expect(await world.untilOver(await world.sync(["shop/by-kubectl"]))).toMatchObject([
        { phase: "succeeded", outcome: "succeeded" },
      ]);
      expect(await atOf(object)).toBe("2026-11-23T16:40:00Z");
      // The clock of whoever did it may be ahead of ours: that does not count as a restart of ours.
      await restarted("by-kubectl");
      expect(await atOf(object)).not.toBe("2026-11-23T16:40:00Z");
    });

    test("what cannot be restarted is named, and the rest is restarted", async () => {
      const paused = aDeployment("paused", { spec: { paused: true } });
      const sound = aDeployment("sound");
      const nightly = aWorkload("CronJob", "nightly");
      await world.run([paused, sound, nightly]);
      const id = await world.restart(["paused", "absent", "shop:cronjob/nightly", "sound"]);
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job?.targets.map(({ verdict, reason }) => [verdict, reason])).toEqual([
        ["bad", "it is paused: kubectl rollout resume deployment/paused"],
        ["bad", "not in cluster"],
        ["bad", "a cronjob has no pods to be made anew"],
        ["good", null],
      ]);
      expect(job?.error?.hint).toBe("nothing was written to git; the template is what it was");
      expect(await atOf(sound)).toBe(job?.created_at.toISOString());
      expect((await world.cluster.read(aDeployment("absent"))).status).toBe(404);
    });

    test("a restart that fails is told, and nothing is rolled back", async () => {
      const object = aDeployment("failing", { tag: "never-1" });
      await world.run([object]);
      const job = await restarted("failing", "quick");
      expect(job).toMatchObject({ phase: "failed", outcome: "failed" });
      expect(job.error?.detail).toContain("not healthy after 2 s");
      expect(await automaticRollbackOf(world.store.db, job.id)).toBeUndefined();
    });

    test("a worker that dies between two of them leaves each restarted once", async () => {
      const objects = ["twice-a", "twice-b"].map((name) => aDeployment(name));
      await world.run(objects);
      const before = await Promise.all(objects.map((object) => world.live(object)));
      worker.pause();
      const mortal = await world.worker();
      mortal.dieAt("after-apply");
      const id = await world.restart(["twice-a", "twice-b"]);
      await mortal.died;
      worker.resume();
      expect(await world.untilOver(id)).toMatchObject([{ phase: "succeeded" }]);
      const after = await Promise.all(objects.map((object) => world.live(object)));
      expect(after.map(({ metadata }) => metadata.generation)).toEqual(
        before.map(({ metadata }) => metadata.generation + 1),
      );
    });

    test("a restart needs no git host", async () => {
      const object = aDeployment("gitless");
      await world.run([object]);
      await world.git.stop();
      expect(await restarted("gitless")).toMatchObject({ phase: "succeeded" });
    });
  });
}
