import { everything } from "#common/domain/access.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { listJobs } from "#common/store/job-list.ts";
import { wakeLane } from "#common/store/lanes.ts";
import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

const environments = [{ name: "default" }, { name: "live", sync: "on-change" as const }];

const anObject = (kind: string, name: string, more: object): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { namespace: "shop", name },
  ...more,
});

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`syncing on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let worker: EnvironmentWorker;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), environments);
      worker = await world.worker();
    });
    afterAll(() => world.stop());

    const synced = async (...asked: Parameters<EnvironmentWorld["sync"]>): Promise<JobRow> => {
      const [job] = await world.untilOver(await world.sync(...asked));
      if (job === undefined) throw new Error("no job");
      return job;
    };
    const writesTo = (name: string): number =>
      worker.writes().filter((write) => write.path.endsWith(`/${name}`)).length;
    const imageIn = async (object: KubeObject): Promise<string | undefined> =>
      (await world.live(object)).spec.template.spec.containers[0]?.image;

    test("creates what is absent, tells it step by step, and then finds nothing to do", async () => {
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
      const log = await world.steps(job.id);
      expect(log.slice(0, -2).map((step) => [step.text, step.detail])).toEqual([
        ["Submitted job.", null],
        ["Calculating release actions.", null],
        ["Sync shop/fresh", null],
        ["Clone the config repo.", `tip ${tip.slice(0, 7)}`],
        ["Clone OK.", null],
        [`Compare the cluster with ${tip.slice(0, 7)}.`, "shop/fresh: absent"],
        ["Create shop/fresh.", null],
      ]);
      const last = ["Rollout of shop/fresh.", "shop/fresh is healthy."];
      expect(log.slice(-2).map((step) => step.text)).toEqual(last);
      const again = await synced(["shop/fresh"]);
      expect(again).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do", commit_sha: tip });
      expect(again.results).toMatchObject([{ result: "skip", reason: "in-sync" }]);
      expect(writesTo("fresh")).toBe(1);
      expect(await world.committed()).toEqual([]);
    });

    test("replicas are git's, unless an autoscaler sets them", async () => {
      const [free, scaled] = ["free", "scaled"].map((name) => aDeployment(name, { replicas: 2 })) as [
        KubeObject,
        KubeObject,
      ];
      for (const object of [free, scaled]) await world.serve(object);
      await world.cluster.applyAs("somebody", {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { namespace: "shop", name: "scaler" },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "scaled" },
          maxReplicas: 9,
        },
      });
      await synced(["shop/free", "shop/scaled"]);
      for (const object of [free, scaled])
        await world.cluster.patchAs("kube-controller-manager", object, { spec: { replicas: 3 } });
      const job = await synced(["shop/free", "shop/scaled"]);
      expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded" });
      expect(job.results).toMatchObject([
        { container: "free", result: "changed", detail: "spec.replicas" },
        { container: "scaled", result: "skip", reason: "in-sync" },
      ]);
      expect((await world.live(free)).spec.replicas).toBe(2);
      expect((await world.live(scaled)).spec.replicas).toBe(3);
    });

    test("what somebody edited in the cluster is corrected, and what differed is told", async () => {
      const edited = aDeployment("edited");
      await world.serve(edited);
      await synced(["shop/edited"]);
      const containers = [{ name: "edited", image: imageOf("edited", "0.9.0") }];
      await world.cluster.patchAs("kubectl-edit", edited, { spec: { template: { spec: { containers } } } });
      const job = await synced(["shop/edited"]);
      expect(job.phase).toBe("succeeded");
      expect(job.results).toMatchObject([
        {
          from: imageOf("edited", "0.9.0"),
          to: imageOf("edited", "1.0.0"),
          detail: "spec.template.spec.containers[edited].image",
        },
      ]);
      expect(await imageIn(edited)).toBe(imageOf("edited", "1.0.0"));
    });

    test("what is written otherwise than it is stored is equal all the same", async () => {
      const object = aDeployment("spelled");
      const limits = { limits: { cpu: "1000m", memory: "1024Mi" }, requests: { cpu: 1 } };
      const containers = [{ name: "spelled", image: imageOf("spelled", "1.0.0"), resources: limits }];
      const labels = { app: "spelled" };
      const metadata = { creationTimestamp: null, labels };
      const template = { metadata, spec: { containers } };
      const spec = { strategy: {}, selector: { matchLabels: labels }, template };
      await world.declare("spelled", [{ ...object, spec }]);
      await synced(["shop/spelled"]);
      expect(await synced(["shop/spelled"])).toMatchObject({ outcome: "nothing-to-do" });
      expect(writesTo("spelled")).toBe(1);
    });

    test("a namespace is synced with what stands beside its workloads, but never its secrets", async () => {
      const config = anObject("ConfigMap", "beside", { data: { A: "1" } });
      const service = anObject("Service", "beside", {
        spec: { selector: { app: "beside" }, ports: [{ port: 80 }] },
      });
      const secret = anObject("Secret", "beside", { stringData: { A: "1" } });
      const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "another" } };
      const deployment = aDeployment("beside");
      await world.declare("beside", [deployment, { ...service }, secret, config, namespace]);
      const job = await synced({ namespace: "shop" });
      expect(job).toMatchObject({ phase: "succeeded", outcome: "succeeded" });
      const told = job.results.filter(({ workload }) => workload.endsWith("/beside"));
      expect(told.map(({ workload, result, reason }) => [workload, result, reason])).toEqual(
        [
          ["shop:configmap/beside", "changed", "created"],
          ["shop:service/beside", "changed", "created"],
          ["shop:deployment/beside", "changed", "created"],
          ["shop:secret/beside", "skip", "secret"],
        ].toSorted((a, b) => order(a[0]) - order(b[0])),
      );
      for (const object of [config, service, deployment])
        expect((await world.cluster.read(object)).status).toBe(200);
      expect((await world.cluster.read(secret)).status).toBe(404);
      expect((await world.cluster.read(namespace)).status).toBe(404);
      const paths = worker.writes().map((write) => write.path);
      const placeOf = (end: string): number => paths.findIndex((path) => path.endsWith(end));
      expect(placeOf("/configmaps/beside")).toBeLessThan(placeOf("/deployments/beside"));
      const writes = worker.writes().length;
      await world.cluster.patchAs("kubectl-edit", config, { data: { A: "2", B: "theirs" } });
      const again = await synced({ namespace: "shop" });
      expect(again.results.filter(({ result }) => result !== "skip")).toMatchObject([
        { workload: "shop:configmap/beside", detail: "data.A" },
      ]);
      expect(worker.writes().length).toBe(writes + 1);
      expect((await world.cluster.read(config)).body).toMatchObject({ data: { A: "1", B: "theirs" } });

      function order(id = ""): number {
        return ["shop:configmap", "shop:secret", "shop:service", "shop:deployment"].findIndex((kind) =>
          id.startsWith(kind),
        );
      }
    });

    test("leaves alone what is ignored, handed off or immutable, and says so", async () => {
      const marked = {
        labels: { "app.kubernetes.io/managed-by": "Helm" },
        annotations: { "meta.helm.sh/release-name": "chart" },
      };
      const charted = aDeployment("charted", marked);
      await world.run([charted]);
      const ignored = aDeployment("ignored", { annotations: { "fluxcd.io/ignore": "sync_only" } });
      const job = (image: string): KubeObject => ({
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { namespace: "shop", name: "migrate" },
        spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "migrate", image }] } } },
      });
      await world.declare("left", [
        aDeployment("charted", { tag: "2.0.0" }),
        ignored,
        job(imageOf("m", "1")),
      ]);
      const names = ["charted", "ignored", "migrate"].map((name) => `shop/${name}`);
      const first = await synced(names);
      expect(first.phase).toBe("succeeded");
      const reasons = (row: JobRow) => row.results.map(({ container, reason }) => [container, reason]);
      expect(reasons(first)).toEqual([
        ["charted", "handed-off"],
        ["ignored", "ignored"],
        ["migrate", "created"],
      ]);
      await world.declare("left", [
        aDeployment("charted", { tag: "2.0.0" }),
        ignored,
        job(imageOf("m", "2")),
      ]);
      const second = await synced(names);
      expect(second).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
      expect(reasons(second).at(-1)).toEqual(["migrate", "immutable-kind"]);
      expect(await imageIn(charted)).toBe(imageOf("charted", "1.0.0"));
    });

    test("one document that is refused, and one that git does not know, fail the job but stop nothing", async () => {
      const odd = aDeployment("odd", { spec: { replicaz: 2 } });
      await world.declare("some", [odd, aDeployment("sound")]);
      const job = await synced(["shop/odd", "shop/sound", "shop/nowhere"]);
      expect(job).toMatchObject({ phase: "failed", outcome: "failed" });
      expect(job.error?.detail).toContain("shop/odd");
      expect(job.error?.detail).toContain("shop/nowhere");
      expect(job.error?.detail).not.toContain("shop/sound");
      expect((await world.cluster.read(aDeployment("sound"))).status).toBe(200);
      expect(await world.committed()).toEqual([]);
    });

    test("a worker that dies between any two objects leaves nothing undone and nothing done twice", async () => {
      const names = ["kill-a", "kill-b", "kill-c"];
      const cronJobs = names.map((name) => aWorkload("CronJob", name));
      await world.declare("killed", cronJobs);
      worker.pause();
      for (const [index] of names.entries()) {
        const tag = `2.0.${index}`;
        const images = names.map((name) => aWorkload("CronJob", name, { tag }));
        await world.declare("killed", images);
        const mortal = await world.worker();
        mortal.dieAt("after-apply", index);
        const id = await world.sync(names.map((name) => `shop/${name}`));
        await mortal.died;
        const heir = await world.worker();
        expect(await world.untilOver(id)).toMatchObject([{ phase: "succeeded", outcome: "succeeded" }]);
        await heir.stop();
        for (const object of images) {
          expect(JSON.stringify((await world.live(object)).spec)).toContain(tag);
          const path = `/${object.metadata.name}`;
          const writes = [...mortal.writes(), ...heir.writes()].filter((write) => write.path.endsWith(path));
          expect(writes).toHaveLength(1);
        }
      }
      worker.resume();
    });

    test("git that was wound back is what counts, also over a newer commit that is gone", async () => {
      const object = aDeployment("rewound");
      await world.serve(object);
      const base = (await world.git.refs(world.repository)).get("refs/heads/main");
      const [job] = await world.untilOver(await world.release("rewound", "1.0.1"));
      expect(job?.phase).toBe("succeeded");
      await world.git.moveRef(world.repository, "refs/heads/main", base);
      expect(await synced(["shop/rewound"])).toMatchObject({ phase: "succeeded", commit_sha: base });
      expect(await imageIn(object)).toBe(imageOf("rewound", "1.0.0"));
    });

    describe("where people's pushes are applied", () => {
      const syncs = async (): Promise<readonly JobRow[]> =>
        (
          await listJobs(world.store.db, {
            environment: "live",
            kind: "sync",
            within: everything,
            limit: 100,
          })
        ).jobs;
      /** The lane has seen this tip. */
      const untilIndexed = async (tip: string): Promise<void> => {
        await wakeLane(world.store.db, world.laneId);
        const lane = () =>
          world.store.db.selectFrom("lanes").select("tip").where("id", "=", world.laneId).executeTakeFirst();
        await pollUntil(async () => (await lane())?.tip === tip, {
          everyMs: 25,
          timeoutMs: 30_000,
          what: "the lane to see the tip",
        });
      };

      test("a push brings one sync of what it changed, and a release of ours none", async () => {
        const before = (await syncs()).length;
        const [one, two] = [aDeployment("pushed-one"), aDeployment("pushed-two")];
        const tip = await world.declare("pushed", [one, two], "live");
        await untilIndexed(tip);
        const [created, ...older] = await syncs();
        expect(older).toHaveLength(before);
        expect(created).toMatchObject({
          origin: "automation",
          requested_by: "slipway",
          headline: `Sync: 2 objects changed by ${tip.slice(0, 7)}`,
        });
        expect(await world.untilOver(created?.id ?? "")).toMatchObject([{ phase: "succeeded" }]);
        await world.untilSeen([one, two]);

        const [released] = await world.untilOver(
          await world.release("pushed-one", "1.0.1", { environment: "live" }),
        );
        expect(released?.phase).toBe("succeeded");
        await untilIndexed(released?.commit_sha ?? "");
        expect(await syncs()).toHaveLength(before + 1);

        const readme = await world.git.commitDirectly(
          world.repository,
          { "live/README.md": "more\n" },
          { branch: "main", message: "words" },
        );
        await untilIndexed(readme);
        expect(await syncs()).toHaveLength(before + 1);
      });

      test("a push under our own next one is told from it, down to the document", async () => {
        const [mine, theirs] = [aDeployment("mine"), aDeployment("theirs")];
        const first = await world.declare("both", [mine, theirs], "live");
        await untilIndexed(first);
        await world.untilOver((await syncs())[0]?.id ?? "");
        await world.untilSeen([mine, theirs]);
        const before = (await syncs()).length;
        worker.pause();
        const relabelled = aDeployment("theirs", { labels: { tier: "back" } });
        await world.declare("both", [mine, relabelled], "live");
        const id = await world.release("mine", "1.0.1", { environment: "live" });
        worker.resume();
        const [released] = await world.untilOver(id);
        expect(released?.phase).toBe("succeeded");
        const all = await syncs();
        expect(all).toHaveLength(before + 1);
        expect(all[0]?.spec).toMatchObject({ workloads: ["shop:deployment/theirs"] });
        expect(await world.untilOver(all[0]?.id ?? "")).toMatchObject([{ phase: "succeeded" }]);
        expect((await world.live(relabelled)).metadata.labels).toMatchObject({ tier: "back" });
        expect(await imageIn(mine)).toBe(imageOf("mine", "1.0.1"));
      });
    });
  });
}
