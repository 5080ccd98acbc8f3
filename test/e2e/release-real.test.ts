import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { hasRealWorld, startRealWorld, type RealWorld } from "#support/real-world.ts";

import { shops, type Choice } from "./shops.ts";

const namespace = "boutique";
const available = await hasRealWorld();

describe.runIf(available).each(shops().map((shop) => [shop.name, shop] as const))("%s", (_, shop) => {
  let world: RealWorld;
  let firstCommit = "";
  let before: Buffer = Buffer.alloc(0);
  const jobs: { exact: Job; latest: Job } = { exact: undefined as never, latest: undefined as never };

  beforeAll(async () => {
    world = await startRealWorld({
      ...shop,
      paths: [shop.folder],
      running: shop.files[shop.file] ?? "",
      namespace,
    });
    firstCommit = (await world.look(["rev-parse", "main"])).toString().trim();
    before = await world.look(["show", `main:${shop.file}`]);
  });
  afterAll(async () => world?.stop());

  test("lists every workload as declared and ready", async () => {
    const seen = async () => {
      const { workloads } = await world.api.workloads(`?namespace=${namespace}`);
      return workloads.filter((one) => one.declared !== null && one.release.state === "ready").length;
    };
    const all = async (): Promise<boolean> => (await seen()) === shop.workloads;
    await pollUntil(all, { everyMs: 200, timeoutMs: 60_000, what: `${shop.workloads} ready workloads` });
    const listed = await world.slipway(["list-services", "-n", namespace]);
    expect(listed).toContain(shop.latest.workload);
    expect(listed).toMatch(/^SERVICE +CONTAINER +IMAGE +RELEASE +POLICY/);
  });

  test("lists the images newest first, with dates, the running one marked", async () => {
    const newest = async (): Promise<boolean> => (await frontendImages())[0]?.tag === shop.latest.toTag;
    const frontendImages = async () => {
      const [name] = shop.latest.workload.split("/").slice(1);
      const answer = await world.api.images({
        environment: "default",
        id: `${namespace}:deployment/${name}`,
      });
      return answer.containers[0]?.available ?? [];
    };
    await pollUntil(newest, { everyMs: 200, timeoutMs: 60_000, what: "scanned images" });
    const images = await frontendImages();
    expect(images.map((image) => image.createdAt)).toEqual(
      images.map((image) => image.createdAt).toSorted((a, b) => (b ?? "").localeCompare(a ?? "")),
    );
    expect(images.filter((image) => image.running).map((image) => image.tag)).toEqual([shop.latest.fromTag]);
  });

  test("a dry run shows the diff and writes nothing", async () => {
    const { workload, image, toTag, lines } = shop.exact;
    const answer = await world.api.ask<{ diffs: { path: string; added: number; removed: number }[] }>(
      "POST",
      "/v1/releases",
      { body: { workloads: [workload], images: { exact: [`${image}:${toTag}`] }, dryRun: true } },
    );
    expect(answer.status).toBe(200);
    expect(answer.body.diffs).toMatchObject([{ path: shop.file, added: lines, removed: lines }]);
    expect((await world.look(["rev-parse", "main"])).toString().trim()).toBe(firstCommit);
  });

  test("releases one by exact tag and one by latest, each healthy in the end", async () => {
    const { exact, latest } = shop;
    const accepted = await Promise.all([
      world.api.release({
        workloads: [exact.workload],
        images: { exact: [`${exact.image}:${exact.toTag}`] },
        message: "The fix for issue 12",
      }),
      world.api.release({ workloads: [latest.workload], images: "latest" }),
    ]);
    jobs.exact = await world.api.waitForJob(accepted[0].id, 90_000);
    jobs.latest = await world.api.waitForJob(accepted[1].id, 90_000);
    for (const job of Object.values(jobs)) expect(job).toMatchObject({ phase: "succeeded", error: null });
  });

  test("each release is one commit that changes its image's bytes and nothing else", async () => {
    const log = await world.look(["log", "--format=%H %P", `${firstCommit}..main`]);
    expect(log.toString().trim().split("\n")).toHaveLength(2);
    for (const which of ["exact", "latest"] as const) {
      const job = jobs[which];
      const commit = job.commit ?? "";
      const trailer = await world.look([
        "log",
        "-1",
        "--format=%(trailers:key=Release-Job,valueonly)",
        commit,
      ]);
      expect(trailer.toString().trim()).toBe(job.id);
      const names = await world.look(["diff", "--name-only", `${commit}^`, commit]);
      expect(names.toString().trim()).toBe(shop.file);
      const [old, now] = await Promise.all(
        [`${commit}^`, commit].map(async (at) =>
          (await world.look(["show", `${at}:${shop.file}`])).toString(),
        ),
      );
      expectOnlyTagMoved(old ?? "", now ?? "", shop[which]);
    }
    const message = await world.look(["log", "-1", "--format=%B", jobs.exact.commit ?? ""]);
    expect(message.toString()).toContain("The fix for issue 12");
  });

  test("the real controller rolled both out, and the objects name their job", async () => {
    for (const which of ["exact", "latest"] as const) await expectLive(world, shop[which], jobs[which]);
  });

  test("the log is complete: the texts of 2016, numbered without a gap, each with its end", async () => {
    for (const which of ["exact", "latest"] as const) {
      const steps = await world.api.steps(jobs[which].id);
      expect(steps.map((step) => step.number)).toEqual(steps.map((_step, index) => index + 1));
      expect(steps.map((step) => step.text)).toEqual(seedSteps(shop[which], jobs[which]));
      expect(steps.every((step) => step.outcome === "ok" && step.endedAt !== null)).toBe(true);
    }
  });

  test("rolling both back restores the file's bytes and the images that ran", async () => {
    const undone = [];
    for (const job of [jobs.exact, jobs.latest]) undone.push(await world.api.rollback(job.id));
    for (const { id } of undone) {
      const job = await world.api.waitForJob(id, 90_000);
      expect(job).toMatchObject({ kind: "rollback", phase: "succeeded", error: null });
    }
    const after = await world.look(["show", `main:${shop.file}`]);
    expect(after.equals(before)).toBe(true);
    const log = await world.look(["log", "--format=%H", `${firstCommit}..main`]);
    expect(log.toString().trim().split("\n")).toHaveLength(4);
    for (const choice of [shop.exact, shop.latest]) {
      const live = await getLive(world, choice.workload);
      expect(imageOf(live, choice.container)).toBe(`${choice.image}:${choice.fromTag}`);
    }
  });

  test("the history has all four jobs, newest first, and the command line shows each", async () => {
    const history = await world.api.jobs();
    expect(history.map((job) => job.kind)).toEqual(["rollback", "rollback", "release", "release"]);
    const ofOne = await world.api.jobs(`?workload=${encodeURIComponent(shop.exact.workload)}`);
    expect(ofOne.map((job) => job.kind)).toEqual(["rollback", "release"]);
    expect(ofOne[1]?.rollback.by).toBe(ofOne[0]?.id);
    const shown = await world.slipway(["job", jobs.exact.id]);
    expect(shown).toContain("is healthy.");
    const listed = JSON.parse(await world.slipway(["jobs", "-o", "json"])) as { jobs: { id: string }[] };
    expect(listed.jobs.map((job) => job.id)).toEqual(history.map((job) => job.id));
  });

  test("no credential of anything is in a log, a metric, a job, a step or what the cluster tells", async () => {
    const ids = (await world.api.jobs()).map((job) => job.id);
    const answers = await Promise.all([
      world.told(),
      ...ids.map(async (id) => JSON.stringify([await world.api.job(id), await world.api.steps(id)])),
      ...["/v1/environments", "/v1/workloads", "/v1/images"].map(async (path) =>
        JSON.stringify(await world.api.ask("GET", path)),
      ),
    ]);
    const told = answers.join("\n");
    expect(told).toContain('"text":"started"');
    expect(told).toContain("# HELP");
    for (const secret of world.secrets) {
      expect(secret.length).toBeGreaterThan(8);
      expect(told.includes(secret)).toBe(false);
      expect(told.includes(Buffer.from(secret).toString("base64"))).toBe(false);
    }
  });
});

