import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { automaticRollbackOf } from "#common/store/jobs.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`trouble in applying on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), [
        { name: "default" },
        { name: "quick", rolloutDeadline: "3s", onFailure: "rollback" },
      ]);
      worker = await world.worker();
    });
    afterAll(() => world.stop());

    const imageIn = async (object: KubeObject): Promise<string | undefined> =>
      (await world.live(object)).spec.template.spec.containers[0]?.image;
    /** A field that no release changes. */
    const ofTeam = (team: string) => ({ annotations: { "example.com/team": team } });
    /** Once, just before the first document of the next job is read for its apply. */
    const beforeApply = (act: () => Promise<void>): void =>
      worker.at("before-apply", () => {
        worker.beforeRequest(() => {
          worker.beforeRequest(undefined);
          return act();
        });
      });

    test("what was deleted before the apply is not in the cluster, and is never created", async () => {
      const gone = aDeployment("gone");
      await world.serve(gone);
      beforeApply(() => world.cluster.remove(gone));
      const id = await world.release("gone", "1.0.1");
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job?.error?.detail).toContain("not in cluster");
      expect(job?.error?.hint).toContain(`slipway rollback ${id.slice(-8)}`);
      expect((await world.cluster.read(gone)).status).toBe(404);
    });

    test("a namespace that does not exist leaves the workload alone, without a commit", async () => {
      const lost = aDeployment("lost", { namespace: "nowhere" });
      await world.declare("lost", [lost]);
      const id = await world.release("lost", "1.0.1", { namespace: "nowhere" });
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "failed", outcome: "failed", commit_sha: null });
      expect(job?.error).toMatchObject({
        code: "RELEASE_REFUSED",
        detail: "nowhere/lost lost: not-in-cluster",
      });
      expect(job?.results[0]).toMatchObject({ result: "skip", reason: "not-in-cluster" });
      expect((await world.cluster.read(lost)).status).toBe(404);
    });

    test("one refusal at the apply does not stop the others, and git is said to hold what was refused", async () => {
      const [a, b] = [aDeployment("stop-a", ofTeam("shop")), aDeployment("stop-b")];
      await world.serve(a);
      await world.serve(b);
      beforeApply(() => world.cluster.applyAs("rival-operator", aDeployment("stop-a", ofTeam("rival"))));
      const id = await world.release(["stop-a", "stop-b"], "1.0.1");
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "failed", error: { code: "APPLY_CONFLICT" } });
      expect(job?.error?.detail).toContain("shop/stop-a");
      expect(job?.error?.detail).toContain("rival-operator owns");
      expect(job?.error?.hint).toBe(
        `git holds what the cluster refused (shop/stop-a); undo it: slipway rollback ${id.slice(-8)}`,
      );
      expect(await imageIn(b)).toBe(imageOf("stop-b", "1.0.1"));
      const steps = await world.steps(id);
      expect(steps.find((step) => step.text === "shop/stop-b is healthy.")).toBeDefined();
      expect(steps.every((step) => step.ended_at !== null)).toBe(true);
    });

    test("a job whose every document is refused at the apply ends at once", async () => {
      const only = aDeployment("only", ofTeam("shop"));
      await world.serve(only);
      beforeApply(() => world.cluster.applyAs("rival-operator", aDeployment("only", ofTeam("rival"))));
      const [job] = await world.untilOver(await world.release("only", "1.0.1"));
      expect(job).toMatchObject({ phase: "failed", error: { code: "APPLY_CONFLICT" } });
    });

    test("unknown fields and another selector are refused before the push, each by name", async () => {
      const [typo, selector] = [aDeployment("typo"), aDeployment("selector")];
      await world.serve(typo);
      await world.serve(selector);
      const labels = { app: "another" };
      const containers = [{ name: "selector", image: imageOf("selector", "1.0.0") }];
      const moved = {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      };
      await world.declare("typo", [aDeployment("typo", { spec: { replicaz: 3 } })]);
      await world.declare("selector", [aDeployment("selector", { spec: moved })]);
      // Controllers write between the read and the question: no refusal may be lost by that.
      let writes = 0;
      worker.beforeRequest((request) => {
        if (request.query?.dryRun === undefined) return undefined;
        writes += 1;
        return world.cluster.patchAs("somebody", request.path.endsWith("/typo") ? typo : selector, {
          metadata: { annotations: { "example.com/written": String(writes) } },
        });
      });
      const [job] = await world.untilOver(await world.release(["typo", "selector"], "1.0.1"));
      expect(job).toMatchObject({ phase: "failed", commit_sha: null, error: { code: "APPLY_REFUSED" } });
      expect(job?.error?.detail).toContain(".spec.replicaz");
      expect(job?.error?.detail).toMatch(/selector.*immutable/s);
      worker.beforeRequest(undefined);
      expect(writes).toBeGreaterThanOrEqual(2);
    });

    // The sandbox has no admission policies.
    if (choice.kind === "real")
      test("what an admission policy refuses leaves no commit, and its message is shown", async () => {
        const judged = aDeployment("admitted");
        await world.serve(judged);
        await forbidTag(world, judged);
        const [job] = await world.untilOver(await world.release("admitted", "forbidden"));
        expect(job).toMatchObject({ phase: "failed", commit_sha: null, error: { code: "APPLY_REFUSED" } });
        expect(job?.error?.detail).toContain("no tag named forbidden here, ask the platform team");
        expect(await world.readManifest("admitted")).not.toContain("forbidden");
      });

    test("a workload deleted and made anew while it rolls out fails by that name", async () => {
      const anew = aDeployment("anew");
      await world.serve(anew);
      const id = await world.release("anew", "never-1");
      const rolling = await world.until(id, (job) => job.targets.some((t) => t.uid !== null), "the apply");
      await world.cluster.remove(anew);
      await world.cluster.kubectlApply([anew]);
      const [job] = await world.untilOver(id);
      expect((await world.live(anew)).metadata.uid).not.toBe(rolling.targets[0]?.uid);
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job?.error?.detail).toMatch(/deleted/);
    });

    test("an API server that is away for the dry run sends the job back with the reason", async () => {
      const away = aDeployment("away-dry");
      await world.serve(away);
      await world.cluster.cable.cut();
      const id = await world.release("away-dry", "1.0.1");
      const job = await world.until(id, (row) => row.attempt > 0, "the job to come back");
      await world.cluster.cable.mend();
      expect(job).toMatchObject({ phase: "queued", commit_sha: null });
      expect(job.waiting_for).toContain("API server cannot be reached");
      expect(await world.untilOver(id)).toMatchObject([{ phase: "succeeded", waiting_for: null }]);
    });

    test("an API server that goes away while documents are applied keeps the job where it is", async () => {
      const names = ["away-a", "away-b"];
      for (const name of names) await world.serve(aDeployment(name));
      worker.at("after-apply", () => void world.cluster.cable.cut());
      const id = await world.release(names, "1.0.1");
      const waits = await world.until(
        id,
        (row) => row.waiting_for !== null && row.phase === "rolling-out",
        "it",
      );
      expect(waits.waiting_for).toContain("API server cannot be reached");
      await world.cluster.cable.mend();
      expect(await world.untilOver(id)).toMatchObject([
        { phase: "succeeded", waiting_for: null, unknown_since: null },
      ]);
      for (const name of names) expect(await imageIn(aDeployment(name))).toBe(imageOf(name, "1.0.1"));
    });

    test("an API server away for longer than the deadline fails nothing: the deadline stands still", async () => {
      const paused = aDeployment("paused");
      await world.serve(paused, "quick");
      await world.cluster.patchAs("somebody", paused, { spec: { paused: true } });
      const id = await world.release("paused", "1.0.1", { environment: "quick" });
      await world.until(id, (row) => row.targets.some((target) => target.applied), "the apply");
      await world.cluster.cable.cut();
      const waits = await world.until(id, (row) => row.waiting_for !== null, "the view to be stale");
      expect(waits).toMatchObject({ phase: "rolling-out", unknown_since: expect.any(Date) });
      expect(waits.waiting_for).toContain("stale");
      await world.cluster.patchAs("somebody", paused, { spec: { paused: false } });
      await world.cluster.cable.mend();
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "succeeded", waiting_for: null, unknown_since: null });
    });

    test("after half an hour without sight of the cluster the outcome is unknown, and nothing is undone", async () => {
      const blind = aDeployment("blind");
      await world.serve(blind, "quick");
      await world.cluster.patchAs("somebody", blind, { spec: { paused: true } });
      const id = await world.release("blind", "1.0.1", { environment: "quick" });
      await world.until(id, (row) => row.targets.some((target) => target.applied), "the apply");
      await world.cluster.cable.cut();
      await world.until(id, (row) => row.unknown_since !== null, "the view to be stale");
      await world.sql(
        `update jobs set unknown_since = unknown_since - interval '31 minutes' where id = '${id}'`,
      );
      const [job] = await world.untilOver(id);
      await world.cluster.cable.mend();
      expect(job).toMatchObject({ phase: "failed", outcome: "outcome-unknown" });
      expect(job?.error?.detail).toContain("stale");
      expect(await automaticRollbackOf(world.store.db, id)).toBeUndefined();
      expect(await world.readManifest("blind", "quick")).toContain("1.0.1");
    });
  });
}

