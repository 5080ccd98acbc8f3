import { describe, expect, test } from "vitest";

import { judgeRollout, type WorkloadObject } from "./rollout.ts";

type Status = NonNullable<WorkloadObject["status"]>;
type Spec = NonNullable<WorkloadObject["spec"]>;

/** An object at generation 2, seen by its controller unless the status says otherwise. */
const object = (spec: Spec, status: Status): WorkloadObject => ({
  metadata: { generation: 2 },
  spec,
  status: { observedGeneration: 2, ...status },
});

const all = (count: number): Status => ({
  replicas: count,
  updatedReplicas: count,
  readyReplicas: count,
  availableReplicas: count,
});

const phase = (kind: string, spec: Spec, status: Status): string =>
  judgeRollout(kind, object(spec, status)).phase;

describe("a Deployment", () => {
  const deployment = (status: Status, spec: Spec = { replicas: 3 }) =>
    judgeRollout("deployment", object(spec, status));
  const progress = (status: string, reason: string, message = "") => ({
    conditions: [
      { type: "Available", status: "True" },
      { type: "Progressing", status, reason, message },
    ],
  });

  test("is complete when all replicas are updated and available and none is left over", () => {
    expect(deployment(all(3))).toEqual({
      phase: "complete",
      desired: 3,
      updated: 3,
      ready: 3,
      available: 3,
      reason: "",
      message: "",
    });
  });
  test("is not judged before its controller has seen the change", () => {
    expect(deployment({ ...all(3), observedGeneration: 1 })).toMatchObject({
      phase: "progressing",
      updated: 3,
    });
    const failed = progress("False", "ProgressDeadlineExceeded");
    expect(deployment({ ...all(3), ...failed, observedGeneration: 1 }).phase).toBe("progressing");
    expect(judgeRollout("deployment", { metadata: { generation: 1 } }).phase).toBe("progressing");
  });
  test.each([
    ["old pods of a surge are left over", { replicas: 4 }],
    ["not all are updated", { updatedReplicas: 2 }],
    ["not all are available", { availableReplicas: 2 }],
  ])("goes on while %s", (_, part) => {
    expect(deployment({ ...all(3), ...part }).phase).toBe("progressing");
  });
  test("goes on while it scales down", () => {
    expect(deployment(all(5)).phase).toBe("progressing");
  });
  test("of zero replicas is complete, though the API server writes no zeros", () => {
    expect(deployment({}, { replicas: 0 })).toMatchObject({ phase: "complete", desired: 0, updated: 0 });
    expect(deployment({ replicas: 1 }, { replicas: 0 }).phase).toBe("progressing");
  });
  test("without a count of replicas wants one", () => {
    expect(deployment({}, {})).toMatchObject({ phase: "progressing", desired: 1 });
    expect(deployment(all(1), {}).phase).toBe("complete");
  });
  test("fails when its deadline has passed, though old pods keep it available", () => {
    const status = {
      ...all(3),
      updatedReplicas: 1,
      ...progress("False", "ProgressDeadlineExceeded", "too slow"),
    };
    expect(deployment(status)).toEqual({
      phase: "failed",
      desired: 3,
      updated: 1,
      ready: 3,
      available: 3,
      reason: "ProgressDeadlineExceeded",
      message: "too slow",
    });
  });
  test("does not fail for other conditions", () => {
    const unsettled = { ...all(3), updatedReplicas: 1 };
    expect(deployment({ ...unsettled, ...progress("False", "SomethingElse") }).phase).toBe("progressing");
    expect(deployment({ ...unsettled, ...progress("True", "ReplicaSetUpdated") }).reason).toBe("");
  });
  test("says why its pods cannot be made", () => {
    const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" }];
    expect(deployment({ conditions })).toMatchObject({
      phase: "progressing",
      reason: "FailedCreate",
      message: "quota",
    });
    expect(deployment({ conditions: [{ type: "ReplicaFailure", status: "False" }] }).reason).toBe("");
  });
  test("that is paused waits and says so, unless nothing is left to do", () => {
    expect(deployment({ ...all(3), updatedReplicas: 0 }, { replicas: 3, paused: true })).toMatchObject({
      phase: "progressing",
      reason: "DeploymentPaused",
    });
    expect(deployment(all(3), { replicas: 3, paused: true }).phase).toBe("complete");
  });
});

