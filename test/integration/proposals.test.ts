import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestCancel } from "#common/store/jobs.ts";
import { wakeLane } from "#common/store/lanes.ts";
import { listSteps } from "#common/store/steps.ts";
import { hasPostgres } from "../support/postgres.ts";
import { startLaneWorld, untilSettled, type LaneWorker, type LaneWorld } from "../support/lane-world.ts";

describe.skipIf(!hasPostgres())("on a branch that only a merge may move", () => {
  let world: LaneWorld;
  beforeAll(async () => {
    world = await startLaneWorld({ push: "proposal", compareUrl: "https://review.example.com/{proposal}" });
    const guarded = 'case "$1" in refs/heads/main) echo "main is protected"; exit 1;; esac';
    await world.git.setHook(world.repository, "update", guarded);
  });
  afterAll(() => world.stop());

  const proposalOf = async (id: string): Promise<string | undefined> =>
    (await world.git.refs(world.repository)).get(`refs/heads/slipway/${id}`);
  const poll = async (worker: LaneWorker): Promise<void> => {
    await wakeLane(world.store.db, world.laneId);
    await worker.look();
  };
  /** Somebody merges what a proposal holds, as one new commit without our trailers. */
  const squash = async (id: string, service: string): Promise<string> => {
    const path = `deploy/${service}.yaml`;
    const content = await world.git.readFile(world.repository, `slipway/${id}`, path);
    return world.git.commitDirectly(
      world.repository,
      { [path]: content },
      { branch: "main", message: "merged" },
    );
  };

  test("a release goes to a branch of its own and waits, with the page to merge it", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "1.1.0");
    await worker.look();
    const job = await world.job(id);
    expect(job).toMatchObject({ phase: "waiting", gate: "merge", commit_sha: await proposalOf(id) });
    expect(job.waiting_for).toContain(`https://review.example.com/slipway%2F${id}`);
    expect(await world.read("alpha")).toContain("example/alpha:1.0.0");
    expect(await world.git.log(world.repository, `slipway/${id}`)).toHaveLength(2);
  });

  test("it goes on when the branch holds its images, however they were merged", async () => {
    const worker = await world.worker();
    const id = await world.release("beta", "1.1.0");
    await worker.look();
    await poll(worker);
    expect((await world.job(id)).phase).toBe("waiting");
    const merged = await squash(id, "beta");
    await world.git.moveRef(world.repository, `refs/heads/slipway/${id}`, undefined);
    await poll(worker);
    expect(await world.job(id)).toMatchObject({ phase: "rolling-out", gate: null, commit_sha: merged });
    const { steps } = await listSteps(world.store.db, id, { after: 0n, limit: 100 });
    expect(steps.map((step) => step.text)).toContain(`Waiting for the merge of slipway/${id} into main.`);
    expect(steps.map((step) => step.number)).toEqual(steps.map((_, index) => index + 1));
  });

  test("a job that waits does not block the lane", async () => {
    const worker = await world.worker();
    const [first, second] = [await world.release("gamma", "1.1.0"), await world.release("delta", "1.1.0")];
    await untilSettled(world, worker, [first, second]);
    expect(await proposalOf(first)).toBeDefined();
    expect(await proposalOf(second)).toBeDefined();
    await squash(second, "delta");
    await poll(worker);
    expect((await world.job(second)).phase).toBe("rolling-out");
    expect((await world.job(first)).phase).toBe("waiting");
  });

  test("a proposal that is deleted ends the job as not merged", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "2.0.0");
    await worker.look();
    await world.git.moveRef(world.repository, `refs/heads/slipway/${id}`, undefined);
    await poll(worker);
    expect(await world.job(id)).toMatchObject({ phase: "failed", outcome: "not-merged" });
    expect((await world.job(id)).error?.code).toBe("PROPOSAL_NOT_MERGED");
  });

  test("people may add to a proposal, but not replace it", async () => {
    const worker = await world.worker();
    const id = await world.release("gamma", "2.1.0");
    await worker.look();
    const branch = `slipway/${id}`;
    await world.git.commitDirectly(world.repository, { "NOTES.md": "more\n" }, { branch, message: "more" });
    await poll(worker);
    expect((await world.job(id)).phase).toBe("waiting");
    const main = (await world.git.refs(world.repository)).get("refs/heads/main");
    await world.git.moveRef(world.repository, `refs/heads/${branch}`, main);
    await poll(worker);
    expect(await world.job(id)).toMatchObject({ phase: "failed", outcome: "not-merged" });
  });

  test("a lost answer and a dead worker leave one proposal each", async () => {
    const [first, second] = [await world.worker(), await world.worker()];
    const lost = await world.release("alpha", "3.0.0");
    world.git.failNext({ when: "after", kind: "close", service: "git-receive-pack" });
    await untilSettled(world, first, [lost]);
    const dead = await world.release("alpha", "3.1.0");
    first.at("before-push", () => {
      throw new Error("killed here");
    });
    await first.look();
    await untilSettled(world, second, [dead]);
    for (const id of [lost, dead]) {
      expect(await world.job(id)).toMatchObject({ phase: "waiting", commit_sha: await proposalOf(id) });
    }
  });

  test("a waiting job can be cancelled, and its open step ends", async () => {
    const worker = await world.worker();
    const id = await world.release("beta", "3.0.0");
    await worker.look();
    expect(await requestCancel(world.store.db, { id, by: "tester" })).toBe("cancelled");
    const { steps } = await listSteps(world.store.db, id, { after: 0n, limit: 100 });
    expect(steps.filter((step) => step.ended_at === null)).toEqual([]);
    expect(steps.at(-1)).toMatchObject({ outcome: "skipped", detail: "cancelled by tester" });
  });
});
