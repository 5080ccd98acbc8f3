import { readFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import type { ChildServer } from "#common/kit/child.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { faultPoints } from "../../services/release-worker/faults.ts";
import {
  hasSandboxWorld,
  imageOf,
  namespace,
  startSandboxWorld,
  type SandboxWorld,
} from "./sandbox-world.ts";

const freezes = ["before-push", "after-push"] as const;

/** Each act of a release is interrupted once by the end of its worker; the next worker finishes it. */
describe.runIf(hasSandboxWorld())("a worker that dies in the middle of a release", () => {
  let world: SandboxWorld;
  const started: ChildServer[] = [];

  beforeAll(async () => {
    const services = [...faultPoints, ...freezes.map((point) => `frozen-${point}`), "afterwards"];
    world = await startSandboxWorld({ services, workers: 1 });
    await world.installation.workers[0]?.stop();
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
  });
  afterAll(async () => world?.stop());

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
  const expectOneCommit = async (job: Job, tip: string, service: string): Promise<void> => {
    expect(job).toMatchObject({ phase: "succeeded", error: null });
    const commits = await world.since(tip);
    expect(commits.map((commit) => commit.sha)).toEqual([job.commit]);
    expect(commits[0]?.body).toContain(`Release-Job: ${job.id}`);
    expect(await world.declared(service)).toBe(imageOf(service, "1.1.0"));
    const steps = await world.api.steps(job.id);
    expect(steps.map((step) => step.number)).toEqual(steps.map((_step, index) => index + 1));
    expect(steps.filter((step) => step.endedAt === null)).toEqual([]);
  };

  test.each(faultPoints)("%s: another one finishes it, with one commit", async (point) => {
    const tip = await world.tip();
    const doomed = await startWorker(`${point}:kill`);
    const { id } = await release(point, "1.1.0");
    expect(await doomed.exited).toMatchObject({ signal: "SIGKILL" });
    await startWorker();
    await expectOneCommit(await world.api.waitForJob(id), tip, point);
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

async function untilStopped(pid: number): Promise<void> {
  const stopped = async (): Promise<boolean> => /\) [Tt] /.test(await readFile(`/proc/${pid}/stat`, "utf8"));
  await pollUntil(stopped, { everyMs: 20, timeoutMs: 30_000, what: `process ${pid} is frozen` });
}