describe("a StatefulSet", () => {
  const revisions = (current: string, update: string): Status => ({
    currentRevision: current,
    updateRevision: update,
  });
  const partition = (count: number): Spec => ({
    replicas: 3,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: count } },
  });

  test("is complete when all are updated and ready and the revisions meet", () => {
    expect(phase("statefulset", { replicas: 3 }, { ...all(3), ...revisions("b", "b") })).toBe("complete");
    expect(phase("statefulset", { replicas: 3 }, { ...all(3), ...revisions("a", "b") })).toBe("progressing");
  });
  test.each([
    ["not all are updated", { updatedReplicas: 2 }],
    ["not all are available", { availableReplicas: 2 }],
    ["its controller has not seen the change", { observedGeneration: 1 }],
  ])("goes on while %s", (_, part) => {
    expect(phase("statefulset", { replicas: 3 }, { ...all(3), ...revisions("b", "b"), ...part })).toBe(
      "progressing",
    );
  });
  test("with a partition is complete when the replicas above it are updated, and all are ready", () => {
    const status = { ...all(3), ...revisions("a", "b") };
    expect(phase("statefulset", partition(2), { ...status, updatedReplicas: 1 })).toBe("complete");
    expect(phase("statefulset", partition(1), { ...status, updatedReplicas: 1 })).toBe("progressing");
    expect(phase("statefulset", partition(2), { ...status, updatedReplicas: 1, availableReplicas: 2 })).toBe(
      "progressing",
    );
    expect(phase("statefulset", partition(9), { ...status, updatedReplicas: 0 })).toBe("complete");
  });
  test("with a partition tells what it leaves as it is", () => {
    const facts = judgeRollout("statefulset", object(partition(2), { ...all(3), updatedReplicas: 1 }));
    expect(facts).toMatchObject({
      reason: "Partition",
      message: "1 of 3 pods are updated; the partition keeps the others as they are",
    });
    expect(judgeRollout("statefulset", object(partition(2), all(3))).reason).toBe("");
  });
  test("with a partition of 0 is judged as without one", () => {
    expect(phase("statefulset", partition(0), { ...all(3), ...revisions("a", "b") })).toBe("progressing");
  });
  test("of zero replicas is complete", () => {
    expect(phase("statefulset", { replicas: 0 }, revisions("a", "b"))).toBe("complete");
  });
  test("that updates on delete is as wanted once its controller has seen the change, and says what is left", () => {
    const spec: Spec = { replicas: 3, updateStrategy: { type: "OnDelete" } };
    expect(judgeRollout("statefulset", object(spec, { ...all(3), updatedReplicas: 1 }))).toMatchObject({
      phase: "complete",
      reason: "OnDelete",
      message: "1 of 3 pods are updated; the others keep the old image until they are deleted",
    });
    expect(judgeRollout("statefulset", object(spec, all(3))).reason).toBe("");
    expect(phase("statefulset", spec, { ...all(3), availableReplicas: 2 })).toBe("progressing");
    expect(phase("statefulset", spec, { ...all(3), observedGeneration: 1 })).toBe("progressing");
  });
  test("counts what is ready as available where the API server does not tell", () => {
    const status = { readyReplicas: 2 };
    expect(judgeRollout("statefulset", object({ replicas: 3 }, status)).available).toBe(2);
  });
});

describe("a DaemonSet", () => {
  const nodes = (count: number): Status => ({
    desiredNumberScheduled: count,
    updatedNumberScheduled: count,
    numberReady: count,
    numberAvailable: count,
  });

  test("is complete when the pod of every node is updated and available", () => {
    expect(judgeRollout("daemonset", object({}, nodes(2)))).toMatchObject({
      phase: "complete",
      desired: 2,
      updated: 2,
      ready: 2,
      available: 2,
    });
  });
  test.each([
    ["not all are updated", { updatedNumberScheduled: 1 }],
    ["not all are available", { numberAvailable: 1 }],
    ["its controller has not seen the change", { observedGeneration: 1 }],
  ])("goes on while %s", (_, part) => {
    expect(phase("daemonset", {}, { ...nodes(2), ...part })).toBe("progressing");
  });
  test("that no node wants is complete", () => {
    expect(phase("daemonset", {}, {})).toBe("complete");
  });
  test("that updates on delete is as wanted once its controller has seen the change, and says what is left", () => {
    const spec: Spec = { updateStrategy: { type: "OnDelete" } };
    expect(judgeRollout("daemonset", object(spec, { ...nodes(2), updatedNumberScheduled: 0 }))).toMatchObject(
      { phase: "complete", reason: "OnDelete", message: expect.stringContaining("0 of 2 pods are updated") },
    );
    expect(phase("daemonset", spec, { ...nodes(2), numberAvailable: 1 })).toBe("progressing");
    expect(phase("daemonset", spec, { ...nodes(2), observedGeneration: 1 })).toBe("progressing");
  });
});

