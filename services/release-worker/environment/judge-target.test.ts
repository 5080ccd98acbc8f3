import { describe, expect, test } from "vitest";

import type { RolloutTarget } from "#common/store/schema.ts";
import { Rollout, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { judgeTarget, type Verdict } from "./judge-target.ts";

const jobId = "0193a5c2-0000-7000-8000-000000000001";
const other = "0193a5c2-0000-7000-8000-000000000002";
const deadlineMs = 60_000;

const applied: RolloutTarget = {
  workload: "sock-shop:deployment/front-end",
  path: "deploy/front-end.yaml",
  images: { web: "front-end:2", side: "side:1" },
  applied: true,
  uid: "uid-1",
  generation: 7,
  verdict: "pending",
  reason: null,
  spentMs: 0,
};

type Phase = "progressing" | "complete" | "failed";
const phases = {
  progressing: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
  complete: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
  failed: RolloutPhase.ROLLOUT_PHASE_FAILED,
};

const rollout = (phase: Phase, why: Partial<Rollout> = {}): Rollout =>
  Rollout.fromPartial({ phase: phases[phase], desired: 3, updated: 2, ...why });

/** What the watcher shows after our apply, unless said otherwise. */
function seenAs(change: Partial<Workload> = {}): Workload {
  return {
    ...Workload.fromPartial({
      namespace: "sock-shop",
      kind: "deployment",
      name: "front-end",
      uid: "uid-1",
      generation: 7n,
      observedGeneration: 7n,
      appliedJob: jobId,
      containers: [
        { name: "web", image: "front-end:2" },
        { name: "side", image: "side:1" },
        { name: "injected", image: "proxy:9" },
      ],
      rollout: rollout("progressing"),
    }),
    ...change,
  };
}

const running = (web: string): Partial<Workload> => ({
  containers: [
    { name: "web", image: web, init: false },
    { name: "side", image: "side:1", init: false },
  ],
});

function verdict(seen: Workload | undefined, target: Partial<RolloutTarget> = {}): Verdict {
  return judgeTarget({ target: { ...applied, ...target }, seen, jobId, deadlineMs });
}

describe("an observation", () => {
  test("of a complete rollout with our images is good", () => {
    expect(verdict(seenAs({ rollout: rollout("complete") }))).toEqual({ kind: "good" });
  });
  test("of a later generation with our images is judged too", () => {
    expect(verdict(seenAs({ generation: 9n, rollout: rollout("complete") }))).toEqual({ kind: "good" });
    expect(verdict(seenAs({ generation: 9n, appliedJob: other, rollout: rollout("complete") }))).toEqual({
      kind: "good",
    });
  });
  test("from before our apply says nothing, good or bad", () => {
    const waits = { kind: "pending", progress: "waiting to be seen" };
    for (const phase of ["complete", "failed"] as const) {
      expect(verdict(seenAs({ generation: 6n, rollout: rollout(phase) }))).toEqual(waits);
      expect(verdict(seenAs({ generation: 6n, ...running("front-end:1"), rollout: rollout(phase) }))).toEqual(
        waits,
      );
    }
  });
  test("of another object of that name is a deleted workload", () => {
    expect(verdict(seenAs({ uid: "uid-2", rollout: rollout("complete") }))).toEqual({
      kind: "bad",
      reason: "the workload was deleted and made anew",
    });
    expect(verdict(undefined)).toEqual({ kind: "bad", reason: "the workload was deleted" });
  });
  test("without a status waits", () => {
    expect(verdict(seenAs({ rollout: undefined }))).toEqual({ kind: "pending", progress: "no status yet" });
  });
  test("needs no uid and generation where nothing was applied by us", () => {
    expect(verdict(seenAs({ rollout: rollout("complete") }), { uid: null, generation: null })).toEqual({
      kind: "good",
    });
  });
});

describe("images", () => {
  test("are compared in canonical form", () => {
    const seen = seenAs({ ...running("docker.io/library/front-end:2"), rollout: rollout("complete") });
    expect(verdict(seen)).toEqual({ kind: "good" });
  });
  test.each(["front-end:3", "front-end:2@sha256:" + "a".repeat(64), "elsewhere/front-end:2", "not an image"])(
    "other than ours (%s) at a later generation are a newer job's",
    (image) => {
      const seen = seenAs({
        generation: 8n,
        appliedJob: other,
        ...running(image),
        rollout: rollout("complete"),
      });
      expect(verdict(seen)).toEqual({ kind: "superseded", by: other });
    },
  );
  test("other than ours are somebody's by hand where the annotations are still ours, or nobody's", () => {
    const seen = { generation: 8n, ...running("front-end:3") };
    expect(verdict(seenAs({ ...seen, appliedJob: jobId }))).toEqual({ kind: "superseded", by: null });
    expect(verdict(seenAs({ ...seen, appliedJob: "" }))).toEqual({ kind: "superseded", by: null });
  });
  test("are missing where a container is gone", () => {
    const seen = seenAs({ generation: 8n, containers: [{ name: "side", image: "side:1", init: false }] });
    expect(verdict(seen)).toEqual({ kind: "superseded", by: null });
  });
  test("other than ours at our own generation wait, but not for ever", () => {
    const seen = seenAs({ ...running("mirror/front-end:2"), rollout: rollout("complete") });
    expect(verdict(seen)).toEqual({ kind: "pending", progress: "waiting to be seen" });
    expect(verdict(seen, { spentMs: deadlineMs })).toEqual({
      kind: "bad",
      reason:
        "not healthy after 60 s: the cluster holds other images than were applied: mirror/front-end:2, side:1",
    });
  });
});

describe("a rollout that is not over", () => {
  test("tells how far it is", () => {
    expect(verdict(seenAs())).toEqual({ kind: "pending", progress: "2 of 3 updated" });
    const why = rollout("progressing", { reason: "FailedCreate", message: "quota" });
    expect(verdict(seenAs({ rollout: why }))).toEqual({
      kind: "pending",
      progress: "2 of 3 updated, FailedCreate: quota",
      trouble: "FailedCreate: quota",
    });
  });
  test("is bad at its deadline, with the reason if there is one", () => {
    expect(verdict(seenAs(), { spentMs: deadlineMs - 1 }).kind).toBe("pending");
    expect(verdict(seenAs(), { spentMs: deadlineMs })).toEqual({
      kind: "bad",
      reason: "not healthy after 60 s",
    });
    const why = seenAs({ rollout: rollout("progressing", { reason: "Unschedulable", message: "no node" }) });
    expect(verdict(why, { spentMs: deadlineMs })).toEqual({
      kind: "bad",
      reason: "not healthy after 60 s: Unschedulable: no node",
    });
  });
  test("is bad at its deadline with what was last seen wrong, where a pod shows its reason only now and then", () => {
    const last = { spentMs: deadlineMs, trouble: "CrashLoopBackOff: exit code 1" };
    expect(verdict(seenAs(), last)).toEqual({
      kind: "bad",
      reason: "not healthy after 60 s: CrashLoopBackOff: exit code 1",
    });
  });

  test("is good when it becomes complete at the deadline", () => {
    expect(verdict(seenAs({ rollout: rollout("complete") }), { spentMs: deadlineMs })).toEqual({
      kind: "good",
    });
  });
  test("is bad as soon as the API server says so, with its words", () => {
    const why = rollout("failed", { reason: "ProgressDeadlineExceeded", message: "too slow" });
    expect(verdict(seenAs({ rollout: why }))).toEqual({
      kind: "bad",
      reason: "ProgressDeadlineExceeded: too slow",
    });
  });
});

describe("a rollout that takes its time", () => {
  test("tells what its pods wait for, the pod first", () => {
    const why = rollout("progressing", { reason: "ContainerCreating", message: "front-end-6c9" });
    expect(verdict(seenAs({ rollout: why }))).toEqual({
      kind: "pending",
      progress: "2 of 3 updated, front-end-6c9: ContainerCreating",
    });
    const message = "front-end-6c9: containers with unready status: [web]";
    const unready = rollout("progressing", {
      updated: 3,
      available: 1,
      reason: "ContainersNotReady",
      message,
    });
    expect(verdict(seenAs({ rollout: unready }))).toEqual({
      kind: "pending",
      progress: "3 of 3 updated, 1 available, front-end-6c9: ContainersNotReady",
    });
  });
  test("tells a known cause rather than that a pod waits, also at its deadline", () => {
    const why = rollout("progressing", { reason: "ContainerCreating", message: "front-end-6c9" });
    const trouble = "Unhealthy: front-end-6c9: probe failed";
    expect(verdict(seenAs({ rollout: why }), { trouble })).toEqual({
      kind: "pending",
      progress: `2 of 3 updated, ${trouble}`,
    });
    expect(verdict(seenAs({ rollout: why }), { trouble, spentMs: deadlineMs })).toEqual({
      kind: "bad",
      reason: `not healthy after 60 s: ${trouble}`,
    });
    expect(verdict(seenAs({ rollout: why }), { spentMs: deadlineMs })).toEqual({
      kind: "bad",
      reason: "not healthy after 60 s: ContainerCreating: front-end-6c9",
    });
  });
  test("of a Job counts what has succeeded", () => {
    expect(
      verdict(seenAs({ kind: "job", rollout: rollout("progressing", { desired: 5, available: 2 }) })),
    ).toEqual({ kind: "pending", progress: "2 of 5 succeeded" });
  });
});

describe("a rollout that is over says what it left as it was", () => {
  test.each(["OnDelete", "Partition"])("by %s", (reason) => {
    const over = rollout("complete", { reason, message: "1 of 3 pods are updated" });
    expect(verdict(seenAs({ rollout: over }))).toEqual({ kind: "good", note: "1 of 3 pods are updated" });
  });
  test.each(["replicaset", "replicationcontroller"])("in a %s", (kind) => {
    expect(verdict(seenAs({ kind, rollout: rollout("complete") }))).toEqual({
      kind: "good",
      note: "pods that run keep the old image until they are deleted",
    });
  });
});
