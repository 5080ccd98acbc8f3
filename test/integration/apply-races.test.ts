import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { KubeApi, KubeRequest } from "#common/kit/kube.ts";

import { applyDocument, type ApplyAsk } from "../../services/release-worker/environment/apply-document.ts";
import type { CommittedDocument } from "../../services/release-worker/environment/live-object.ts";
import { clusterChoices } from "../support/environment-cluster.ts";
import { type WorkloadShape, aDeployment, aWorkload, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

/** In all, over workloads that are raced for side by side. */
const rounds = 200;
const sideBySide = 5;

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`racing applies on ${choice.name}`, () => {
    let world: EnvironmentWorld;
    beforeAll(async () => {
      world = await startEnvironmentWorld(await choice.open(), [{ name: "default" }]);
    });
    afterEach(() => world.stopWorkers());
    afterAll(() => world.stop());

    const imagesIn = async (object: ReturnType<typeof aDeployment>): Promise<string[]> =>
      (await world.live(object)).spec.template.spec.containers.map((container) => container.image);

    test(`a writer frozen between read and write never overwrites a newer commit, ${rounds} times`, async () => {
      const settings = environmentOf(world);
      const outcomes = new Set<string>();
      const race = async (name: string): Promise<void> => {
        const cron = aWorkload("CronJob", name);
        await world.run([cron]);
        for (let round = 0; round < rounds / sideBySide; round += 1) {
          const [older, newer] = [commitNumber(2 * round), commitNumber(2 * round + 1)];
          const ask = (kube: KubeApi, commit: string): ApplyAsk => ({
            kube,
            environment: settings,
            document: aWorkload("CronJob", name, { tag: commit }) as CommittedDocument,
            by: { environment: "default", commit, job: `job-${commit}` },
            isAncestor: async (a, b) => a <= b,
            pause: async () => undefined,
          });
          const frozen = frozenAtWrite(world.cluster.api);
          const late = applyDocument(ask(frozen.kube, older));
          await frozen.reached;
          expect(await applyDocument(ask(world.cluster.api, newer))).toMatchObject({ kind: "applied" });
          frozen.wake();
          outcomes.add((await late).kind);
          const live = await world.live(cron);
          expect(live.metadata.annotations?.["applied.slipway.dev/commit"]).toBe(newer);
          expect(JSON.stringify(live.spec)).toContain(imageOf(name, newer));
        }
      };
      await Promise.all(Array.from({ length: sideBySide }, (_, index) => race(`raced-${index}`)));
      expect([...outcomes]).toEqual(["newer"]);
    });

    test("a worker frozen before its write and woken after a takeover changes nothing", async () => {
      const web = aDeployment("woken");
      await world.serve(web);
      const [first, second] = [await world.worker(), await world.worker()];
      second.pause();
      const writing = Promise.withResolvers<void>();
      const frozen = Promise.withResolvers<void>();
      first.beforeRequest((request) => {
        if (!isApply(request)) return undefined;
        writing.resolve();
        return frozen.promise;
      });
      const older = await world.release("woken", "1.0.1");
      await writing.promise;
      await first.lapse();
      second.resume();
      await world.untilOver(older);
      const [newer] = await world.untilOver(await world.release("woken", "1.0.2"));
      expect(newer?.phase).toBe("succeeded");
      const before = await world.live(web);
      const written = first.writes().length;
      frozen.resolve();
      await first.stop();
      expect(first.writes().slice(written)).toEqual([]);
      // Controllers go on writing its status, which moves the version and says nothing of us.
      const { generation, annotations } = (await world.live(web)).metadata;
      expect({ generation, annotations }).toMatchObject({
        generation: before.metadata.generation,
        annotations: { "applied.slipway.dev/job": newer?.id },
      });
      expect(await imagesIn(web)).toEqual([imageOf("woken", "1.0.2")]);
      await expectGaplessLog(world, older);
    });

    test("a live commit that descends from a job's keeps its images: superseded, or carried", async () => {
      const shape: WorkloadShape = { more: { side: "1.0.0" } };
      const [lost, kept] = [aDeployment("lost", shape), aDeployment("kept", shape)];
      await world.serve(lost);
      await world.serve(kept);
      const ids = [
        await world.release("lost", "1.0.1"),
        await world.release("lost", "1.0.2"),
        await world.release("kept", "1.0.1"),
        await world.release("kept", "1.0.1", { image: "side" }),
      ];
      const [oldLost = "", newLost = "", oldKept = "", newKept = ""] = ids;
      const worker = await world.worker();
      worker.beforeRequest((request) => {
        if (request.query?.["dryRun"] !== undefined || request.method !== "PATCH") return undefined;
        worker.beforeRequest(undefined);
        return applyAhead([
          [aDeployment("lost", { ...shape, tag: "1.0.2" }), newLost],
          [aDeployment("kept", { tag: "1.0.1", more: { side: "1.0.1" } }), newKept],
        ]);
      });
      const [a, b, c, d] = await world.untilOver(...ids);
      expect(a).toMatchObject({ phase: "superseded", targets: [{ verdict: "superseded" }] });
      expect(a?.targets[0]?.reason).toBe(`superseded by ${newLost.slice(-8)}`);
      expect(b).toMatchObject({ phase: "succeeded" });
      expect(c).toMatchObject({ phase: "succeeded", targets: [{ verdict: "good" }] });
      expect(c?.targets[0]?.reason).toBe(`carried by ${newKept.slice(-8)}`);
      expect(d).toMatchObject({ phase: "succeeded" });
      expect(await imagesIn(lost)).toEqual([imageOf("lost", "1.0.2"), imageOf("side", "1.0.0")]);
      expect(await imagesIn(kept)).toEqual([imageOf("kept", "1.0.1"), imageOf("side", "1.0.1")]);
      for (const id of [oldLost, oldKept]) await expectGaplessLog(world, id);
    });

    /** As another worker would have: the newer jobs' documents, before the older ones are written. */
    async function applyAhead(
      documents: readonly (readonly [ReturnType<typeof aDeployment>, string])[],
    ): Promise<void> {
      for (const [document, id] of documents) {
        const annotations = {
          "applied.slipway.dev/environment": "default",
          "applied.slipway.dev/commit": (await world.job(id)).commit_sha ?? "",
          "applied.slipway.dev/job": id,
        };
        await world.cluster.applyAs("slipway", {
          ...document,
          metadata: { ...document.metadata, annotations },
        });
      }
    }

    test.each([
      ["before-apply", 1],
      ["after-apply", 0],
      ["after-apply", 1],
      ["after-apply", 2],
      ["after-apply", 3],
      ["after-apply", 4],
      ["after-verdict", 0],
    ] as const)(
      "a worker killed %s, %i objects later: the next one goes on, writes nothing twice, and the log has no gap",
      async (point, later) => {
        const names = ["a", "b", "c", "d", "e"].map((letter) => `${point}-${later}-${letter}`);
        for (const name of names) await world.serve(aDeployment(name));
        const [first, second] = [await world.worker(), await world.worker()];
        second.pause();
        first.dieAt(point, later);
        const id = await world.release(names, "1.0.1");
        await first.died;
        second.resume();
        expect(await world.untilOver(id)).toMatchObject([{ phase: "succeeded" }]);
        for (const name of names) {
          expect(await imagesIn(aDeployment(name))).toEqual([imageOf(name, "1.0.1")]);
          const writes = [first, second].flatMap((worker) => appliesOf(worker, name));
          expect(writes).toHaveLength(1);
          const live = await world.live(aDeployment(name));
          expect(live.metadata.annotations?.["applied.slipway.dev/job"]).toBe(id);
        }
        expect((await world.committed()).filter((job) => job === id)).toHaveLength(1);
        await expectGaplessLog(world, id);
      },
    );
  });
}

