import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestEnd, type EndAnswer } from "#common/store/ended-jobs.ts";
import { getIntent, openIntent, type Intent } from "#common/store/intents.ts";
import { rollbacksOf } from "#common/store/job-list.ts";
import { automaticRollbackOf } from "#common/store/jobs.ts";
import { deferLane, dueLanes, wakeLane } from "#common/store/lanes.ts";
import type { JobRow, StepRow } from "#common/store/schema.ts";
import { listSteps } from "#common/store/steps.ts";
import { startLaneWorld, untilSettled, type LaneWorld, type LaneWorker } from "../support/lane-world.ts";
import { hasPostgres } from "../support/postgres.ts";
import { ageOpenPushes } from "../support/store-tricks.ts";

const error = { code: "JOB_OUTCOME_UNKNOWN", title: "t", detail: null, hint: null };
const sealedText = "Its push did not land, and cannot any more.";

/** A lane whose host goes away in the middle of a push, and people who end its jobs. */
interface Ending extends LaneWorld {
  /** The next push ends without an answer, and the host is away when it is looked up. */
  loseNextPush(worker: LaneWorker, how: "landed" | "not-landed"): void;
  /** The next push is held at the host beyond its deadline; returns how to let it go on. */
  holdNextPush(worker: LaneWorker): () => Promise<void>;
  hostAway(): void;
  openIntent(): Promise<Intent>;
  /** As if the push had begun so many minutes ago. */
  aged(minutes: number): Promise<void>;
  end(id: string, by?: string): Promise<EndAnswer>;
  steps(id: string): Promise<StepRow[]>;
  commitsOf(id: string): Promise<number>;
  rollbackOf(id: string): Promise<JobRow>;
}

async function startEnding(gitSettings?: Parameters<typeof startLaneWorld>[0]): Promise<Ending> {
  const world = await startLaneWorld(gitSettings);
  const { store, git, repository, laneId } = world;
  const ending: Ending = {
    ...world,
    loseNextPush(worker, how) {
      const when = how === "landed" ? "after" : "before";
      worker.at("before-push", () => {
        git.failNext({ when, at: "rpc", kind: "close", service: "git-receive-pack" });
        ending.hostAway();
      });
    },
    holdNextPush(worker) {
      const held = Promise.withResolvers<void>();
      worker.at("before-push", () => {
        git.beforeNext("git-receive-pack", () => held.promise);
        ending.hostAway();
      });
      return async () => {
        held.resolve();
        await git.idle();
      };
    },
    hostAway: () => git.failNext({ when: "before", kind: "503", service: "git-upload-pack" }),
    async openIntent() {
      const intent = await openIntent(store.db, laneId);
      if (intent === undefined) throw new Error("the lane has no open intent");
      return intent;
    },
    aged: (minutes) => ageOpenPushes(store.db, minutes),
    end: (id, by = "ann") => requestEnd(store.db, { id, by, message: null, error }),
    steps: async (id) => (await listSteps(store.db, id, { after: 0n, limit: 100 })).steps,
    commitsOf: async (id) =>
      (await git.log(repository, "main")).filter((entry) => entry.body.includes(`Release-Job: ${id}`)).length,
    async rollbackOf(id) {
      const rollback = await automaticRollbackOf(store.db, id);
      if (rollback === undefined) throw new Error("no automatic rollback");
      return rollback;
    },
  };
  return ending;
}

/** Released, its push lost, and ended half an hour later. */
async function endedAfterLoss(world: Ending, service: string, tag: string): Promise<string> {
  const worker = await world.worker();
  const id = await world.release(service, tag);
  world.loseNextPush(worker, "not-landed");
  await worker.look();
  await world.aged(30);
  expect(await world.end(id)).toBe("ended");
  return id;
}

