import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { moveJob, patchJob } from "#common/store/jobs.ts";

import { manifest, startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { markCancelled } from "../support/store-tricks.ts";

/** CORRECTNESS 1, 5 and 8, where the lane's own tests do not already fail without them. */
describe.skipIf(!hasPostgres())("the rules of a lane", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    // Another author: what the environment "other" releases cannot share a push with "default".
    world = await startLaneWorld({}, { author: { name: "Other team", email: "other@example.com" } });
    const worker = await world.worker();
    // The lane's first act may be a push of its own.
    await untilSettled(world, worker, [await world.release("delta", "1.0.1")]);
  });
  afterAll(() => world.stop());

  const pushes = (): number =>
    world.git
      .requests()
      .filter((request) => request.method === "POST" && request.service === "git-receive-pack").length;
  const pushesOf = async (act: () => Promise<void>): Promise<number> => {
    const before = pushes();
    await act();
    return pushes() - before;
  };
  const isCommitted = async (id: string): Promise<boolean> => (await world.job(id)).commit_sha !== null;

  test("a worker whose renewals failed begins nothing", async () => {
    const [silent, well] = [await world.worker(), await world.worker()];
    const id = await world.release("alpha", "1.0.1");
    silent.missBeats();
    await silent.look();
    expect(await world.job(id)).toMatchObject({ phase: "queued", started_at: null });
    await untilSettled(world, well, [id]);
    expect(await isCommitted(id)).toBe(true);
  });

  test("a push carries sixty-four jobs at most", async () => {
    const worker = await world.worker();
    const ids: string[] = [];
    for (let job = 0; job < 66; job += 1) ids.push(await world.release("beta", `2.0.${job}`));
    expect(await pushesOf(() => untilSettled(world, worker, ids))).toBe(2);
    for (const id of ids) expect(await isCommitted(id)).toBe(true);
  });

  test("a branch that moved meanwhile does not split a batch: that is nobody's fault in it", async () => {
    const worker = await world.worker();
    await untilSettled(world, worker, [await world.release("delta", "2.9.0")]);
    const ids = [await world.release("alpha", "2.9.0"), await world.release("beta", "2.9.0")];
    world.git.beforeNext("git-receive-pack", async () => {
      const files = { "NOTES.md": "moved\n" };
      await world.git.commitDirectly(world.repository, files, { branch: "main", message: "by hand" });
    });
    expect(await pushesOf(() => untilSettled(world, worker, ids))).toBe(2);
    for (const id of ids) expect(await isCommitted(id)).toBe(true);
  });

  test("jobs of two authors never share a push", async () => {
    const worker = await world.worker();
    const ids = [await world.release("alpha", "3.0.0"), await world.release("omega", "3.0.0", "other")];
    expect(await pushesOf(() => untilSettled(world, worker, ids))).toBe(2);
    const authors = (await world.git.log(world.repository, "main")).slice(0, 2).map((entry) => entry.author);
    expect(new Set(authors).size).toBe(2);
  });

  test("a job whose workers died stands back, and the calm ones go together", async () => {
    const worker = await world.worker();
    const calm = [await world.release("alpha", "4.0.0")];
    const dying = await world.release("beta", "4.0.0");
    calm.push(await world.release("gamma", "4.0.0"));
    await patchJob(world.store.db, dying, { crashes: 2 });
    expect(await pushesOf(() => untilSettled(world, worker, [...calm, dying]))).toBe(2);
    const shas = await Promise.all([...calm, dying].map(async (id) => (await world.job(id)).commit_sha));
    const order = (await world.git.log(world.repository, "main")).map((entry) => entry.sha).toReversed();
    const places = shas.map((sha) => order.indexOf(sha ?? ""));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  test("a job ends with its tenth worker, and says so", async () => {
    const [id, ninth] = [await world.release("alpha", "5.0.0"), await world.release("beta", "5.0.0")];
    for (const [job, crashes] of [
      [id, 9],
      [ninth, 8],
    ] as const) {
      await moveJob(world.store.db, { id: job, event: "taken-by-lane" });
      await patchJob(world.store.db, job, { crashes });
    }
    await untilSettled(world, await world.worker(), [id, ninth]);
    expect(await world.job(id)).toMatchObject({
      phase: "failed",
      outcome: "worker-crashed",
      crashes: 10,
      commit_sha: null,
      error: { code: "WORKER_CRASHED" },
    });
    expect(await isCommitted(ninth)).toBe(true);
  });

  test("a cancel while it is planned ends a job that would be tried again, at once", async () => {
    const id = await world.release("alpha", "6.0.0");
    world.withhold("alpha", "6.0.0", "REGISTRY_UNAVAILABLE");
    await markCancelled(world.store.db, id);
    await (await world.worker()).look();
    expect(await world.job(id)).toMatchObject({ phase: "cancelled", attempt: 0, commit_sha: null });
  });

  test("what one push cannot carry goes out in two, and what no push can is refused before it", async () => {
    const big = (name: string): string => `${manifest(name, "1.0.0")}# ${"x".repeat(900_000)}\n`;
    const names = Array.from({ length: 11 }, (_, index) => `big-${index}`);
    const files = Object.fromEntries(names.map((name) => [`deploy/${name}.yaml`, big(name)]));
    await world.git.commitDirectly(world.repository, files, { branch: "main", message: "big ones" });
    const releaseOf = (some: readonly string[], tag: string): Promise<string> => {
      const workloads = some.map((name) => `shop/${name}`);
      const images = { exact: some.map((name) => `example/${name}:${tag}`) };
      const spec = { kind: "release", workloads, all: false, exclude: [], images, override: [] } as const;
      return world.submit(spec, `Release ${some.length} big ones`);
    };
    const worker = await world.worker();
    const halves = [
      await releaseOf(names.slice(0, 5), "1.0.1"),
      await releaseOf(names.slice(5, 10), "1.0.1"),
    ];
    expect(await pushesOf(() => untilSettled(world, worker, halves))).toBe(2);
    for (const id of halves) expect(await isCommitted(id)).toBe(true);
    const all = await releaseOf(names, "1.0.2");
    expect(await pushesOf(() => untilSettled(world, worker, [all]))).toBe(0);
    expect(await world.job(all)).toMatchObject({
      phase: "failed",
      commit_sha: null,
      error: { code: "RELEASE_TOO_LARGE" },
    });
  });
});