/** Numbers rise by one, every step has ended, and none is told twice. */
async function expectGaplessLog(world: EnvironmentWorld, id: string): Promise<void> {
  const steps = await world.steps(id);
  expect(steps.map((step) => step.number)).toEqual(steps.map((_, index) => index + 1));
  expect(steps.every((step) => step.ended_at !== null)).toBe(true);
  const texts = steps.map((step) => step.text).filter((text) => text !== "Update pod controller OK.");
  expect(texts).toEqual([...new Set(texts)]);
}

function appliesOf(worker: EnvironmentWorker, name: string): KubeRequest[] {
  return worker.writes().filter((write) => isApply(write) && write.path.endsWith(`/${name}`));
}

function isApply(request: KubeRequest): boolean {
  const dry = request.query?.["dryRun"] !== undefined;
  return request.contentType === "application/apply-patch+yaml" && !dry;
}

/** Sorts as it rises, and is a tag. */
function commitNumber(number: number): string {
  return `c${String(number).padStart(6, "0")}`;
}

function environmentOf(world: EnvironmentWorld): ApplyAsk["environment"] {
  const [environment] = world.settings.environments;
  if (environment === undefined) throw new Error("no environment");
  return environment;
}

/** A writer that stops after its read until it is woken. */
function frozenAtWrite(kube: KubeApi): { kube: KubeApi; reached: Promise<void>; wake: () => void } {
  const reached = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  const request: KubeApi["request"] = async (asked) => {
    if (isApply(asked)) {
      reached.resolve();
      await woken.promise;
    }
    return kube.request(asked);
  };
  return { kube: { ...kube, request }, reached: reached.promise, wake: () => woken.resolve() };
}