describe.skipIf(!hasPostgres())("a job that is ended while its push is unknown", () => {
  let world: Ending;
  beforeAll(async () => {
    world = await startEnding();
  });
  afterAll(() => world.stop());
  const tip = async () => (await world.git.refs(world.repository)).get("refs/heads/main");

  test("can be ended after 30 minutes, not before, and by one person", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "1.0.1");
    expect(await world.end(id)).toBe("no-push");
    world.loseNextPush(worker, "not-landed");
    await worker.look();
    expect((await world.job(id)).waiting_for).toContain("git host");
    await world.aged(29);
    expect(await world.end(id)).toBe("too-early");
    expect(await world.job(id)).toMatchObject({ phase: "writing", intent: true });
    await world.aged(30);
    world.hostAway();
    await worker.look();
    expect((await world.job(id)).waiting_for).toContain(`slipway end ${id.slice(-8)}`);
    const said = await Promise.all([world.end(id, "ann"), world.end(id, "ben")]);
    expect(said.toSorted()).toEqual(["ended", "over"]);
    const job = await world.job(id);
    expect(job).toMatchObject({ phase: "failed", outcome: "outcome-unknown", waiting_for: null, error });
    const [push, last, ...more] = (await world.steps(id)).slice(-2);
    expect(push).toMatchObject({ text: "Commit and push the config repo.", outcome: "failed" });
    expect(push?.detail).toContain("git host");
    expect(last?.text).toMatch(/^Ended by (ann|ben): the outcome of its push is unknown\.$/);
    expect(more).toEqual([]);
    await untilSealed(world, await world.worker());
  });

  test("is never pushed again: its chain is sealed, and the rest of the batch is released anew", async () => {
    const worker = await world.worker();
    const before = await world.read("alpha");
    const [ended, kept] = [await world.release("alpha", "2.0.0"), await world.release("beta", "2.0.0")];
    world.loseNextPush(worker, "not-landed");
    await worker.look();
    const { id } = await world.openIntent();
    await world.aged(30);
    expect(await world.end(ended)).toBe("ended");
    expect(await world.openIntent()).toMatchObject({ id });
    await untilSettled(world, await world.worker(), [kept]);
    expect(await getIntent(world.store.db, id)).toMatchObject({ state: "sealed", attempts: [{ number: 1 }] });
    expect(await world.job(kept)).toMatchObject({ phase: "rolling-out" });
    expect([await world.commitsOf(ended), await world.commitsOf(kept)]).toEqual([0, 1]);
    expect(await world.read("alpha")).toBe(before);
    const job = await world.job(ended);
    expect(job).toMatchObject({ phase: "failed", outcome: "outcome-unknown", error: { hint: sealedText } });
    expect((await world.steps(ended)).at(-1)).toMatchObject({ text: sealedText, outcome: "ok" });
    expect(await automaticRollbackOf(world.store.db, ended)).toBeUndefined();
  });

  test("leaves a lane that seals before anything else, so that the host refuses the copy that comes late", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "3.0.0");
    const letGo = world.holdNextPush(worker);
    await worker.look();
    await world.aged(30);
    expect(await world.end(id)).toBe("ended");
    await deferLane(world.store.db, world.laneId, 60_000);
    expect(await dueLanes(world.store.db, 10)).toEqual([world.laneId]);
    const [base, intent] = [await tip(), await world.openIntent()];
    await untilSealed(world, await world.worker());
    const refs = await world.git.refs(world.repository);
    expect(refs.get(world.laneRef)).not.toBe(intent.laneOld);
    expect(refs.get("refs/heads/main")).toBe(base);
    await letGo();
    expect(await tip()).toBe(base);
    expect(await world.commitsOf(id)).toBe(0);
  });

  test("is told of by another worker when the one that sealed died before it recorded so", async () => {
    const id = await endedAfterLoss(world, "alpha", "4.0.0");
    const { laneOld } = await world.openIntent();
    world.git.beforeNext("git-receive-pack", async () => world.hostAway());
    await (await world.worker()).look();
    expect((await world.git.refs(world.repository)).get(world.laneRef)).not.toBe(laneOld);
    expect((await world.openIntent()).state).toBe("open");
    await untilSealed(world, await world.worker());
    expect((await world.steps(id)).at(-1)).toMatchObject({ text: sealedText });
    const after = await world.release("alpha", "4.1.0");
    await untilSettled(world, await world.worker(), [after]);
    expect(await world.commitsOf(after)).toBe(1);
  });

  test("is marked when it had landed, and undone to what the rest of its batch wrote", async () => {
    const worker = await world.worker();
    const [kept, ended] = [await world.release("gamma", "5.0.0"), await world.release("gamma", "5.1.0")];
    world.loseNextPush(worker, "landed");
    await worker.look();
    await world.aged(30);
    expect(await world.end(ended)).toBe("ended");
    const { finished_at } = await world.job(ended);
    const other = await world.worker();
    await untilSettled(world, other, [kept]);
    const rollback = await world.rollbackOf(ended);
    await untilSettled(world, other, [rollback.id]);
    expect(await world.job(kept)).toMatchObject({ phase: "rolling-out" });
    const job = await world.job(ended);
    expect(job).toMatchObject({ phase: "failed", outcome: "landed-late", finished_at });
    expect(job.error?.hint).toBe(`job ${rollback.id.slice(-8)} undoes it`);
    expect(job.results).toMatchObject([{ result: "changed", to: expect.stringContaining("5.1.0") }]);
    expect((await world.steps(ended)).slice(-2)).toMatchObject([
      { text: `Pushed commit: ${job.headline}`, detail: expect.stringContaining("after the job was ended") },
      { text: "Rollback: shop/gamma to the previous image", detail: `job ${rollback.id.slice(-8)}` },
    ]);
    expect(await world.job(rollback.id)).toMatchObject({
      phase: "rolling-out",
      origin: "rollback",
      priority: 0,
      message: `Job ${ended.slice(-8)} landed late, after it had been ended.`,
    });
    expect((await rollbacksOf(world.store.db, [ended])).get(ended)?.id).toBe(rollback.id);
    expect([await world.commitsOf(ended), await world.commitsOf(rollback.id)]).toEqual([1, 1]);
    expect(await world.read("gamma")).toContain("example/gamma:5.0.0");
  });

  test("is marked also when it is ended in the moment in which its push lands; its bytes come back", async () => {
    const worker = await world.worker();
    const before = await world.read("beta");
    const id = await world.release("beta", "6.0.0");
    const ending = async (): Promise<void> => {
      await world.aged(30);
      expect(await world.end(id)).toBe("ended");
    };
    worker.at("before-push", () => world.git.beforeNext("git-receive-pack", ending));
    await worker.look();
    expect(await world.job(id)).toMatchObject({ phase: "failed", outcome: "landed-late" });
    const rollback = await world.rollbackOf(id);
    await untilSettled(world, worker, [rollback.id]);
    expect(await world.read("beta")).toBe(before);
    expect((await world.job(rollback.id)).phase).toBe("rolling-out");
  });

  test("is marked and not undone when it was itself what undoes another", async () => {
    const worker = await world.worker();
    const before = await world.read("beta");
    const id = await world.release("beta", "7.0.0");
    const endWhileItLands = (job: () => Promise<string>, then?: () => void): void =>
      worker.at("before-push", () =>
        world.git.beforeNext("git-receive-pack", async () => {
          await world.aged(30);
          expect(await world.end(await job())).toBe("ended");
          then?.();
        }),
      );
    const rollback = async (): Promise<string> => (await world.rollbackOf(id)).id;
    endWhileItLands(
      async () => id,
      () => endWhileItLands(rollback),
    );
    await untilSettled(world, worker, [id]);
    await untilSettled(world, worker, [await rollback()]);
    const late = await world.job(await rollback());
    expect(late).toMatchObject({ phase: "failed", outcome: "landed-late" });
    expect(late.error?.hint).toBe("nothing of it is undone by itself");
    expect(await automaticRollbackOf(world.store.db, late.id)).toBeUndefined();
    expect(await world.read("beta")).toBe(before);
  });
});

