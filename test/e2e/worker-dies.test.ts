import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import type { ChildExit, ChildServer } from "#common/kit/child.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createStore, type Store } from "#common/store/store.ts";
import { silenceWorkers } from "#support/store-tricks.ts";

import { faultPoints, type FaultPoint } from "../../services/release-worker/faults.ts";
import { descendantsOf, isStopped } from "./process-family.ts";
import {
  fileOf,
  hasSandboxWorld,
  imageOf,
  manifestOf,
  namespace,
  startSandboxWorld,
  type SandboxWorld,
} from "./sandbox-world.ts";

const decisionPoints: readonly FaultPoint[] = ["before-decision", "after-decision"];
const killsAt = (points: readonly FaultPoint[]) =>
  points.flatMap((point) =>
    (["kill", "kill-group"] as const).map((action) => ({
      point,
      action,
      service: action === "kill" ? point : `${point}-group`,
    })),
  );
const kills = killsAt(faultPoints.filter((point) => !decisionPoints.includes(point)));
const automated = killsAt(decisionPoints);
const freezes = ["before-push", "after-push"] as const;
/** Moments inside a push: the first one of all makes the lane's ref, the others move the branch. */
const pushes = [
  { moment: "the push that makes the lane's ref", service: "first-act", family: false },
  { moment: "a push", service: "mid-push", family: false },
  { moment: "a push, with its git", service: "mid-push-family", family: true },
] as const;
const services = [
  ...pushes.map(({ service }) => service),
  ...[...kills, ...automated].map(({ service }) => service),
  ...freezes.map((point) => `frozen-${point}`),
  "afterwards",
  "latest",
];