function expectOnlyTagMoved(old: string, now: string, choice: Choice): void {
  const [before, after] = [old.split("\n"), now.split("\n")];
  expect(after).toHaveLength(before.length);
  const changed = before.flatMap((line, index) => (line === after[index] ? [] : [index]));
  expect(changed).toHaveLength(choice.lines);
  for (const index of changed) {
    expect(after[index]).toBe(before[index]?.replace(choice.fromTag, choice.toTag));
  }
  const images = changed.filter((index) => before[index]?.includes(`${choice.image}:${choice.fromTag}`));
  expect(images).toHaveLength(1);
}

function seedSteps({ workload, container, image, fromTag, toTag }: Choice, job: Job): string[] {
  return [
    "Submitted job.",
    "Calculating release actions.",
    job.headline,
    "Clone the config repo.",
    "Clone OK.",
    `Update 1 images(s) in the resource definition file for ${workload}: ${container} (${image}:${fromTag} -> ${image}:${toTag}).`,
    "Update pod controller OK.",
    "Commit and push the config repo.",
    `Pushed commit: ${job.headline}`,
    `Regrade 1 service(s): ${workload}.`,
    `Rollout of ${workload}.`,
    `${workload} is healthy.`,
  ];
}

interface Live {
  readonly metadata: {
    readonly generation: number;
    readonly annotations: Readonly<Record<string, string>>;
    readonly managedFields: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { name: string; image: string }[] } };
  };
  readonly status: Readonly<Record<string, number>>;
}

async function getLive(world: RealWorld, workload: string): Promise<Live> {
  const name = workload.split("/")[1] ?? "";
  const args = ["get", "deployment", name, "-n", namespace, "-o", "json", "--show-managed-fields"];
  return JSON.parse(await world.box.kubectl(args)) as Live;
}

function imageOf(live: Live, container: string): string | undefined {
  return live.spec.template.spec.containers.find((one) => one.name === container)?.image;
}

async function expectLive(world: RealWorld, choice: Choice, job: Job): Promise<void> {
  const { metadata, spec, status, ...rest } = await getLive(world, choice.workload);
  expect(imageOf({ metadata, spec, status, ...rest }, choice.container)).toBe(
    `${choice.image}:${choice.toTag}`,
  );
  expect(status["observedGeneration"]).toBe(metadata.generation);
  expect(status["updatedReplicas"]).toBe(spec.replicas);
  expect(status["availableReplicas"]).toBe(spec.replicas);
  expect(metadata.annotations).toMatchObject({
    "applied.slipway.dev/environment": "default",
    "applied.slipway.dev/commit": job.commit,
    "applied.slipway.dev/job": job.id,
  });
  const owners = metadata.managedFields.map(({ manager, operation }) => `${manager} ${operation}`);
  expect(owners).toContain("slipway Apply");
  expect(owners).not.toContain("kubectl-client-side-apply Update");
  const list = await world.box.kubectl(["get", "pods", "-n", namespace, "-o", "json"]);
  expect(list).toContain(`${choice.image}:${choice.toTag}`);
}
