import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { declaredWorkloads } from "#common/store/manifests.ts";
import type { JobSpec } from "#common/store/schema.ts";
import { listSteps } from "#common/store/steps.ts";
import { startLaneWorld, untilSettled, type LaneWorld } from "#support/lane-world.ts";
import { hasPostgres } from "#support/postgres.ts";

type Orders = Extract<JobSpec, { kind: "policy" }>["orders"];

describe.runIf(hasPostgres())("a change of policies", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
  });
  afterAll(() => world?.stop());

  const specOf = (orders: Orders, more: Partial<Extract<JobSpec, { kind: "policy" }>> = {}): JobSpec => ({
    kind: "policy",
    orders,
    prefix: null,
    unfiltered: false,
    override: [],
    ...more,
  });
  /** Submits, lets a worker look until it is over, and tells how it ended. */
  async function change(orders: Orders, more: Partial<Extract<JobSpec, { kind: "policy" }>> = {}) {
    const worker = await world.worker();
    const id = await world.submit(specOf(orders, more), "Lock shop/alpha");
    await untilSettled(world, worker, [id]);
    return world.job(id);
  }
  async function undo(of: string) {
    const worker = await world.worker();
    const id = await world.submit({ kind: "rollback", of, override: [] }, "Rollback: policies of shop/alpha");
    await untilSettled(world, worker, [id]);
    return world.job(id);
  }
  const bodyOf = async (id: string): Promise<string> =>
    (await world.git.log(world.repository, "main")).find((entry) => entry.body.includes(`Release-Job: ${id}`))
      ?.body ?? "";

  test("of several workloads and keys is one commit of annotations alone, and is over with it", async () => {
    const before = { alpha: await world.read("alpha"), beta: await world.read("beta") };
    const commits = (await world.subjects()).length;
    const job = await change([
      { workload: "shop/alpha", set: { locked: "true", locked_user: "ada", locked_msg: "audit" } },
      { workload: "shop:deployment/beta", set: { automated: "true", tag_all: "semver:^1", min_age: "30m" } },
    ]);
    expect(job).toMatchObject({ phase: "succeeded", outcome: "committed", targets: [] });
    expect(await world.subjects()).toHaveLength(commits + 1);
    expect(job.results).toContainEqual({
      workload: "shop:deployment/alpha",
      container: "",
      policy: "slipway.dev/locked_msg",
      from: "",
      to: "audit",
      result: "changed",
      reason: null,
      detail: null,
      file: "deploy/alpha.yaml",
    });
    expect(await bodyOf(job.id)).toContain("- shop:deployment/beta slipway.dev/min_age: none -> 30m");
    const rows = await declaredWorkloads(world.store.db, "default");
    const policies = new Map(rows.map((row) => [row.workload, row.policies]));
    expect(policies.get("shop:deployment/alpha")).toMatchObject({
      locked: true,
      lockedBy: "ada",
      lockedMessage: "audit",
    });
    expect(policies.get("shop:deployment/beta")).toMatchObject({
      automated: true,
      minAgeMs: 1_800_000,
      tags: { beta: "semver:^1" },
    });
    const undone = await undo(job.id);
    expect(undone).toMatchObject({ phase: "succeeded", outcome: "committed" });
    expect({ alpha: await world.read("alpha"), beta: await world.read("beta") }).toEqual(before);
  });

  test("is what the next release of the same batch is planned on", async () => {
    const worker = await world.worker();
    const lock = await world.submit(
      specOf([{ workload: "shop/gamma", set: { locked: "true" } }]),
      "Lock shop/gamma",
    );
    const release = await world.release("gamma", "1.2.0");
    await untilSettled(world, worker, [lock, release]);
    expect(await world.job(lock)).toMatchObject({ outcome: "committed" });
    expect(await world.job(release)).toMatchObject({ phase: "failed", error: { code: "RELEASE_REFUSED" } });
    expect((await world.job(release)).error?.detail).toContain("locked");
  });

  test("that stands already changes nothing and says so", async () => {
    const set = { hold: "slow" };
    await change([{ workload: "shop/delta", set }]);
    const commits = (await world.subjects()).length;
    const again = await change([{ workload: "shop/delta", set }]);
    expect(again).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do", commit_sha: null });
    expect(await world.subjects()).toHaveLength(commits);
    const { steps } = await listSteps(world.store.db, again.id, { after: 0n, limit: 100 });
    expect(steps.at(-1)?.text).toBe("All selected services have these policies. Nothing to do.");
  });

  test.each<[string, Orders, string, string]>([
    [
      "automates without a filter",
      [{ workload: "shop/delta", set: { automated: "true" } }],
      "POLICY_INVALID",
      "tag_all",
    ],
    [
      "names a container that is not there",
      [{ workload: "shop/delta", set: { "tag.web": "newest" } }],
      "POLICY_INVALID",
      "there is delta",
    ],
    [
      "names a workload that git does not declare",
      [{ workload: "shop/omega", set: { locked: "true" } }],
      "POLICY_REFUSED",
      "not-declared",
    ],
  ])("that %s ends without a commit", async (...[, orders, code, detail]) => {
    const commits = (await world.subjects()).length;
    const job = await change(orders);
    expect(job).toMatchObject({ phase: "failed", error: { code } });
    expect(job.error?.detail).toContain(detail);
    expect(await world.subjects()).toHaveLength(commits);
  });

  test("reaches the others where one workload is not there", async () => {
    const job = await change([
      { workload: "shop/delta", set: { group: "shop" } },
      { workload: "shop/omega", set: { group: "shop" } },
    ]);
    expect(job).toMatchObject({ phase: "succeeded", outcome: "committed" });
    expect(job.results.map(({ workload, result, reason }) => `${workload} ${result} ${reason}`)).toEqual([
      "shop:deployment/delta changed null",
      "shop/omega skip not-declared",
    ]);
  });

  test("may automate without a filter where fluxctl asks for it, and writes the prefix that is in use", async () => {
    await change([{ workload: "shop/delta", set: { ignore: "false" } }], { prefix: "fluxcd.io" });
    const text = await world.read("delta");
    await world.git.commitDirectly(
      world.repository,
      { "deploy/delta.yaml": text.replace(/slipway\.dev\/\w+: \S+,? ?/g, "") },
      { branch: "main", message: "only Flux' words" },
    );
    const job = await change([{ workload: "shop/delta", set: { automated: "true" } }], { unfiltered: true });
    expect(job.results).toMatchObject([{ policy: "fluxcd.io/automated", to: "true" }]);
  });

  test("is brought back only where it still is what the job wrote", async () => {
    const job = await change([{ workload: "shop/alpha", set: { locked: "true", locked_msg: "first" } }]);
    await change([{ workload: "shop/alpha", set: { locked_msg: "second" } }]);
    const undone = await undo(job.id);
    expect(undone.results).toMatchObject([
      { policy: "slipway.dev/locked", result: "changed", from: "true", to: null },
      { policy: "slipway.dev/locked_msg", result: "skip", reason: "changed-since" },
    ]);
    expect(await world.read("alpha")).toContain("second");
    expect(await world.read("alpha")).not.toContain("slipway.dev/locked:");
  });
});
