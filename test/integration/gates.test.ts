import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { activeFreezes, jobsUnderWay, liftFreeze, setFreeze } from "#common/store/freezes.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { requestCancel } from "#common/store/jobs.ts";
import { listSteps } from "#common/store/steps.ts";
import { takeDueWaits } from "#common/store/waiting-jobs.ts";
import { approveJob } from "../../services/api/gates/approve-job.ts";
import { startLaneWorld, untilSettled } from "#support/lane-world.ts";
import type { LaneWorker, LaneWorld } from "#support/lane-world.ts";
import { hasPostgres } from "#support/postgres.ts";
import { countLockWaits, endFreezesNow, moveDeadline, silenceWorker } from "#support/store-tricks.ts";

const hourMs = 3_600_000;

describe.skipIf(!hasPostgres())("a job that people stop", () => {
  let world: LaneWorld;
  let worker: LaneWorker;

  beforeAll(async () => {
    const gates = {
      approvals: [
        { role: "approver", namespaces: ["shop"], deadline: "24h" },
        { tokens: ["carol"], namespaces: ["shop"], deadline: "1h" },
      ],
    };
    world = await startLaneWorld({}, {}, { gates });
    worker = await world.worker();
  });
  afterAll(() => world?.stop());

  const place = { environment: "other", namespace: null };
  const freeze = (more: { namespace?: string; until?: Date; reason?: string } = {}) =>
    world.store.transaction((tx) =>
      setFreeze(tx, { ...place, id: newUuidV7(), reason: "incident 42", by: "alice", until: null, ...more }),
    );
  const thaw = (namespace: string | null = null) =>
    world.store.transaction((tx) => liftFreeze(tx, { ...place, namespace, by: "bob" }));
  /** The environment "other" asks for no approval. */
  const releaseOmega = (tag: string) => world.release("omega", tag, "other");
  const stepsOf = async (id: string) =>
    (await listSteps(world.store.db, id, { after: 0n, limit: 100 })).steps.map(
      ({ text, outcome }) => `${outcome ?? "…"} ${text}`,
    );
  const subjectsOf = async (tag: string) =>
    (await world.subjects()).filter((subject) => subject.includes(tag));
  /** As the API takes a word: bob is an approver, carol is asked by her name. */
  const approve = async (id: string, name: "bob" | "carol") => {
    const rung: string[] = [];
    const { store, settings } = world;
    const deps = { store, settings, ring: (_: string, subject: string) => void rung.push(subject) };
    const role = name === "bob" ? ("approver" as const) : ("viewer" as const);
    const grants = [{ role, scope: {} }];
    const principal = { tokenId: name, name, kind: "token", grants, groups: [], expiresAt: null } as const;
    const asker = { principal, operation: "approveJob" as const, requestId: "1", key: undefined };
    await approveJob(deps, asker, { job: await world.job(id), body: {}, verdict: "approved" });
    expect(rung).toEqual([expect.stringMatching(/^environment:/)]);
  };

  describe("by a freeze", () => {
    // The first push of a lane is that of its ref: after the plan, before the intent.
    test("that comes after its plan and before its intent, is stopped with its batch", async () => {
      const ids = [await releaseOmega("1.1.0"), await world.release("omega", "1.1.1", "other")];
      world.git.beforeNext("git-receive-pack", async () => {
        await freeze({ reason: "just now" });
      });
      await untilSettled(world, worker, ids);
      for (const id of ids) expect(await world.job(id)).toMatchObject({ phase: "waiting", gate: "freeze" });
      expect(await world.subjects()).toEqual([]);
      await thaw();
      await worker.waits.look();
      await untilSettled(world, worker, ids);
      expect(await world.subjects()).toHaveLength(2);
    });

    test("waits with its reason, holds no lane, and goes by itself when it is lifted", async () => {
      await freeze();
      const id = await releaseOmega("2.0.0");
      await worker.look();
      const waiting = await world.job(id);
      expect(waiting).toMatchObject({
        phase: "waiting",
        gate: "freeze",
        gate_until: null,
        waiting_for: "the freeze of other (incident 42), until it is lifted",
        plan_hash: expect.any(String),
        resolved: [{ container: "omega", image: "example/omega:2.0.0", workload: "shop:deployment/omega" }],
      });
      // Nobody is due before somebody wakes it, and the lane is free for others.
      await worker.waits.look();
      expect(await world.job(id)).toMatchObject({ phase: "waiting" });
      expect(await subjectsOf("omega:2.0.0")).toEqual([]);

      await thaw();
      await worker.waits.look();
      expect(await world.job(id)).toMatchObject({ phase: "queued", gate: null, waiting_for: null });
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("omega:2.0.0")).toHaveLength(1);
      expect(await stepsOf(id)).toContain("ok Waiting for the end of the freeze of other: incident 42");
    });

    test("of another namespace goes on, and one of its own waits until its end", async () => {
      await freeze({ namespace: "payment" });
      const free = await releaseOmega("2.1.0");
      await untilSettled(world, worker, [free]);
      expect(await subjectsOf("omega:2.1.0")).toHaveLength(1);
      await freeze({ namespace: "shop", until: new Date(Date.now() + hourMs) });
      const held = await releaseOmega("2.2.0");
      await worker.look();
      expect(await world.job(held)).toMatchObject({
        phase: "waiting",
        gate: "freeze",
        gate_until: expect.any(Date),
      });
      // Its time comes, by Postgres' clock and without anybody's word.
      await endFreezesNow(world.store.db);
      await worker.waits.look();
      expect(await world.job(held)).toMatchObject({ phase: "queued" });
      await untilSettled(world, worker, [held]);
    });

    test("that is being set while its intent is recorded is waited for, so that none slips by", async () => {
      const id = await releaseOmega("2.4.0");
      let looking: Promise<void> | undefined;
      await world.store.transaction(async (tx) => {
        await setFreeze(tx, { ...place, id: newUuidV7(), reason: "at once", by: "alice", until: null });
        looking = worker.look();
        await expect.poll(() => countLockWaits(world.store.db), { timeout: 20_000, interval: 10 }).toBe(1);
      });
      await looking;
      await untilSettled(world, worker, [id]);
      expect(await world.job(id)).toMatchObject({ phase: "waiting", gate: "freeze" });
      expect(await subjectsOf("omega:2.4.0")).toEqual([]);
      await thaw();
      await worker.waits.look();
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("omega:2.4.0")).toHaveLength(1);
    });

    test("that comes after its push lets it go on, and names it", async () => {
      const id = await releaseOmega("2.5.0");
      await untilSettled(world, worker, [id]);
      await freeze();
      expect(await jobsUnderWay(world.store.db, place)).toContain(id);
      expect(await jobsUnderWay(world.store.db, { ...place, namespace: "shop" })).toContain(id);
      expect(await jobsUnderWay(world.store.db, { ...place, namespace: "payment" })).not.toContain(id);
      await worker.look();
      expect(await world.job(id)).toMatchObject({ phase: "rolling-out" });
      await thaw();
    });

    test("is passed by its override alone, which the log tells", async () => {
      await freeze();
      const spec = {
        kind: "release",
        workloads: ["shop/alpha"],
        all: false,
        exclude: [],
        images: { exact: ["example/alpha:1.0.1"] },
      } as const;
      await world.store.transaction((tx) =>
        setFreeze(tx, {
          id: newUuidV7(),
          environment: "default",
          namespace: null,
          reason: "all",
          by: "alice",
          until: null,
        }),
      );
      const passing = await world.submit({ ...spec, override: ["freeze"] }, "Release alpha");
      await worker.look();
      // The freeze is passed, the approval is not.
      expect(await world.job(passing)).toMatchObject({ phase: "waiting", gate: "approval" });
      await approve(passing, "bob");
      await approve(passing, "carol");
      await worker.waits.look();
      await untilSettled(world, worker, [passing]);
      expect(await stepsOf(passing)).toContain("ok Passed the freeze of default (all), by override.");
      await world.store.transaction((tx) =>
        liftFreeze(tx, { environment: "default", namespace: null, by: "alice" }),
      );
      await thaw();
      expect(await activeFreezes(world.store.db)).toEqual([]);
    });
  });

  describe("by an approval", () => {
    test("waits for each who has to consent, then goes", async () => {
      const id = await world.release("beta", "3.0.0");
      await worker.look();
      expect(await world.job(id)).toMatchObject({
        phase: "waiting",
        gate: "approval",
        waiting_for: expect.stringMatching(/^approval by an approver and carol, until /),
      });
      await approve(id, "bob");
      await worker.waits.look();
      expect(await world.job(id)).toMatchObject({
        phase: "waiting",
        waiting_for: expect.stringMatching(/^approval by carol, until /),
      });
      await approve(id, "carol");
      await worker.waits.look();
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("beta:3.0.0")).toHaveLength(1);
      expect((await stepsOf(id)).filter((text) => text.includes("Waiting for approval"))).toEqual([
        "ok Waiting for approval by an approver and carol.",
        "ok Waiting for approval by carol.",
      ]);
    });

    test("is asked anew when what it changes has become something else", async () => {
      const id = await world.release("gamma", "3.0.0");
      await worker.look();
      await approve(id, "bob");
      await approve(id, "carol");
      await worker.waits.look();
      // Another release of the same workload comes first: what gamma changes from is another image now.
      const text = (await world.read("gamma")).replace("example/gamma:1.0.0", "example/gamma:1.9.0");
      await world.git.commitDirectly(
        world.repository,
        { "deploy/gamma.yaml": text },
        { branch: "main", message: "by hand" },
      );
      await worker.look();
      expect(await world.job(id)).toMatchObject({ phase: "waiting", gate: "approval" });
      expect(await stepsOf(id)).toContain("skipped What it changes is not what was approved any more.");
      expect(await subjectsOf("gamma:3.0.0")).toEqual([]);
      await approve(id, "bob");
      await approve(id, "carol");
      await worker.waits.look();
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("gamma:3.0.0")).toHaveLength(1);
    });

    test("ends with a clear outcome when its deadline has passed", async () => {
      const id = await world.release("delta", "3.0.0");
      await worker.look();
      await moveDeadline(world.store.db, id, -1);
      await worker.waits.look();
      expect(await world.job(id)).toMatchObject({
        phase: "failed",
        outcome: "not-approved",
        error: { code: "APPROVAL_EXPIRED" },
      });
      expect((await stepsOf(id)).at(-1)).toBe("failed Waiting for approval by an approver and carol.");
    });

    test("may be cancelled", async () => {
      const id = await world.release("delta", "3.1.0");
      await worker.look();
      expect(await requestCancel(world.store.db, { id, by: "tester" })).toBe("cancelled");
      await worker.waits.look();
      expect(await world.job(id)).toMatchObject({ phase: "cancelled", gate: null });
    });
  });

  describe("by a schedule", () => {
    test("waits for its time, with the images of now, and can be cancelled before", async () => {
      const spec = {
        kind: "release",
        workloads: ["shop/omega"],
        all: false,
        exclude: [],
        override: [],
      } as const;
      const at = (ms: number) => new Date(Date.now() + ms).toISOString();
      const submit = (tag: string, notBefore: string) =>
        world.submit(
          { ...spec, images: { exact: [`example/omega:${tag}`] }, notBefore },
          `Release ${tag}`,
          "other",
        );
      const far = await submit("4.0.0", at(24 * hourMs));
      const near = await submit("4.1.0", at(1_500));
      const past = await submit("4.2.0", at(-hourMs));
      await untilSettled(world, worker, [far, near, past]);
      expect(await world.job(far)).toMatchObject({
        phase: "waiting",
        gate: "schedule",
        gate_until: expect.any(Date),
      });
      expect(await subjectsOf("Release 4.2.0")).toHaveLength(1);
      const written = async (): Promise<readonly string[]> => {
        await worker.waits.look();
        await worker.look();
        return subjectsOf("Release 4.1.0");
      };
      await expect.poll(written, { timeout: 20_000 }).toHaveLength(1);
      expect(await requestCancel(world.store.db, { id: far, by: "tester" })).toBe("cancelled");
      expect(await subjectsOf("Release 4.0.0")).toEqual([]);
    });
  });

  describe("survives its workers", () => {
    test("two that look at once let it go once", async () => {
      await freeze();
      const ids = await Promise.all(["5.0.0", "5.0.1", "5.0.2"].map(releaseOmega));
      await untilSettled(world, worker, ids);
      await thaw();
      const second = await world.worker();
      await Promise.all([worker, second, worker, second].map((one) => one.waits.look()));
      for (const id of ids) {
        expect((await stepsOf(id)).filter((text) => text.includes("freeze"))).toHaveLength(1);
        expect(await world.job(id)).toMatchObject({ phase: "queued" });
      }
      await untilSettled(world, worker, ids);
      expect(await subjectsOf("omega:5.0.")).toHaveLength(3);
    });

    test("another takes over where the one that let it wait is gone", async () => {
      await freeze();
      const id = await releaseOmega("5.1.0");
      const first = await world.worker();
      await first.look();
      expect(await world.job(id)).toMatchObject({ phase: "waiting", gate: "freeze" });
      await silenceWorker(world.store.db, first.id);
      await thaw();
      await worker.waits.look();
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("omega:5.1.0")).toHaveLength(1);
    });

    test("one that dies in the middle of a look leaves it as it was", async () => {
      await freeze();
      const id = await releaseOmega("5.2.0");
      await worker.look();
      await thaw();
      const before = await world.job(id);
      const dying = world.store.transaction(async (tx) => {
        const due = await takeDueWaits(tx, 10);
        expect(due.map((job) => job.id)).toContain(id);
        // What another worker holds is left to it.
        await worker.waits.look();
        throw new Error("killed");
      });
      await expect(dying).rejects.toThrow("killed");
      expect(await world.job(id)).toEqual(before);
      await worker.waits.look();
      await untilSettled(world, worker, [id]);
      expect(await subjectsOf("omega:5.2.0")).toHaveLength(1);
    });
  });
});
