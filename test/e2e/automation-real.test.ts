import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { pushImage } from "#support/push-image.ts";
import { hasRealWorld, startRealWorld, type RealWorld } from "#support/real-world.ts";

const namespace = "boutique";
const workload = `${namespace}/web`;
const path = "shop/web";
const image = `registry.boutique.example/${path}`;
const file = "deploy/web.yaml";
const built = (day: number) => ({ createdAt: new Date(Date.UTC(2026, 0, day)) });

function manifest(tag: string): string {
  return [
    "apiVersion: apps/v1",
    "kind: Deployment",
    "metadata:",
    "  name: web",
    `  namespace: ${namespace}`,
    "spec:",
    "  replicas: 2",
    "  selector:",
    "    matchLabels: { app: web }",
    "  template:",
    "    metadata:",
    "      labels: { app: web }",
    "    spec:",
    "      containers:",
    "        - name: web",
    `          image: ${image}:${tag}`,
    "",
  ].join("\n");
}

describe.runIf(await hasRealWorld())("automation with nothing but real systems", () => {
  let world: RealWorld;
  beforeAll(async () => {
    world = await startRealWorld({
      files: { [file]: manifest("1.0.0") },
      paths: ["deploy"],
      running: manifest("1.0.0"),
      namespace,
      registryHosts: ["registry.boutique.example"],
      images: new Map([[`${path}:1.0.0`, built(1)]]),
      outcome: (ref) => (ref.includes("broken") ? "pull-failure" : "ready"),
      settings: { scanInterval: "2s" },
      environment: { automation: "on", automationTiming: { settle: "1s" }, rolloutDeadline: "20s" },
    });
    await world.slipway(["automate", workload, "--tag", "web=glob:1.*"]);
  });
  afterAll(async () => world?.stop());

  const jobs = () => world.api.jobs(`?workload=${encodeURIComponent(workload)}&kind=release`);
  /** The job that somebody made of this tag, once it has this phase. */
  const released = async (tag: string, phase: string): Promise<Job> => {
    let found: Job | undefined;
    const isSo = async (): Promise<boolean> => {
      found = (await jobs()).find((job) => job.results.some(({ to }) => to === `${image}:${tag}`));
      return found?.phase === phase;
    };
    await pollUntil(isSo, { everyMs: 200, timeoutMs: 90_000, what: `a release of ${tag} that is ${phase}` });
    if (found === undefined) throw new Error("no job");
    return found;
  };
  const live = () =>
    world.box.kubectl([
      "get",
      "deployment",
      "web",
      "-n",
      namespace,
      "-o",
      "jsonpath={.spec.template.spec.containers[0].image} {.status.availableReplicas}",
    ]);
  const inGit = async () => (await world.look(["show", `main:${file}`])).toString();
  const commitsOf = async (job: Job) =>
    (await world.look(["log", "--format=%H", `--grep=Release-Job: ${job.id}`, "main"])).toString().trim();

  test("an image that is pushed is committed, applied and healthy, and nobody asked", async () => {
    await pushImage(world.registry, `${path}:1.1.0`, built(2));
    const job = await released("1.1.0", "succeeded");
    expect(job).toMatchObject({ requestedBy: "automation", outcome: "succeeded" });
    expect(await commitsOf(job)).toBe(job.commit);
    expect(await inGit()).toContain(`image: ${image}:1.1.0`);
    expect(await live()).toBe(`${image}:1.1.0 2`);
  });

  test("a broken one is rolled back, in git and in the cluster, and held", async () => {
    await pushImage(world.registry, `${path}:1.2.0-broken`, built(3));
    await released("1.2.0-broken", "rolled-back");
    expect(await inGit()).toContain(`image: ${image}:1.1.0`);
    expect(await live()).toBe(`${image}:1.1.0 2`);
    expect(await world.slipway(["explain", workload])).toMatch(/held .*ImagePull/);
  });

  test("a good one is released once the hold is lifted, and only then", async () => {
    await pushImage(world.registry, `${path}:1.3.0`, built(4));
    const isListed = async () => (await world.slipway(["images", workload, "--refresh"])).includes("1.3.0");
    await pollUntil(isListed, { everyMs: 200, timeoutMs: 60_000, what: "1.3.0 in the list" });
    expect(await jobs()).toHaveLength(2);
    await world.slipway(["unhold", workload]);
    const job = await released("1.3.0", "succeeded");
    expect(await commitsOf(job)).toBe(job.commit);
    expect(await live()).toBe(`${image}:1.3.0 2`);
  });

  test("a release that waits for the end of a freeze outlives its workers, and is one commit", async () => {
    await world.slipway(["freeze", "default", "-m", "stocktaking"]);
    await pushImage(world.registry, `${path}:0.9.0`, built(5));
    const { id } = await world.api.release({
      workloads: [workload],
      images: { exact: [`${image}:0.9.0`] },
      override: ["filter", "downgrade"],
    });
    const waits = async () => (await world.api.job(id)).phase === "waiting";
    await pollUntil(waits, { everyMs: 100, timeoutMs: 60_000, what: "the job to wait" });
    await Promise.all(world.installation.workers.map((worker) => worker.kill()));
    await world.installation.startWorker();
    await world.slipway(["unfreeze", "default"]);
    const job = await world.api.waitForJob(id, 90_000);
    expect(job).toMatchObject({ phase: "succeeded", gate: null });
    expect(await commitsOf(job)).toBe(job.commit);
    expect(await live()).toBe(`${image}:0.9.0 2`);
  });
});
