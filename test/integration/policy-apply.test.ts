import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`policies in the cluster, on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), [{ name: "default" }]);
      await world.worker();
    });
    afterAll(() => world?.stop());

    const over = async (id: string): Promise<JobRow> => {
      const [job] = await world.untilOver(id);
      if (job === undefined) throw new Error("no job");
      return job;
    };
    const annotation = async (object: KubeObject, key: string): Promise<string | undefined> =>
      (await world.live(object)).metadata.annotations?.[`slipway.dev/${key}`];
    /** Runs, and was applied by a release of ours. */
    async function released(name: string): Promise<KubeObject> {
      const object = aDeployment(name);
      await world.serve(object);
      expect((await over(await world.release(name, "1.0.1"))).phase).toBe("succeeded");
      return object;
    }

    test("annotations come to the live object, no pod is made anew, and undoing takes them back", async () => {
      const object = await released("web");
      const before = (await world.live(object)).spec;
      const job = await over(await world.policy("web", { locked: "true", locked_msg: "audit" }));
      expect(job).toMatchObject({
        phase: "succeeded",
        outcome: "succeeded",
        targets: [{ verdict: "good", reason: null, policiesOnly: true }],
      });
      expect(await annotation(object, "locked_msg")).toBe("audit");
      expect((await world.live(object)).spec).toEqual(before);
      const texts = (await world.steps(job.id)).map((step) => step.text);
      expect(texts.at(-1)).toBe("Bring the annotations of 1 service(s) to the cluster: shop/web.");
      expect((await over(await world.rollBack(job.id))).phase).toBe("succeeded");
      expect(await annotation(object, "locked")).toBeUndefined();
    });

    test("what somebody left unapplied in git is not rolled out by a lock; the next release brings both", async () => {
      const object = await released("edited");
      const text = await world.readManifest("edited");
      await world.git.commitDirectly(
        world.repository,
        { "default/edited.yaml": text.replace("1.0.1", "2.0.0") },
        { branch: "main", message: "by hand, not applied" },
      );
      const job = await over(await world.policy("edited", { hold: "slow" }));
      expect(job.phase).toBe("succeeded");
      expect(job.targets[0]?.reason).toContain("git differs from it in");
      expect(job.results).toMatchObject([{ policy: "slipway.dev/hold", result: "changed" }]);
      const live = await world.live(object);
      expect(live.spec.template.spec.containers[0]?.image).toBe(imageOf("edited", "1.0.1"));
      expect(await world.readManifest("edited")).toContain("slipway.dev/hold");
      expect((await over(await world.release("edited", "2.0.1"))).phase).toBe("succeeded");
      expect(await annotation(object, "hold")).toBe("slow");
    });

    test("what does not run, or was never applied by Slipway, is changed in git alone", async () => {
      await world.declare("absent", [aDeployment("absent")]);
      const absent = await over(await world.policy("absent", { group: "shop" }));
      expect(absent).toMatchObject({ phase: "succeeded", targets: [{ verdict: "good" }] });
      expect(absent.targets[0]?.reason).toContain("it does not run");
      const foreign = aDeployment("foreign");
      await world.serve(foreign);
      const job = await over(await world.policy("foreign", { group: "shop" }));
      expect(job.targets[0]?.reason).toContain("Slipway never applied it");
      expect(await annotation(foreign, "group")).toBeUndefined();
    });
  });
}
