import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { wakeLane } from "#common/store/lanes.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import { listSteps } from "#common/store/steps.ts";
import { manifest, startLaneWorld } from "#support/lane-world.ts";
import type { LaneWorker, LaneWorld } from "#support/lane-world.ts";
import { hasPostgres } from "#support/postgres.ts";

/** A release of an exact image; without names of everything. */
const release = (image: string, ...workloads: string[]) => ({
  kind: "release" as const,
  workloads,
  all: workloads.length === 0,
  exclude: [],
  images: { exact: [image] },
  override: [],
});

describe.skipIf(!hasPostgres())("the index of a lane", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
  });
  afterAll(() => world?.stop());

  /** Somebody commits, and the worker looks at the branch. */
  const commit = async (worker: LaneWorker, files: Record<string, string | null>): Promise<void> => {
    await world.git.commitDirectly(world.repository, files, { branch: "main", message: "by hand" });
    await wakeLane(world.store.db, world.laneId);
    await worker.look();
  };
  const listed = async (name: string) =>
    (await declaredWorkloads(world.store.db, "default", { workloads: [`shop:deployment/${name}`] })).map(
      (row) => ({
        path: row.path,
        image: row.containers[0]?.image,
        fault: row.fault,
      }),
    );

  test("a release on an indexed tip parses the files that name the image, and no other", async () => {
    const first = await world.worker();
    const shared = (name: string) => manifest(name, "1").replace(`example/${name}:1`, "example/shared:1");
    await commit(first, { "deploy/one.yaml": shared("one"), "deploy/two.yaml": shared("two") });
    expect(await parsed(first)).toBe(7);

    // Another worker, whose memory is empty: what somebody parsed is parsed.
    const second = await world.worker();
    const id = await world.submit(release("example/shared:2"), "Release example/shared:2 to all services");
    await second.look();
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out" });
    expect(await parsed(second)).toBe(2);
    expect(await second.metrics()).toContain(
      'slipway_git_pushes_total{answer="landed",service="release-worker"} 1',
    );
    await second.look();
    expect(await parsed(second)).toBe(2);
  });

  test("a file that stops parsing keeps what it declared, and a release of that is told why not", async () => {
    const worker = await world.worker();
    const text = manifest("alpha", "1.0.0");
    await commit(worker, { "deploy/alpha.yaml": text.replace("metadata: {", "metadata: [{") });
    const fault = { line: 4, message: expect.any(String) };
    expect(await listed("alpha")).toEqual([
      { path: "deploy/alpha.yaml", image: "example/alpha:1.0.0", fault },
    ]);

    const alone = await world.submit(release("example/alpha:2.0.0", "shop/alpha"), "Release it");
    const both = await world.submit(
      release("example/beta:2.0.0", "shop:deployment/alpha", "shop/beta"),
      "Release both",
    );
    await worker.look();
    const reason = {
      workload: "shop:deployment/alpha",
      result: "skip",
      reason: "manifest-broken",
      detail: expect.stringMatching(/^deploy\/alpha\.yaml line 4: \S/),
      file: "deploy/alpha.yaml",
    };
    expect(await world.job(alone)).toMatchObject({
      phase: "failed",
      commit_sha: null,
      results: [reason],
      error: {
        code: "RELEASE_REFUSED",
        detail: expect.stringContaining("shop/alpha alpha: manifest-broken"),
      },
    });
    const said = await listSteps(world.store.db, alone, { after: 0n, limit: 100 });
    expect(said.steps.at(-1)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("line 4") });
    expect(said.steps.every((step) => step.ended_at !== null)).toBe(true);
    expect(await world.job(both)).toMatchObject({ phase: "rolling-out", results: [{ result: "changed" }] });
    expect(await world.read("beta")).toContain("example/beta:2.0.0");
    // A push of ours moves the index too.
    expect(await listed("alpha")).toMatchObject([{ fault }]);

    await commit(worker, { "deploy/moved.yaml": text });
    expect(await listed("alpha")).toEqual([
      { path: "deploy/moved.yaml", image: "example/alpha:1.0.0", fault: null },
    ]);
    await commit(worker, { "deploy/alpha.yaml": text, "deploy/moved.yaml": null });
    expect(await listed("alpha")).toEqual([
      { path: "deploy/alpha.yaml", image: "example/alpha:1.0.0", fault: null },
    ]);
  });

  test("a file that broke since the index was moved is found broken by the plan itself", async () => {
    const worker = await world.worker();
    await worker.look();
    const broken = manifest("gamma", "1.0.0").replace("spec:", "spec: ]");
    const files = { "deploy/gamma.yaml": broken };
    await world.git.commitDirectly(world.repository, files, { branch: "main", message: "by hand" });
    expect(await listed("gamma")).toMatchObject([{ fault: null }]);
    const id = await world.submit(release("example/gamma:2.0.0", "shop/gamma"), "Release it");
    await worker.look();
    const results = [
      { reason: "manifest-broken", detail: expect.stringContaining("deploy/gamma.yaml line") },
    ];
    expect(await world.job(id)).toMatchObject({ phase: "failed", results });
  });
});

async function parsed(worker: LaneWorker): Promise<number> {
  const [, count] = /^slipway_manifest_parse_total\{[^}]*\} (\d+)$/m.exec(await worker.metrics()) ?? [];
  return Number(count);
}