/** Each act of a release is interrupted once by the end of its worker; the next worker finishes it. */
describe.runIf(hasSandboxWorld())("a worker that dies in the middle of a release", () => {
  let world: SandboxWorld;
  let store: Store;
  const started: ChildServer[] = [];

  beforeAll(async () => {
    world = await startSandboxWorld({
      services,
      workers: 1,
      files: Object.fromEntries(
        automated.map(({ service }) => [fileOf(service), automatedManifest(service)]),
      ),
      environment: { automation: "on", automationTiming: { settle: "100ms" } },
    });
    store = createStore({ databaseUrl: world.installation.databaseUrl });
    await world.installation.workers[0]?.stop();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((worker) => worker.kill()));
    await passOver();
  });
  afterAll(async () => {
    await store?.stop();
    await world?.stop();
  });

  const startWorker = async (fault = ""): Promise<ChildServer> => {
    const worker = await world.installation.startWorker({ SLIPWAY_FAULT: fault });
    started.push(worker);
    return worker;
  };
  const release = (service: string, tag: string): Promise<Job> =>
    world.api.release({
      workloads: [`${namespace}/${service}`],
      images: { exact: [imageOf(service, tag)] },
    });
  const expectOneCommit = async (job: Job, tip: string, image: string): Promise<void> => {
    expect(job).toMatchObject({ phase: "succeeded", error: null });
    const commits = await world.since(tip);
    expect(commits.map((commit) => commit.sha)).toEqual([job.commit]);
    expect(commits[0]?.body).toContain(`Release-Job: ${job.id}`);
    const service = /([^/]+):[^:]+$/.exec(image)?.[1] ?? "";
    expect(await world.declared(service)).toBe(image);
    const steps = await world.api.steps(job.id);
    expect(steps.map((step) => step.number)).toEqual(steps.map((_step, index) => index + 1));
    expect(steps.filter((step) => step.endedAt === null)).toEqual([]);
  };
  /** The leases of the dead run out now and not in five seconds; those of the frozen ones wait for the clock. */
  const passOver = async (): Promise<void> => {
    await silenceWorkers(store.db);
  };
  /** A job that ends although its worker should have died on the way shows a point that nothing reaches. */
  const untilDead = async (doomed: ChildServer, id: string): Promise<void> => {
    let exit: ChildExit | undefined;
    void doomed.exited.then((how) => (exit = how));
    let looksLeft = 100;
    const settled = async (): Promise<boolean> => {
      // The last point is reached when the job has ended: its worker may be a moment from its death.
      if ((await world.api.job(id)).finishedAt !== null) looksLeft -= 1;
      return exit !== undefined || looksLeft === 0;
    };
    await pollUntil(settled, { everyMs: 50, timeoutMs: 60_000, what: "the worker's end" });
    expect(exit ?? "the job ended and its worker lives").toMatchObject({ signal: "SIGKILL" });
  };

  describe.runIf(process.platform === "linux")("in the middle of", () => {
    test.each(pushes)("$moment: another one finishes it, with one commit", async ({ service, family }) => {
      const tip = await world.tip();
      const doomed = await startWorker();
      // What the host holds is carried out at the end: a copy that nobody waits for any more.
      const released = Promise.withResolvers<void>();
      world.git.beforeNext("git-receive-pack", async () => {
        const children = await descendantsOf(doomed.pid);
        expect(children).not.toEqual([]);
        for (const pid of [doomed.pid, ...(family ? children : [])]) process.kill(pid, "SIGKILL");
        if (family) await released.promise;
      });
      const { id } = await release(service, "1.1.0");
      await untilDead(doomed, id);
      await passOver();
      await startWorker();
      const job = await world.api.waitForJob(id);
      released.resolve();
      await world.git.idle();
      await expectOneCommit(job, tip, imageOf(service, "1.1.0"));
    });
  });

  test.each(kills)("$point, by $action: another one finishes it, with one commit", async (died) => {
    const { point, action, service } = died;
    const tip = await world.tip();
    const doomed = await startWorker(`${point}:${action}`);
    const { id } = await release(service, "1.1.0");
    await untilDead(doomed, id);
    await passOver();
    await startWorker();
    await expectOneCommit(await world.api.waitForJob(id), tip, imageOf(service, "1.1.0"));
  });

  test.each(automated)("automation $point, by $action: one job in the end, with one commit", async (died) => {
    const { point, action, service } = died;
    const tip = await world.tip();
    world.registry.addImage(`acme/${service}`, "2.0.0", { createdAt: new Date(), digestSeed: service });
    const id = `${namespace}:deployment/${service}`;
    const { containers } = await world.api.images({ environment: "default", id, query: "?refresh=true" });
    expect(containers[0]?.available[0]).toMatchObject({ tag: "2.0.0" });
    const doomed = await startWorker(`${point}:${action}`);
    expect(await doomed.exited).toMatchObject({ signal: "SIGKILL" });
    const jobs = () => world.api.jobs(`?workload=${encodeURIComponent(`${namespace}/${service}`)}`);
    expect(await jobs()).toHaveLength(point === "before-decision" ? 0 : 1);
    await passOver();
    await startWorker();
    const isOver = async () => (await jobs())[0]?.finishedAt != null;
    await pollUntil(isOver, { everyMs: 50, timeoutMs: 60_000, what: "the automated release" });
    const made = await jobs();
    expect(made).toMatchObject([{ requestedBy: "automation" }]);
    for (const job of made) await expectOneCommit(job, tip, imageOf(service, "2.0.0"));
  });

  test("after it chose the latest image: another one writes that, though a newer one is out", async () => {
    const publish = async (tag: string, createdAt: string): Promise<void> => {
      world.registry.addImage("acme/latest", tag, { createdAt: new Date(createdAt) });
      const id = `${namespace}:deployment/latest`;
      const { containers } = await world.api.images({ environment: "default", id, query: "?refresh=true" });
      expect(containers[0]?.available[0]).toMatchObject({ tag });
    };
    const tip = await world.tip();
    await publish("2.0.0", "2026-03-01");
    const doomed = await startWorker("after-choice:kill");
    const { id } = await world.api.release({ workloads: [`${namespace}/latest`], images: "latest" });
    await untilDead(doomed, id);
    await publish("2.1.0", "2026-03-02");
    await passOver();
    await startWorker();
    const job = await world.api.waitForJob(id);
    expect(job).toMatchObject({ phase: "succeeded", results: [{ to: imageOf("latest", "2.0.0") }] });
    expect((await world.since(tip)).map((commit) => commit.sha)).toEqual([job.commit]);
    expect(await world.declared("latest")).toBe(imageOf("latest", "2.0.0"));
  });

  describe.runIf(process.platform === "linux")("frozen instead of dead", () => {
    test.each(freezes)("%s: it wakes when another one has finished, and does no harm", async (point) => {
      const service = `frozen-${point}`;
      const tip = await world.tip();
      const frozen = await startWorker(`${point}:freeze`);
      const { id } = await release(service, "1.1.0");
      await untilStopped(frozen.pid);
      const other = await startWorker();
      const job = await world.api.waitForJob(id);
      await other.stop();
      process.kill(frozen.pid, "SIGCONT");
      // That it does the next release shows that it is awake, and past what it was about to do.
      const next = await world.api.waitForJob((await release("afterwards", nextTag())).id);
      expect(next).toMatchObject({ phase: "succeeded" });
      const commits = await world.since(tip);
      expect(commits.map((commit) => commit.sha)).toEqual([next.commit, job.commit]);
      expect(await world.declared(service)).toBe(imageOf(service, "1.1.0"));
    });
  });

  let turns = 0;
  const nextTag = (): string => (turns++ === 0 ? "1.1.0" : "1.2.0");
});

function automatedManifest(service: string): string {
  const annotations = '{slipway.dev/automated: "true", slipway.dev/tag.server: "glob:2.*"}';
  const place = `  namespace: ${namespace}\n`;
  return manifestOf(service).replace(place, `${place}  annotations: ${annotations}\n`);
}

async function untilStopped(pid: number): Promise<void> {
  const what = `process ${pid} is frozen`;
  await pollUntil(() => isStopped(pid), { everyMs: 20, timeoutMs: 30_000, what });
}