describe.each(["replicaset", "replicationcontroller"])("a %s", (kind) => {
  test("is complete when its pods are there, whichever template they are of", () => {
    expect(judgeRollout(kind, object({ replicas: 3 }, all(3)))).toMatchObject({
      phase: "complete",
      desired: 3,
      available: 3,
      reason: "",
    });
    expect(phase(kind, { replicas: 0 }, {})).toBe("complete");
  });
  test.each([
    ["pods are missing", { replicas: 2 }],
    ["not all are available", { availableReplicas: 2 }],
    ["its controller has not seen the change", { observedGeneration: 1 }],
  ])("goes on while %s", (_, part) => {
    expect(phase(kind, { replicas: 3 }, { ...all(3), ...part })).toBe("progressing");
  });
  test("says why its pods cannot be made", () => {
    const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" }];
    expect(judgeRollout(kind, object({ replicas: 1 }, { conditions }))).toMatchObject({
      reason: "FailedCreate",
      message: "quota",
    });
  });
});

describe("a Pod", () => {
  const pod = (status: Status) => judgeRollout("pod", { metadata: { generation: 2 }, status });
  const ready = { conditions: [{ type: "Ready", status: "True" }] };

  test("is complete when it is ready, or has succeeded", () => {
    expect(pod({ phase: "Running", ...ready })).toMatchObject({ phase: "complete", desired: 1, ready: 1 });
    expect(pod({ phase: "Succeeded", conditions: [{ type: "Ready", status: "False" }] }).phase).toBe(
      "complete",
    );
    expect(pod({ phase: "Running", conditions: [{ type: "Ready", status: "False" }] }).phase).toBe(
      "progressing",
    );
    expect(pod({}).phase).toBe("progressing");
  });
  test("waits for the generation where the API server tells one", () => {
    expect(pod({ ...ready, observedGeneration: 1 }).phase).toBe("progressing");
    expect(pod({ ...ready, observedGeneration: 2 }).phase).toBe("complete");
  });
  test("fails with its own reason", () => {
    expect(pod({ phase: "Failed", reason: "Evicted", message: "low on memory" })).toMatchObject({
      phase: "failed",
      reason: "Evicted",
      message: "low on memory",
    });
    expect(pod({ phase: "Failed" }).reason).toBe("PodFailed");
  });
});

describe("a Job", () => {
  const job = (status: Status, spec: Spec = {}) =>
    judgeRollout("job", { metadata: { generation: 1 }, spec, status });

  test("is judged by its conditions; it has no observed generation", () => {
    expect(job({ succeeded: 1, conditions: [{ type: "Complete", status: "True" }] })).toMatchObject({
      phase: "complete",
      desired: 1,
      ready: 1,
    });
    expect(job({}).phase).toBe("progressing");
    expect(job({ succeeded: 2 }, { completions: 5 })).toMatchObject({
      phase: "progressing",
      desired: 5,
      ready: 2,
    });
  });
  test("fails with the API server's reason", () => {
    const conditions = [
      { type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "6 times" },
    ];
    expect(job({ conditions })).toMatchObject({
      phase: "failed",
      reason: "BackoffLimitExceeded",
      message: "6 times",
    });
    expect(job({ conditions: [{ type: "Failed", status: "True" }] }).reason).toBe("Failed");
    expect(job({ conditions: [{ type: "Failed", status: "False" }] }).phase).toBe("progressing");
  });
  test("has failed as soon as that is decided, while its last pods are still ending", () => {
    const conditions = [{ type: "FailureTarget", status: "True", reason: "PodFailurePolicy" }];
    expect(job({ conditions })).toMatchObject({ phase: "failed", reason: "PodFailurePolicy" });
  });
  test("that is suspended waits and says so", () => {
    expect(job({}, { suspend: true })).toMatchObject({ phase: "progressing", reason: "JobSuspended" });
    const conditions = [{ type: "Complete", status: "True" }];
    expect(job({ conditions }, { suspend: true }).phase).toBe("complete");
  });
});

test("a CronJob is complete as soon as it is there: its controller tells no observed generation", () => {
  expect(judgeRollout("cronjob", { metadata: { generation: 7 } })).toEqual({
    phase: "complete",
    desired: 0,
    updated: 0,
    ready: 0,
    available: 0,
    reason: "",
    message: "",
  });
});
