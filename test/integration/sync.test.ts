import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { listJobs } from "#common/store/job-list.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [{ name: "default" }, { name: "live", sync: "on-change" as const }];

const aConfigMap = (name: string, data: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "shop", name },
  data,
});

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`syncing on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      worker = await world.worker();
    });
    beforeEach(() => void worker.writes().length);
    afterAll(() => world.stop());

    const synced = async (...asked: Parameters<EnvironmentWorld["sync"]>) => {
      const [job] = await world.untilOver(await world.sync(...asked));
      if (job === undefined) throw new Error("no job");
      return job;
    };
    const writesTo = (name: string): number =>
      worker.writes().filter((write) => write.path.endsWith(`/${name}`)).length;

    test("creates what is absent, and then finds nothing to do", async () => {
      const fresh = aDeployment("fresh", { replicas: 2 });
      const tip = await world.declare("fresh", [fresh]);
      const job = await synced(["shop/fresh"]);
      expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded", commit_sha: tip });
      expect(job.results).toMatchObject([
        { workload: "shop:deployment/fresh", container: "fresh", result: "changed", reason: "created" },
      ]);
      const live = await world.live(fresh);
      expect(live.spec.replicas).toBe(2);
      expect(live.metadata.annotations).toMatchObject({
        "applied.slipway.dev/commit": tip,
        "applied.slipway.dev/job": job.id,
      });
      const texts = (await world.steps(job.id)).map((step) => step.text);
      expect(texts).toEqual([
        "Submitted job.",
        "Calculating release actions.",
        "Sync shop/fresh",
        "Clone the config repo.",
        "Clone OK.",
        `Compare the cluster with ${tip.slice(0, 7)}.`,
        "Create shop/fresh.",
        "Rollout of shop/fresh.",
        "shop/fresh is healthy.",
      ]);
      const again = await synced(["shop/fresh"]);
      expect(again).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
      expect(again.results).toMatchObject([{ result: "skip", reason: "in-sync" }]);
      expect(writesTo("fresh")).toBe(1);
      expect((await world.live(fresh)).metadata.resourceVersion).toBeDefined();
    });
  });
}
void aConfigMap;
void aWorkload;
void imageOf;
void listJobs;
