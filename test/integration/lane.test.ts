import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openIntent } from "#common/store/intents.ts";
import { patchJob, requestCancel } from "#common/store/jobs.ts";
import { getLane } from "#common/store/lanes.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import { listSteps } from "#common/store/steps.ts";
import { hasPostgres } from "../support/postgres.ts";
import { manifest, startLaneWorld, untilSettled, type LaneWorld } from "../support/lane-world.ts";

describe.skipIf(!hasPostgres())("a lane", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld();
  });
  afterAll(() => world.stop());

  const commitsOf = async (id: string): Promise<number> =>
    (await world.git.log(world.repository, "main")).filter((entry) =>
      entry.body.includes(`Release-Job: ${id}`),
    ).length;

  test("a release becomes one commit that changes the image alone, and moves the lane ref", async () => {
    const worker = await world.worker();
    const before = await world.read("alpha");
    const id = await world.release("alpha", "1.0.1");
    await worker.look();
    const job = await world.job(id);
    expect(job.phase).toBe("rolling-out");
    expect(await world.read("alpha")).toBe(before.replace("example/alpha:1.0.0", "example/alpha:1.0.1"));
    expect(await commitsOf(id)).toBe(1);
    const refs = await world.git.refs(world.repository);
    expect(refs.get(world.laneRef)).toBe((await getLane(world.store.db, world.laneId))?.lane_value);
    expect(job.commit_sha).toBe(refs.get("refs/heads/main"));
    const steps = await listSteps(world.store.db, id, { after: 0n, limit: 100 });
    expect(steps.steps.map((step) => step.number)).toEqual(steps.steps.map((_, index) => index + 1));
  });

  test("jobs that wait together become a chain of commits in one push", async () => {
    const worker = await world.worker();
    const before = pushes();
    const ids = [await world.release("beta", "1.1.0"), await world.release("gamma", "1.1.0")];
    await worker.look();
    for (const id of ids) expect(await commitsOf(id)).toBe(1);
    expect(pushes() - before).toBe(1);
  });

  test("two jobs of one workload in a batch land in the order in which they were accepted", async () => {
    const worker = await world.worker();
    const ids = [await world.release("beta", "1.2.0"), await world.release("beta", "1.3.0")];
    await worker.look();
    expect((await world.subjects()).slice(-2)).toEqual([
      "Release example/beta:1.2.0 to shop/beta",
      "Release example/beta:1.3.0 to shop/beta",
    ]);
    expect(await world.read("beta")).toContain("example/beta:1.3.0");
    for (const id of ids) expect((await world.job(id)).phase).toBe("rolling-out");
  });

  test("two environments of one repository share a push, and each declares what lies under its own paths", async () => {
    const worker = await world.worker();
    const before = pushes();
    const ids = [await world.release("gamma", "1.5.0"), await world.release("omega", "1.5.0", "other")];
    await worker.look();
    for (const id of ids) expect(await commitsOf(id)).toBe(1);
    expect(pushes() - before).toBe(1);
    const declared = async (environment: string) =>
      (await declaredWorkloads(world.store.db, environment)).map((row) => row.containers[0]?.image);
    expect(await declared("other")).toEqual(["example/omega:1.5.0"]);
    expect(await declared("default")).toContain("example/gamma:1.5.0");
    expect(await declared("default")).toHaveLength(4);
  });

  test("a release never edits outside its environment's paths", async () => {
    const worker = await world.worker();
    const id = await world.release("omega", "9.9.9");
    await worker.look();
    expect(await world.job(id)).toMatchObject({ phase: "failed", error: { code: "WORKLOAD_NOT_FOUND" } });
    expect(await commitsOf(id)).toBe(0);
  });

  test("a push whose answer is lost is found by its own commit, not made twice", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "2.0.0");
    world.git.failNext({ when: "after", kind: "close", service: "git-receive-pack" });
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.job(id)).phase).toBe("rolling-out");
    expect(await openIntent(world.store.db, world.laneId)).toBeUndefined();
  });

  test("a worker that dies after its push leaves an intent that another one adopts", async () => {
    const [first, second] = [await world.worker(), await world.worker()];
    const id = await world.release("alpha", "2.1.0");
    first.at("after-push", () => {
      throw new Error("killed here");
    });
    await first.look();
    expect((await world.job(id)).phase).toBe("writing");
    await untilSettled(world, second, [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.job(id)).phase).toBe("rolling-out");
  });

  test("a worker that dies before its push leaves an intent that another one pushes", async () => {
    const [first, second] = [await world.worker(), await world.worker()];
    const id = await world.release("alpha", "2.2.0");
    first.at("before-push", () => {
      throw new Error("killed here");
    });
    await first.look();
    expect(await commitsOf(id)).toBe(0);
    await untilSettled(world, second, [id]);
    expect(await commitsOf(id)).toBe(1);
  });

  test("a copy of a push that lands after the intent was resolved moves nothing", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "2.0.0");
    const held = Promise.withResolvers<void>();
    // The host holds the first push beyond its deadline, and carries it out only at the end of the test.
    world.git.beforeNext("git-receive-pack", () => held.promise);
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
    const tip = (await world.git.refs(world.repository)).get("refs/heads/main");
    held.resolve();
    await world.git.idle();
    expect((await world.git.refs(world.repository)).get("refs/heads/main")).toBe(tip);
    expect(await commitsOf(id)).toBe(1);
  });

  test("a copy that lands late after somebody moved the branch is sealed out, and the job is planned again", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "2.1.0");
    const held = Promise.withResolvers<void>();
    world.git.beforeNext("git-receive-pack", () => held.promise);
    const looking = worker.look();
    await world.git.commitDirectly(
      world.repository,
      { "NOTES.md": "hello\n" },
      { branch: "main", message: "a note" },
    );
    await looking;
    await untilSettled(world, worker, [id]);
    held.resolve();
    await world.git.idle();
    expect(await commitsOf(id)).toBe(1);
    const log = await world.git.log(world.repository, "main");
    expect(log.every((entry) => entry.parents.length <= 1)).toBe(true);
    expect(await world.read("gamma")).toContain("example/gamma:2.1.0");
  });

  test("a branch that moved before the push is planned anew on the new tip", async () => {
    const worker = await world.worker();
    const id = await world.release("delta", "2.0.0");
    worker.at("after-intent", () => undefined);
    await world.git.commitDirectly(
      world.repository,
      { "deploy/delta.yaml": manifest("delta", "1.5.0") },
      { branch: "main", message: "by hand" },
    );
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.job(id)).changes[0]?.from).toBe("example/delta:1.5.0");
    expect(await world.read("delta")).toContain("example/delta:2.0.0");
  });

  test("a commit that landed and was removed by people ends superseded and is not planned again", async () => {
    const worker = await world.worker();
    const base = (await world.git.refs(world.repository)).get("refs/heads/main");
    const id = await world.release("delta", "3.0.0");
    worker.at("after-push", () => {
      throw new Error("killed here");
    });
    await worker.look();
    await world.git.moveRef(world.repository, "refs/heads/main", base);
    await untilSettled(world, await world.worker(), [id]);
    expect(await world.job(id)).toMatchObject({ phase: "superseded", outcome: "branch-rewritten" });
    expect(await commitsOf(id)).toBe(0);
  });

  test("a lane ref that somebody deleted is made anew, and releases go on", async () => {
    await world.git.moveRef(world.repository, world.laneRef, undefined);
    const id = await world.release("delta", "3.1.0");
    await untilSettled(world, await world.worker(), [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.git.refs(world.repository)).get(world.laneRef)).toBeDefined();
  });

  test("what somebody already pushed leaves nothing to do", async () => {
    const worker = await world.worker();
    const changed = (await world.read("delta")).replace("example/delta:3.1.0", "example/delta:3.2.0");
    await world.git.commitDirectly(
      world.repository,
      { "deploy/delta.yaml": changed },
      { branch: "main", message: "by hand" },
    );
    const id = await world.release("delta", "3.2.0");
    await worker.look();
    expect(await world.job(id)).toMatchObject({ phase: "succeeded", outcome: "nothing-to-do" });
    expect(await commitsOf(id)).toBe(0);
    const { steps } = await listSteps(world.store.db, id, { after: 0n, limit: 100 });
    const tip = (await world.git.refs(world.repository)).get("refs/heads/main")?.slice(0, 7) ?? "";
    expect(steps.at(-1)?.detail).toContain(`deploy/delta.yaml was last changed by ${tip} (`);
    expect(steps.at(-1)?.detail).toContain(": by hand)");
  });

  test("a cancel before the intent leaves no commit, and the rest of the batch goes on", async () => {
    const worker = await world.worker();
    const [cancelled, kept] = [await world.release("alpha", "4.0.0"), await world.release("beta", "4.0.0")];
    worker.at("after-take", () => {
      void requestCancel(world.store.db, { id: cancelled, by: "tester" });
    });
    await untilSettled(world, worker, [cancelled, kept]);
    expect(await world.job(cancelled)).toMatchObject({ phase: "cancelled" });
    expect(await commitsOf(cancelled)).toBe(0);
    expect(await commitsOf(kept)).toBe(1);
  });

  test("a hook that refuses one job of a batch stops that one alone, with its words", async () => {
    const refuseDelta =
      'while read old new ref; do if git diff --name-only "$old" "$new" 2>/dev/null | grep -q delta; then echo "delta is frozen, ask ops"; exit 1; fi; done';
    await world.git.setHook(world.repository, "pre-receive", refuseDelta);
    const worker = await world.worker();
    const good = [await world.release("alpha", "5.0.0"), await world.release("beta", "5.0.0")];
    const bad = await world.release("delta", "5.0.0");
    await untilSettled(world, worker, [...good, bad]);
    await world.git.setHook(world.repository, "pre-receive", undefined);
    for (const id of good) expect(await commitsOf(id)).toBe(1);
    const job = await world.job(bad);
    expect(job).toMatchObject({ phase: "failed", error: { code: "GIT_PUSH_REFUSED" } });
    expect(job.error?.detail).toContain("delta is frozen, ask ops");
  });

  test("a host that is away keeps the job waiting with the reason; it goes on when the host is back", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "6.0.0");
    world.git.failNext({ when: "before", kind: "503", service: "git-receive-pack" });
    await worker.look();
    const waiting = await world.job(id);
    expect(waiting.phase).toBe("queued");
    expect(waiting.waiting_for).toContain("git host");
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
  });

  test("a commit of the job that people rebased is adopted by its trailer, not written twice", async () => {
    const worker = await world.worker();
    const id = await world.release("beta", "7.0.0");
    worker.at("after-push", () => {
      throw new Error("killed here");
    });
    await worker.look();
    // Landed; then somebody rebases it onto a commit of their own, trailer and all, and the lane ref is gone.
    const [landed] = await world.git.log(world.repository, "main");
    const content = await world.read("beta");
    await world.git.moveRef(world.repository, "refs/heads/main", landed?.parents[0]);
    await world.git.commitDirectly(
      world.repository,
      { "NOTES.md": "first\n" },
      { branch: "main", message: "first" },
    );
    const message = `${landed?.subject ?? ""}\n\n${landed?.body ?? ""}`;
    await world.git.commitDirectly(
      world.repository,
      { "deploy/beta.yaml": content },
      { branch: "main", message },
    );
    await world.git.moveRef(world.repository, world.laneRef, undefined);
    await untilSettled(world, await world.worker(), [id]);
    expect(await commitsOf(id)).toBe(1);
    const [rebased] = await world.git.log(world.repository, "main");
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out", commit_sha: rebased?.sha });
  });

  test("an intent that cannot be resolved while the host is away says so on its job", async () => {
    const worker = await world.worker();
    // From here on its cache knows the tip: the next request to the host is the push.
    await untilSettled(world, worker, [await world.release("beta", "7.0.1")]);
    const id = await world.release("beta", "7.1.0");
    world.git.failNext({ when: "after", kind: "close", service: "git-receive-pack" });
    world.git.failNext({ when: "before", kind: "503", service: "git-upload-pack" });
    await worker.look();
    const waiting = await world.job(id);
    expect(waiting).toMatchObject({ phase: "writing", intent: true });
    expect(waiting.waiting_for).toContain("git host");
    await untilSettled(world, worker, [id]);
    expect(await commitsOf(id)).toBe(1);
    expect((await world.job(id)).waiting_for).toBeNull();
  });

  test("jobs whose workers died twice are taken one by one", async () => {
    const worker = await world.worker();
    // The lane's first act may be a push of its own.
    await untilSettled(world, worker, [await world.release("delta", "8.0.0")]);
    const ids = [await world.release("alpha", "8.0.0"), await world.release("beta", "8.0.0")];
    for (const id of ids) await patchJob(world.store.db, id, { crashes: 2 });
    const calm = await world.release("gamma", "8.0.0");
    const before = pushes();
    await untilSettled(world, worker, [...ids, calm]);
    expect(pushes() - before).toBe(3);
    for (const id of [...ids, calm]) expect(await commitsOf(id)).toBe(1);
  });

  function pushes(): number {
    return world.git
      .requests()
      .filter((request) => request.method === "POST" && request.service === "git-receive-pack").length;
  }
});
