import { expect, test } from "vitest";

import type { RolloutTarget } from "#common/store/schema.ts";
import { RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import type { EnvironmentContext, RolloutClock } from "./environment-context.ts";
import { judgeSeen, withHealth } from "./judge-seen.ts";

const job = { id: "0193a5c2-0000-7000-8000-000000000001" };
const workload = "shop:deployment/web";

const targetAt = (spentMs: number, more: Partial<RolloutTarget> = {}): RolloutTarget => ({
  workload,
  path: "web.yaml",
  images: { web: "web:2" },
  applied: true,
  uid: "uid-1",
  generation: 7,
  verdict: "pending",
  reason: null,
  spentMs,
  ...more,
});
const seenAs = (phase: RolloutPhase, available: number, image = "web:2"): Workload =>
  Workload.fromPartial({
    namespace: "shop",
    kind: "deployment",
    name: "web",
    uid: "uid-1",
    generation: 7n,
    containers: [{ name: "web", image }],
    rollout: { phase, desired: 3, updated: 3, available },
  });
const complete = seenAs(RolloutPhase.ROLLOUT_PHASE_COMPLETE, 3);
const progressing = (available: number): Workload =>
  seenAs(RolloutPhase.ROLLOUT_PHASE_PROGRESSING, available);

/** One turn on an environment; the row of the target goes from turn to turn. */
function aTurn() {
  const memory = { troubles: new Map<string, string>(), patience: new Map(), asked: new Map() };
  const clock: RolloutClock = { untoldMs: 0, toldAtMs: 0, countedToMs: 0, ...memory };
  const environment = { rolloutDeadline: 60_000, healthyFor: 30_000 };
  const context = { environment, clocks: new Map([[job.id, clock]]) } as unknown as EnvironmentContext;
  return {
    clock,
    look: (target: RolloutTarget, seen: Workload) => judgeSeen(context, job, { target, seen }),
    rowOf: (target: RolloutTarget) => withHealth(target, clock.patience.get(workload)),
  };
}

test("the next turn goes on counting how long a target has been healthy", () => {
  const first = aTurn();
  first.look(targetAt(1_000), complete);
  first.look(targetAt(2_000), complete);
  const row = first.rowOf(targetAt(20_000));
  expect(row.healthySinceMs).toBe(2_000);
  const next = aTurn();
  expect(next.look({ ...row, spentMs: 31_000 }, complete)).toMatchObject({
    progress: "healthy for 29 of 30 s",
  });
  expect(next.look({ ...row, spentMs: 32_000 }, complete).kind).toBe("good");
});

test("a target that falls back, or was overtaken, is healthy for no time", () => {
  for (const seen of [progressing(2), seenAs(RolloutPhase.ROLLOUT_PHASE_COMPLETE, 3, "web:3")]) {
    const turn = aTurn();
    turn.look(targetAt(1_000), complete);
    turn.look(targetAt(2_000), complete);
    turn.look(targetAt(3_000), seen);
    expect(turn.rowOf(targetAt(3_000, { healthySinceMs: 2_000 })).healthySinceMs).toBeUndefined();
  }
});

test("a verdict needs no memory", () => {
  const turn = aTurn();
  turn.look(targetAt(1_000), complete);
  turn.look(targetAt(2_000), complete);
  expect(turn.rowOf(targetAt(3_000, { verdict: "good", healthySinceMs: 2_000 }))).not.toHaveProperty(
    "healthySinceMs",
  );
});

test("what was wrong is forgotten once more pods are there than before", () => {
  const turn = aTurn();
  const trouble = "CrashLoopBackOff: web-1";
  turn.look(targetAt(1_000, { trouble }), progressing(1));
  expect(turn.look(targetAt(2_000, { trouble }), progressing(1))).toMatchObject({
    progress: `3 of 3 updated, 1 available, ${trouble}`,
  });
  expect(turn.look(targetAt(3_000, { trouble }), progressing(2))).toMatchObject({
    progress: "3 of 3 updated, 2 available",
  });
  expect(turn.clock.troubles.get(workload)).toBe("");
});

test("a deadline of the workload's own goes before the environment's", () => {
  const ownMs = 5_000;
  const look = (spentMs: number, more: Partial<RolloutTarget>) =>
    aTurn().look(targetAt(spentMs, more), progressing(1)).kind;
  expect(look(6_000, {})).toBe("pending");
  expect(look(6_000, { deadlineMs: ownMs })).toBe("bad");
  expect(look(4_000, { deadlineMs: ownMs })).toBe("pending");
});
