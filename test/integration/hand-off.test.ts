import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { automaticRollbackOf } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf, type WorkloadShape } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import {
  aKustomization,
  anApplication,
  fluxStatus,
  installFakeOwners,
  type FakeOwners,
} from "../support/fake-owners.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [
  { name: "default", nudgeOwners: true, onFailure: "rollback" },
  { name: "quick", rolloutDeadline: "2s", onFailure: "rollback" },
  { name: "handed", mode: "hand-off", nudgeOwners: true },
] as const;
const quick = { environment: "quick" };
const handed = { environment: "handed" };

const choice = clusterChoices().find(({ kind }) => kind === "real");
const isAvailable = choice?.available === true && hasPostgres();

describe.skipIf(!isAvailable)("what somebody else applies", () => {
  let world: EnvironmentWorld;
  /** What the worker asked the API server to change, dry runs included. */
  const writes: string[] = [];
  let owners: FakeOwners;

  beforeAll(async () => {
    if (choice === undefined) return;
    const cluster = await choice.open();
    owners = await installFakeOwners(cluster);
    world = await startEnvironmentWorld(cluster, environments);
    const worker = await world.worker();
    worker.beforeRequest(({ method, path }) => {
      if (method !== "GET") writes.push(path);
      return undefined;
    });
  });
  afterAll(() => world?.stop());

  /** Declared as it is in git, and running with the marks of its owner. */
  const serveOwned = async (name: string, marks: WorkloadShape, environment?: string) => {
    await world.declare(name, [aDeployment(name)], environment);
    await world.run([aDeployment(name, marks)]);
  };
  /** As an owner applies it: what git says, with its own marks. */
  const applyAs = (manager: string, object: KubeObject) => world.cluster.applyAs(manager, object);
  const imageInCluster = async (name: string) =>
    (await world.live(aDeployment(name))).spec.template.spec.containers[0]?.image;
  const stepOf = async (id: string, text: string) =>
    (await world.steps(id)).find((step) => step.text === text);
  const committed = (id: string): Promise<JobRow> =>
    world.until(id, (job) => job.phase === "rolling-out", "the push");
  const untilDetail = async (id: string, text: string, detail: RegExp): Promise<void> => {
    let last: string | null | undefined;
    const look = async () => {
      last = (await stepOf(id, text))?.detail;
      return detail.test(last ?? "");
    };
    await expect.poll(look, { timeout: 20_000, interval: 50, message: String(detail) }).toBe(true);
  };

  test("Flux: one job waits for its commit, and for its word, beside one that we apply ourselves", async () => {
    const { kustomization, source, labels } = aKustomization("apps");
    const before = "9c1e2f4".padEnd(40, "0");
    for (const object of [kustomization, source]) await owners.create(object);
    await owners.report(kustomization, fluxStatus(before));
    await serveOwned("owned", { labels });
    await world.serve(aDeployment("ours"));
    const id = await world.release(["owned", "ours"], "1.0.1");
    const waiting = await world.until(
      id,
      ({ targets }) => targets.some((one) => one.verdict === "good"),
      "ours",
    );
    const commit = waiting.commit_sha ?? "";
    const rollout = "Rollout of shop/owned.";
    await untilDetail(
      id,
      rollout,
      new RegExp(
        `^waiting for Flux kustomization flux-system/apps \\(at 9c1e2f4, ours is ${commit.slice(0, 7)}\\)$`,
      ),
    );
    expect(await world.job(id)).toMatchObject({
      waiting_for: expect.stringMatching(/^Flux kustomization flux-system\/apps \(at 9c1e2f4/) as string,
      targets: expect.arrayContaining([
        expect.objectContaining({
          workload: "shop:deployment/owned",
          verdict: "pending",
          handedOff: { kind: "flux", objectKind: "Kustomization", namespace: "flux-system", name: "apps" },
        }),
      ]) as unknown,
    });
    // It was asked to look at git, and nothing was written to what it owns.
    expect(await stepOf(id, "Asked Flux kustomization flux-system/apps to look at git.")).toMatchObject({
      outcome: "ok",
    });
    for (const object of [kustomization, source]) {
      expect(await owners.annotationsOf(object)).toEqual({
        "reconcile.fluxcd.io/requestedAt": `slipway-${id}`,
      });
    }
    expect(writes.filter((path) => path.endsWith("/deployments/owned"))).toEqual([]);
    expect(writes.some((path) => path.endsWith("/deployments/ours"))).toBe(true);
    expect(await imageInCluster("owned")).toBe(imageOf("owned", "1.0.0"));

    // The image alone does not tell that the commit was applied.
    await applyAs("kustomize-controller", aDeployment("owned", { labels, tag: "1.0.1" }));
    await owners.report(kustomization, fluxStatus(before, "building"));
    await untilDetail(id, rollout, /ours is .*: building$/);
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out" });
    // Nor does the commit, while its owner says that it is not ready.
    await owners.report(kustomization, fluxStatus(commit, "one of mine is not healthy"));
    await untilDetail(id, rollout, /^waiting for Flux .* to be ready: one of mine is not healthy$/);
    await owners.report(kustomization, fluxStatus(commit));
    const [job] = await world.untilOver(id);
    expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded", waiting_for: null });
    const live = await world.live(aDeployment("owned"));
    expect(job?.targets.find(({ workload }) => workload.endsWith("/owned"))).toMatchObject({
      verdict: "good",
      uid: live.metadata.uid,
      reason: `applied by Flux kustomization flux-system/apps at ${commit.slice(0, 7)}`,
    });
    expect(live.metadata.annotations?.["applied.slipway.dev/job"]).toBeUndefined();
  });

  test("Flux suspended, a plain Helm release: not picked up, and nothing is undone by itself", async () => {
    const { kustomization, labels } = aKustomization("asleep", { suspend: true });
    await owners.create(kustomization);
    await serveOwned("asleep", { labels }, "quick");
    const helm = {
      labels: { "app.kubernetes.io/managed-by": "Helm" },
      annotations: { "meta.helm.sh/release-name": "chart", "meta.helm.sh/release-namespace": "shop" },
    };
    await serveOwned("chart", helm, "quick");
    const ids = [await world.release("asleep", "1.0.1", quick), await world.release("chart", "1.0.1", quick)];
    const whys = [
      "Flux kustomization flux-system/asleep is suspended",
      "Helm release shop/chart is not applied from git: run helm upgrade",
    ];
    for (const [index, job] of (await world.untilOver(...ids)).entries()) {
      const reason = `not-picked-up: ${whys[index]}`;
      expect(job).toMatchObject({
        phase: "failed",
        outcome: "not-picked-up",
        error: { code: "NOT_PICKED_UP", detail: reason },
        targets: [{ verdict: "bad", reason, uid: null }],
      });
      expect(await automaticRollbackOf(world.store.db, job.id)).toBeUndefined();
    }
    expect(await world.store.db.selectFrom("holds").selectAll().execute()).toEqual([]);
    expect(await world.readManifest("asleep", "quick")).toContain(imageOf("asleep", "1.0.1"));
    expect(await imageInCluster("chart")).toBe(imageOf("chart", "1.0.0"));
  });

  test("Flux applied it and the workload fails: an ordinary failure, undone through git and by Flux", async () => {
    const { kustomization, labels } = aKustomization("crashing");
    await owners.create(kustomization);
    await serveOwned("crashing", { labels });
    const id = await world.release("crashing", "crash-1");
    const { commit_sha: commit } = await committed(id);
    await applyAs(
      "kustomize-controller",
      aDeployment("crashing", { labels, tag: "crash-1", spec: { progressDeadlineSeconds: 1 } }),
    );
    await owners.report(kustomization, fluxStatus(commit ?? "", "not healthy"));
    await world.until(id, ({ waiting_for }) => waiting_for?.startsWith("rollback") === true, "the rollback");
    const rollback = await automaticRollbackOf(world.store.db, id);
    const { commit_sha: back } = await committed(rollback?.id ?? "");
    await applyAs("kustomize-controller", aDeployment("crashing", { labels }));
    await owners.report(kustomization, fluxStatus(back ?? ""));
    const [job, undone] = await world.untilOver(id, rollback?.id ?? "");
    expect(undone).toMatchObject({ phase: "succeeded" });
    expect(job).toMatchObject({ phase: "rolled-back", targets: [{ verdict: "bad" }] });
    expect(job?.targets[0]?.reason).toMatch(/ProgressDeadlineExceeded/);
  });

  test("Argo CD: asked to refresh; a revision that contains the commit brings it", async () => {
    const { application, annotations } = anApplication("argo");
    await owners.create(application);
    const base = await world.declare("argo", [aDeployment("argo")], "handed");
    await world.run([aDeployment("argo", { annotations })]);
    const healthy = { health: { status: "Healthy" } };
    await owners.report(application, { sync: { status: "Synced", revision: base }, ...healthy });
    const id = await world.release("argo", "1.0.1", handed);
    const { commit_sha: commit } = await committed(id);
    await untilDetail(id, "Rollout of shop/argo.", /^waiting for Argo CD application argo \(at /);
    expect(await stepOf(id, "Asked Argo CD application argo to look at git.")).toMatchObject({
      outcome: "ok",
    });
    expect(await owners.annotationsOf(application)).toEqual({ "argocd.argoproj.io/refresh": "normal" });
    // A person's commit on top of ours is what it syncs to.
    const later = await world.declare("other", [aDeployment("other")], "handed");
    await applyAs("argocd-controller", aDeployment("argo", { annotations, tag: "1.0.1" }));
    await owners.report(application, { sync: { status: "Synced", revision: later } });
    const [job] = await world.untilOver(id);
    expect(job).toMatchObject({ phase: "succeeded", commit_sha: commit });
    expect(job?.targets[0]?.reason).toBe(`applied by Argo CD application argo at ${later.slice(0, 7)}`);
  });

  test("a later commit that declares another image supersedes a release that waits for its owner", async () => {
    const { application, annotations } = anApplication("moved-on");
    await owners.create(application);
    await world.declare("moved-on", [aDeployment("moved-on")], "handed");
    await world.run([aDeployment("moved-on", { annotations })]);
    const id = await world.release("moved-on", "1.0.1", handed);
    await committed(id);
    const newer = aDeployment("moved-on", { tag: "1.0.2" });
    const later = await world.declare("moved-on", [newer], "handed");
    await applyAs("argocd-controller", aDeployment("moved-on", { annotations, tag: "1.0.2" }));
    const sync = { status: "Synced", revision: later };
    await owners.report(application, { sync, health: { status: "Healthy" } });
    const [job] = await world.untilOver(id);
    expect(job).toMatchObject({ phase: "superseded" });
    expect(job?.targets[0]?.reason).toBe(`superseded: ${later.slice(0, 7)} declares other images`);
  });

  test("without an owner a handed-off workload waits, and says why", async () => {
    await world.serve(aDeployment("orphan"), "handed");
    const id = await world.release("orphan", "1.0.1", handed);
    await untilDetail(id, "Rollout of shop/orphan.", /^nobody applies it/);
    expect(await world.job(id)).toMatchObject({
      phase: "rolling-out",
      waiting_for: "nobody applies it: it carries no mark of Flux, Argo CD or Helm",
    });
  });
});
