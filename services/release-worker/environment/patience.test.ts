import { describe, expect, test } from "vitest";

import type { RolloutTarget } from "#common/store/schema.ts";
import { Rollout, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { judgeTarget, type Verdict } from "./judge-target.ts";
import { nextPatience, type Patience } from "./patience.ts";

const jobId = "0193a5c2-0000-7000-8000-000000000001";
const deadlineMs = 60_000;

const applied: RolloutTarget = {
  workload: "sock-shop:deployment/web",
  path: "deploy/web.yaml",
  images: { web: "web:2" },
  applied: true,
  uid: "uid-1",
  generation: 7,
  verdict: "pending",
  reason: null,
  spentMs: 0,
};
const web = {
  namespace: "sock-shop",
  kind: "deployment",
  name: "web",
  uid: "uid-1",
  generation: 7n,
  containers: [{ name: "web", image: "web:2" }],
};

const phases = {
  progressing: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
  complete: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
};
const rollout = (phase: keyof typeof phases, why: Partial<Rollout> = {}): Rollout =>
  Rollout.fromPartial({ phase: phases[phase], desired: 3, updated: 2, ...why });

/** Judges twice after each number of seconds of rollout time, a millisecond apart. */
function inTurn(
  looks: readonly (readonly [seconds: number, Rollout])[],
  more: { healthyForMs?: number; kind?: string } = {},
): Verdict {
  const { healthyForMs = 0, kind = "deployment" } = more;
  let patience: Patience | undefined;
  let last: Verdict = { kind: "good" };
  for (const [seconds, now] of looks) {
    for (const spentMs of [seconds * 1_000, seconds * 1_000 + 1]) {
      const seen = Workload.fromPartial({ ...web, kind, rollout: now });
      const target = { ...applied, spentMs };
      patience = nextPatience(patience, now, spentMs);
      last = judgeTarget({ target, seen, jobId, deadlineMs, healthyForMs, patience });
    }
  }
  return last;
}

test("time from before a rollout was seen complete is not counted as healthy", () => {
  const complete = rollout("complete");
  const first = nextPatience(undefined, complete, 1_000);
  const again = nextPatience(first, complete, 1_000);
  expect([first.healthySinceMs, again.healthySinceMs]).toEqual([undefined, undefined]);
  expect(nextPatience(again, complete, 3_000).healthySinceMs).toBe(3_000);
});

test("what an owner makes anew has its whole time before it", () => {
  const before = nextPatience(undefined, rollout("complete"), 9_000);
  expect(nextPatience(before, rollout("complete"), 0)).toMatchObject({ completeAtMs: 0, movedMs: 0 });
});

describe("a rollout that must stay healthy", () => {
  const healthyForMs = 30_000;
  const complete = rollout("complete");
  const broken = rollout("progressing", { reason: "ContainersNotReady", message: "pod-1" });

  test("waits until it was complete for so long", () => {
    expect(inTurn([[10, complete]], { healthyForMs })).toEqual({
      kind: "pending",
      progress: "healthy for 0 of 30 s",
    });
    expect(
      inTurn(
        [
          [10, complete],
          [22.9, complete],
        ],
        { healthyForMs },
      ),
    ).toEqual({
      kind: "pending",
      progress: "healthy for 12 of 30 s",
    });
    expect(
      inTurn(
        [
          [10, complete],
          [40, complete],
        ],
        { healthyForMs },
      ),
    ).toEqual({
      kind: "good",
      note: "healthy for 30 s",
    });
  });
  test("begins anew where it falls back", () => {
    const looks = [
      [0, complete],
      [20, broken],
      [25, complete],
      [50, complete],
    ] as const;
    expect(inTurn(looks, { healthyForMs })).toMatchObject({ progress: "healthy for 25 of 30 s" });
  });
  test("is not struck by the deadline while it is healthy, and is when it falls back", () => {
    expect(
      inTurn(
        [
          [55, complete],
          [65, complete],
        ],
        { healthyForMs },
      ).kind,
    ).toBe("pending");
    expect(
      inTurn(
        [
          [55, complete],
          [85, complete],
        ],
        { healthyForMs },
      ).kind,
    ).toBe("good");
    expect(
      inTurn(
        [
          [55, complete],
          [65, broken],
        ],
        { healthyForMs },
      ),
    ).toEqual({
      kind: "bad",
      reason: "not healthy after 60 s: ContainersNotReady: pod-1",
    });
  });
  test("is nothing to wait for where no pods run on", () => {
    const none = rollout("complete", { desired: 0 });
    expect(inTurn([[0, none]], { healthyForMs, kind: "cronjob" })).toEqual({ kind: "good" });
    expect(inTurn([[0, complete]], { healthyForMs, kind: "job" })).toEqual({ kind: "good" });
  });
});

describe("a pod that cannot run", () => {
  const failing = [
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "CrashLoopBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
  ];
  const failure = (reason: string, counts: Partial<Rollout> = {}): Rollout =>
    rollout("progressing", { reason, message: "pod-1", ...counts });
  const crash = failure("CrashLoopBackOff");
  const between = rollout("progressing");

  test.each(failing)("%s has twenty seconds to recover", (reason) => {
    expect(
      inTurn([
        [5, failure(reason)],
        [24.9, failure(reason)],
      ]).kind,
    ).toBe("pending");
    expect(
      inTurn([
        [5, failure(reason)],
        [25, failure(reason)],
      ]),
    ).toEqual({
      kind: "bad",
      reason: `${reason}: pod-1`,
    });
  });
  test("late in a long rollout has them too", () => {
    expect(
      inTurn([
        [0, between],
        [50, crash],
      ]).kind,
    ).toBe("pending");
  });
  test("has no more of them because it shows it only now and then", () => {
    expect(
      inTurn([
        [5, crash],
        [10, between],
        [15, crash],
        [20, between],
        [26, crash],
      ]).kind,
    ).toBe("bad");
    expect(
      inTurn([
        [5, crash],
        [10, between],
        [20, between],
      ]).kind,
    ).toBe("pending");
    expect(
      inTurn([
        [5, crash],
        [6, between],
        [26, between],
        [27, crash],
      ]).kind,
    ).toBe("pending");
  });
  test("has them anew once more pods are updated or available than before, and not for the same ones again", () => {
    const more = failure("CrashLoopBackOff", { available: 1 });
    const less = failure("CrashLoopBackOff", { available: 0 });
    expect(
      inTurn([
        [5, crash],
        [20, more],
        [30, more],
      ]).kind,
    ).toBe("pending");
    expect(
      inTurn([
        [5, crash],
        [20, more],
        [25, less],
        [30, more],
        [40, less],
      ]).kind,
    ).toBe("bad");
  });
  test("has less where the deadline is shorter", () => {
    const target = { ...applied, spentMs: 5_000 };
    const seen = Workload.fromPartial({ ...web, rollout: failure("ErrImagePull") });
    expect(judgeTarget({ target, seen, jobId, deadlineMs: 5_000 })).toEqual({
      kind: "bad",
      reason: "ErrImagePull: pod-1",
    });
  });
  test.each(['pods "x" is forbidden: exceeded quota: q', 'serviceaccount "x" not found'])(
    "because it cannot be made (%s) has them too",
    (message) => {
      const refused = rollout("progressing", { reason: "FailedCreate", message });
      expect(
        inTurn([
          [0, refused],
          [20, refused],
        ]),
      ).toEqual({
        kind: "bad",
        reason: `FailedCreate: ${message}`,
      });
    },
  );
  test("for other reasons has until the deadline", () => {
    for (const other of [failure("Unschedulable"), failure("FailedCreate")]) {
      expect(
        inTurn([
          [0, other],
          [59, other],
        ]).kind,
      ).toBe("pending");
    }
  });
});