describe.skipIf(!hasPostgres())("a job that is ended where nothing keeps late pushes out", () => {
  let world: Ending;
  beforeAll(async () => {
    world = await startEnding();
    const refuse = 'case "$1" in refs/slipway/*|refs/heads/slipway/*) echo "not here"; exit 1;; esac';
    await world.git.setHook(world.repository, "update", refuse);
  });
  afterAll(() => world.stop());

  test("is marked and undone when the copy lands after its intent was given up", async () => {
    const worker = await world.worker();
    const before = await world.read("alpha");
    const id = await world.release("alpha", "1.0.1");
    const letGo = world.holdNextPush(worker);
    await worker.look();
    await world.aged(30);
    expect(await world.end(id)).toBe("ended");
    const intent = await world.openIntent();
    await untilSealed(world, worker);
    expect((await getIntent(world.store.db, intent.id))?.attempts).toHaveLength(1);
    expect((await world.steps(id)).at(-1)?.text).toContain("should a late copy of it land");
    await letGo();
    expect(await world.commitsOf(id)).toBe(1);
    await wakeLane(world.store.db, world.laneId);
    await worker.look();
    expect(await world.job(id)).toMatchObject({ phase: "failed", outcome: "landed-late" });
    await untilSettled(world, worker, [(await world.rollbackOf(id)).id]);
    expect(await world.read("alpha")).toBe(before);
  });
});

describe.skipIf(!hasPostgres())("a job that is ended while its proposal is unknown", () => {
  let world: Ending;
  beforeAll(async () => {
    world = await startEnding({ push: "proposal" });
  });
  afterAll(() => world.stop());

  test("is told that its proposal is there, and waits for no merge", async () => {
    const worker = await world.worker();
    const id = await world.release("alpha", "1.0.1");
    world.loseNextPush(worker, "landed");
    await worker.look();
    await world.aged(30);
    expect(await world.end(id)).toBe("ended");
    await untilSealed(world, worker);
    expect(await world.job(id)).toMatchObject({ phase: "failed", outcome: "outcome-unknown" });
    expect((await world.steps(id)).at(-1)?.text).toContain(`slipway/${id} is at the host`);
  });

  test("makes no proposal any more when there is none", async () => {
    const id = await endedAfterLoss(world, "beta", "1.0.1");
    const { id: intent } = await world.openIntent();
    await untilSealed(world, await world.worker());
    expect(await getIntent(world.store.db, intent)).toMatchObject({ state: "sealed", attempts: [{}] });
    expect((await world.git.refs(world.repository)).has(`refs/heads/slipway/${id}`)).toBe(false);
    expect((await world.steps(id)).at(-1)?.text).toBe(sealedText);
  });
});

/** The worker looks until the lane's open intent is over. */
async function untilSealed(world: Ending, worker: LaneWorker): Promise<void> {
  for (let look = 0; look < 10; look += 1) {
    await worker.look();
    if ((await openIntent(world.store.db, world.laneId)) === undefined) return;
  }
  throw new Error("the intent is still open");
}
