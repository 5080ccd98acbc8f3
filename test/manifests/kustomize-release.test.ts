import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterChoices, toYaml } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

/** A workload that an overlay builds of a base outside the environment's paths, released and taken back for real. */
for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`kustomize on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), [{ name: "prod" }]);
      await world.worker();
    });
    afterAll(() => world.stop());

    const commit = (files: Readonly<Record<string, string>>) =>
      world.git.commitDirectly(world.repository, files, { branch: "main", message: "declare" });
    const read = async (path: string) =>
      (await world.git.readFile(world.repository, "main", path)).toString();

    test("the overlay's entry moves, the cluster gets what kustomize makes, and a rollback restores the bytes", async () => {
      const web = aDeployment("web", { replicas: 2 });
      const { namespace: _, ...metadata } = web.metadata;
      const overlay = `# prod\nnamespace: shop\nresources:\n- ../base\nimages:\n- name: example/web # pinned\n  newTag: '1.0.0'\n`;
      await commit({
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": toYaml([{ ...web, metadata }]).replace("1.0.0", "0.0.1"),
        "prod/kustomization.yaml": overlay,
      });
      await world.run([web]);

      const id = await world.release("web", "1.0.1");
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({
        phase: "succeeded",
        changes: [
          { workload: "shop:deployment/web", path: "prod/kustomization.yaml", declaredIn: "base/web.yaml" },
        ],
      });
      expect(await read("prod/kustomization.yaml")).toBe(overlay.replace("1.0.0", "1.0.1"));
      expect(await read("base/web.yaml")).toContain("0.0.1");
      const live = await world.live(web);
      expect(live.spec.template.spec.containers[0]?.image).toBe(imageOf("web", "1.0.1"));

      const [undone] = await world.untilOver(await world.rollBack(id));
      expect(undone).toMatchObject({ phase: "succeeded" });
      expect(await read("prod/kustomization.yaml")).toBe(overlay);
      expect((await world.live(web)).spec.template.spec.containers[0]?.image).toBe(imageOf("web", "1.0.0"));
    });

    test("what Slipway cannot render is not applied, and the job says why", async () => {
      const api = aDeployment("api");
      await commit({
        "prod/api/kustomization.yaml": "resources: [api.yaml]\ncommonLabels: {team: shop}\n",
        "prod/api/api.yaml": toYaml([api]),
      });
      await world.run([api]);
      const [job] = await world.untilOver(await world.release("api", "1.0.1"));
      expect(job).toMatchObject({
        phase: "failed",
        error: { code: "RELEASE_REFUSED" },
        commit_sha: null,
        results: [
          {
            reason: "not-editable",
            detail: expect.stringContaining("does not follow commonLabels of prod/api/kustomization.yaml"),
          },
        ],
      });
      expect((await world.live(api)).spec.template.spec.containers[0]?.image).toBe(imageOf("api", "1.0.0"));
    });
  });
}