/** A ValidatingAdmissionPolicy against one tag; resolves once the API server enforces it. */
async function forbidTag({ cluster }: EnvironmentWorld, probe: KubeObject): Promise<void> {
  const name = "no-forbidden-tags";
  const apiVersion = "admissionregistration.k8s.io/v1";
  const resources = { apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] };
  const expression = "object.spec.template.spec.containers.all(c, !c.image.endsWith(':forbidden'))";
  await cluster.createAs("admin", {
    apiVersion,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: { resourceRules: [{ ...resources, operations: ["CREATE", "UPDATE"] }] },
      validations: [
        { expression, reason: "Forbidden", message: "no tag named forbidden here, ask the platform team" },
      ],
    },
  });
  await cluster.createAs("admin", {
    apiVersion,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"] },
  });
  const body = aDeployment(probe.metadata.name ?? "", { tag: "forbidden" });
  const enforced = async (): Promise<boolean> => {
    const answer = await cluster.api.request({
      method: "PATCH",
      path: `/apis/apps/v1/namespaces/shop/deployments/${probe.metadata.name}`,
      query: { fieldManager: "probe", force: "true", dryRun: "All" },
      contentType: "application/apply-patch+yaml",
      body,
    });
    return answer.status === 403;
  };
  await pollUntil(enforced, { everyMs: 100, timeoutMs: 30_000, what: "the policy to be enforced" });
}
