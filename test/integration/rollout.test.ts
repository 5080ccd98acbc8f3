import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeApi, KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [
  { name: "default" },
  { name: "quick", rolloutDeadline: "2s" },
  { name: "steady", rolloutDeadline: "5s", healthyFor: "2s" },
  { name: "patient", rolloutDeadline: "2s", healthyFor: "10m" },
];
const quick = { environment: "quick" };

/** What becomes of a release, by its tag or (unfit) by where it may run. */
const failingTags = [
  ["bad-1", /ImagePullBackOff|ErrImagePull/],
  ["crash-1", /CrashLoopBackOff: .*: exit code 1, \d+ restart/],
  ["oom-1", /CrashLoopBackOff: .*: OOMKilled, exit code 137/],
  ["never-1", /not healthy after 2 s: Unhealthy: .*: Readiness probe failed/],
  ["unfit-1", /not healthy after 2 s: Unschedulable: fails-unfit-1-\S+: 0\/\d+ nodes are available/],
] as const;

function failing(tag: string): KubeObject {
  const name = `fails-${tag}`;
  if (tag !== "unfit-1") return aDeployment(name);
  const containers = [{ name, image: imageOf(name, "1.0.0") }];
  const spec = { containers, nodeSelector: { disk: "none" } };
  return aDeployment(name, { spec: { template: { metadata: { labels: { app: name } }, spec } } });
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= act());
}

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`rollouts on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      await world.worker();
    });
    afterAll(() => world.stop());

    const detailOf = async (id: string, text: string): Promise<string | null | undefined> =>
      (await world.steps(id)).find((step) => step.text === text)?.detail;

    test.each(["Deployment", "StatefulSet", "DaemonSet", "CronJob"])(
      "a %s is healthy when the API server says so of what was applied",
      async (kind) => {
        const name = kind.toLowerCase();
        const replicas = kind === "Deployment" || kind === "StatefulSet" ? { replicas: 2 } : {};
        const object = aWorkload(kind, name, replicas);
        await world.serve(object);
        const id = await world.release(name, "1.0.1");
        const [job] = await world.untilOver(id);
        expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded", waiting_for: null });
        const live = await world.live(object);
        expect(job?.targets).toMatchObject([{ verdict: "good", uid: live.metadata.uid }]);
        expect(job?.targets[0]?.generation).toBeLessThanOrEqual(live.metadata.generation);
        const steps = await world.steps(id);
        expect(steps.slice(-2).map((step) => [step.text, step.outcome])).toEqual([
          [`Rollout of shop/${name}.`, "ok"],
          [`shop/${name} is healthy.`, "ok"],
        ]);
        expect(JSON.stringify(live.spec)).toContain(imageOf(name, "1.0.1"));
      },
    );

    test("the open step tells how far the rollout is", async () => {
      const slow = aDeployment("progress", { replicas: 3 });
      await world.serve(slow);
      const id = await world.release("progress", "never-1");
      const told = await world.until(
        id,
        (job) => job.phase === "rolling-out" && job.targets[0]?.spentMs !== 0,
        "it",
      );
      expect(told.targets[0]?.verdict).toBe("pending");
      expect(await detailOf(id, "Rollout of shop/progress.")).toMatch(/^[1-3] of 3 updated/);
      await world.untilOver(await world.release("progress", "1.0.1"));
      expect(await world.untilOver(id)).toMatchObject([{ phase: "superseded" }]);
    });

    /** Failing takes its time: all of them fail side by side, and each test looks at its own. */
    const failures = once(async () => {
      const objects = failingTags.map(([tag]) => failing(tag));
      for (const object of objects) await world.serve(object, "quick");
      const ids = await Promise.all(failingTags.map(([tag]) => world.release(`fails-${tag}`, tag, quick)));
      const over = await world.untilOver(...ids);
      return new Map(failingTags.map(([tag], index) => [tag, over[index]]));
    });

    test.each(failingTags)(
      "a rollout to %s fails at the deadline, with the pod's own reason",
      async (tag, reason) => {
        const job = (await failures()).get(tag);
        expect(job).toMatchObject({ phase: "failed", outcome: "failed", error: { code: "ROLLOUT_FAILED" } });
        expect(job?.error?.detail).toMatch(reason);
        const id = job?.id ?? "";
        expect(job?.error?.hint).toBe(`the commit stays in git; undo it: slipway rollback ${id.slice(-8)}`);
        expect(job?.results).toMatchObject([{ result: "failed", detail: expect.stringMatching(reason) }]);
        expect(await detailOf(id, `Rollout of shop/fails-${tag}.`)).toMatch(reason);
        expect(await world.store.db.selectFrom("holds").selectAll().execute()).toEqual([]);
      },
    );

    test("a container that crashed leaves its last words among the steps", async () => {
      const steps = await world.steps((await failures()).get("crash-1")?.id ?? "");
      const said = steps.find((step) => step.text.startsWith("Last log lines of"));
      // No node runs the pods of the real one, so that nobody has their logs: the failure is told without.
      if (choice.kind === "real") return expect(said).toBeUndefined();
      expect(said?.outcome).toBe("failed");
      expect(said?.text).toMatch(/shop\/fails-crash-1: fails-crash-1-\S+ \(fails-crash-1\)\.$/);
      // The worker knows one of its lines as a secret.
      expect(said?.detail).toContain("\n[redacted]\n");
      expect(said?.detail).toMatch(/^starting example\/fails-crash-1:crash-1\n.*\nfatal: giving up$/s);
      const failed = steps.find((step) => step.text === "Rollout of shop/fails-crash-1.");
      expect(failed?.number).toBeLessThan(said?.number ?? 0);
    });

    test("a rollout counts once it stayed healthy for as long as the environment asks", async () => {
      await world.serve(aDeployment("soaked"), "steady");
      const id = await world.release("soaked", "1.0.1", { environment: "steady" });
      const seen = async (): Promise<boolean> =>
        /^healthy for [01] of 2 s$/.test((await detailOf(id, "Rollout of shop/soaked.")) ?? "");
      await pollUntil(seen, { everyMs: 50, timeoutMs: 30_000, what: "the time it is healthy" });
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({
        phase: "succeeded",
        targets: [{ verdict: "good", reason: "healthy for 2 s" }],
      });
      expect(job?.targets[0]?.spentMs).toBeGreaterThanOrEqual(2_000);
    });

    test("a rollout that falls back before that fails, past its deadline", async () => {
      const object = aDeployment("relapse");
      await world.serve(object, "patient");
      const id = await world.release("relapse", "1.0.1", { environment: "patient" });
      // Healthy for longer than the deadline, and not struck by it.
      await world.until(id, (job) => (job.targets[0]?.spentMs ?? 0) > 2_500, "the deadline to pass");
      expect(await detailOf(id, "Rollout of shop/relapse.")).toMatch(/^healthy for \d+ of 600 s$/);
      const spec = { nodeSelector: { disk: "none" } };
      await world.cluster.patchAs("somebody", object, { spec: { template: { spec } } });
      const [job] = await world.untilOver(id);
      expect(job).toMatchObject({ phase: "failed" });
      expect(job?.error?.detail).toContain("not healthy after 2 s");
    });

    test("a workload that updates on delete succeeds, and says that its pods are as before", async () => {
      const spec = { updateStrategy: { type: "OnDelete" } };
      await world.serve(aWorkload("StatefulSet", "by-hand", { replicas: 2, spec }));
      const id = await world.release("by-hand", "1.0.1");
      const [job] = await world.untilOver(id);
      const left = "0 of 2 pods are updated; the others keep the old image until they are deleted";
      expect(job).toMatchObject({ phase: "succeeded", results: [{ result: "changed", detail: left }] });
      expect(await detailOf(id, "Rollout of shop/by-hand.")).toBe(left);
    });

    test.skipIf(choice.kind === "sandbox")("a quota that is used up is told, for every kind", async () => {
      const namespace = "tight";
      const { api } = world.cluster;
      const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
      await api.request({ method: "POST", path: "/api/v1/namespaces", body });
      for (const kind of ["Deployment", "StatefulSet"])
        await world.serve(aWorkload(kind, `tight-${kind.toLowerCase()}`, { namespace }), "quick");
      await setQuota(api, namespace);
      const names = ["tight-deployment", "tight-statefulset"];
      const [job] = await world.untilOver(await world.release(names, "1.0.1", { ...quick, namespace }));
      for (const name of names)
        expect(job?.error?.detail).toMatch(new RegExp(`tight/${name}: [^;]*FailedCreate: .*exceeded quota`));
    });

    test("a Deployment's own progress deadline fails the rollout before ours", async () => {
      const own = aDeployment("own-deadline", { spec: { progressDeadlineSeconds: 1 } });
      await world.serve(own);
      const [job] = await world.untilOver(await world.release("own-deadline", "never-1"));
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job?.error?.detail).toContain("ProgressDeadlineExceeded");
    });

    test("a release of one workload succeeds while another one rolls out", async () => {
      await world.serve(aDeployment("stuck"));
      await world.serve(aDeployment("free"));
      const stuck = await world.release("stuck", "never-1");
      await world.until(stuck, (job) => job.targets.some((target) => target.applied), "the apply");
      const [free] = await world.untilOver(await world.release("free", "1.0.1"));
      expect(free?.phase).toBe("succeeded");
      expect(await world.job(stuck)).toMatchObject({ phase: "rolling-out" });
      await world.untilOver(await world.release("stuck", "1.0.1"));
      await world.untilOver(stuck);
    });

    test("of two releases of one image the older ends superseded, by name of the newer", async () => {
      await world.serve(aDeployment("twice"));
      const older = await world.release("twice", "never-1");
      await world.until(older, (job) => job.targets.some((target) => target.applied), "the apply");
      const newer = await world.release("twice", "1.0.2");
      expect(await world.untilOver(newer)).toMatchObject([{ phase: "succeeded" }]);
      const [job] = await world.untilOver(older);
      expect(job).toMatchObject({ phase: "superseded", error: null, waiting_for: null });
      expect(job?.targets[0]?.reason).toBe(`superseded by ${newer.slice(-8)}`);
    });

    test("an older release whose images the newer document still holds is carried to its success", async () => {
      const object = aDeployment("carried", { more: { side: "1.0.0" } });
      await world.serve(object);
      await world.cluster.patchAs("somebody", object, { spec: { paused: true } });
      const older = await world.release("carried", "1.0.1");
      await world.until(older, (job) => job.targets.some((target) => target.applied), "the apply");
      const newer = await world.release("carried", "1.0.1", { image: "side" });
      await world.until(newer, (job) => job.targets.some((target) => target.applied), "the apply");
      await world.cluster.patchAs("somebody", object, { spec: { paused: false } });
      const [first, second] = await world.untilOver(older, newer);
      expect(first).toMatchObject({ phase: "succeeded" });
      expect(first?.targets[0]?.reason).toBe(`carried by ${newer.slice(-8)}`);
      expect(second).toMatchObject({ phase: "succeeded" });
    });

    test("a job with one target overtaken and one healthy succeeds, with the first marked", async () => {
      const names = ["half-a", "half-b"];
      for (const name of names) await world.serve(aDeployment(name));
      const paused = aDeployment("half-a");
      await world.cluster.patchAs("somebody", paused, { spec: { paused: true } });
      const older = await world.release(names, "1.0.1");
      await world.until(older, (job) => job.targets.every((target) => target.applied), "the apply");
      const newer = await world.release("half-a", "1.0.2");
      await world.until(newer, (job) => job.targets.some((target) => target.applied), "the apply");
      await world.cluster.patchAs("somebody", paused, { spec: { paused: false } });
      const [job] = await world.untilOver(older);
      expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded" });
      expect(job?.targets.map((target) => target.verdict)).toEqual(["superseded", "good"]);
      await world.untilOver(newer);
    });

    test("one bad target fails the job, which names it alone", async () => {
      const names = ["mixed-good", "mixed-bad"];
      for (const name of names) await world.serve(aDeployment(name), "quick");
      const object = aDeployment("mixed-bad");
      await world.cluster.patchAs("somebody", object, { spec: { paused: true } });
      const [job] = await world.untilOver(await world.release(names, "1.0.1", quick));
      expect(job).toMatchObject({ phase: "failed", error: { code: "ROLLOUT_FAILED" } });
      expect(job?.error?.detail).toContain("shop/mixed-bad");
      expect(job?.error?.detail).toContain("DeploymentPaused");
      expect(job?.error?.detail).not.toContain("mixed-good");
    });

    test("a commit that people remove from the branch while it rolls out ends superseded", async () => {
      await world.serve(aDeployment("rewritten"));
      const base = (await world.git.refs(world.repository)).get("refs/heads/main");
      const id = await world.release("rewritten", "never-1");
      await world.until(id, (job) => job.targets.some((target) => target.applied), "the apply");
      await world.git.moveRef(world.repository, "refs/heads/main", base);
      // The next release of anything makes the lane see the branch as it is.
      await world.serve(aDeployment("after-rewrite"));
      await world.untilOver(await world.release("after-rewrite", "1.0.1"));
      expect(await world.untilOver(id)).toMatchObject([{ phase: "superseded", outcome: "branch-rewritten" }]);
    });
  });
}

/** Nobody counts here what a quota has used, so its status is written by hand. */
async function setQuota(api: KubeApi, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const hard = { pods: "0" };
  const body = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard } };
  const contentType = "application/merge-patch+json";
  const answers = [
    await api.request({ method: "POST", path, body }),
    await api.request({
      method: "PATCH",
      path: `${path}/none/status`,
      contentType,
      body: { status: { hard, used: { pods: "0" } } },
    }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([201, 200]);
}
