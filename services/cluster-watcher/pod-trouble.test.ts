import { describe, expect, test } from "vitest";

import type { KubeMeta } from "#common/kit/kube-types.ts";

import { podTroubles, type ContainerStatus, type PodTrouble } from "./pod-trouble.ts";

const troublesOf = (status: object, metadata: KubeMeta = {}, containers = 1): PodTrouble[] =>
  podTroubles({ metadata, spec: { containers: Array.from({ length: containers }, () => ({})) }, status });
const ofContainers = (...containerStatuses: ContainerStatus[]): PodTrouble[] =>
  troublesOf({ containerStatuses }, {}, containerStatuses.length);
const waiting = (reason: string, message?: string): ContainerStatus => ({
  name: "web",
  state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
});
const crashed = (exitCode: number, reason = "Error", restartCount = 3): ContainerStatus => ({
  restartCount,
  lastState: { terminated: { exitCode, reason } },
});
const condition = (type: string, status: string, why: { reason?: string; message?: string } = {}) => ({
  type,
  status,
  ...why,
});

describe("a container that cannot run", () => {
  test("tells why it waits", () => {
    expect(ofContainers(waiting("ImagePullBackOff", "Back-off pulling"))).toEqual([
      {
        container: "web",
        reason: "ImagePullBackOff",
        message: "Back-off pulling",
        exitCode: undefined,
        restarts: 0,
        isStarting: false,
        log: "none",
      },
    ]);
  });
  test.each([
    [crashed(1), "exit code 1, 3 restarts"],
    [crashed(137, "OOMKilled", 1), "OOMKilled, exit code 137, 1 restart"],
    [crashed(128, "StartError", 2), "StartError, exit code 128, 2 restarts"],
  ])("tells how it ended when it crashes", (status, message) => {
    const [trouble] = ofContainers({ ...waiting("CrashLoopBackOff", "back-off 40s"), ...status });
    expect(trouble).toMatchObject({ reason: "CrashLoopBackOff", message, log: "previous" });
    expect(trouble?.exitCode).toBe(status.lastState?.terminated?.exitCode);
    expect(trouble?.restarts).toBe(status.restartCount);
  });
  test("tells what stops it now rather than how it ended once", () => {
    const status = { ...waiting("CreateContainerConfigError", 'secret "shop" not found'), ...crashed(1) };
    expect(ofContainers(status)[0]?.message).toBe('secret "shop" not found');
  });
  test("tells what it said itself, without credentials and on one line", () => {
    const last = { exitCode: 2, reason: "Error", message: "cannot log in:\npassword=hunter2 refused\n" };
    const status = { ...waiting("CrashLoopBackOff"), restartCount: 1, lastState: { terminated: last } };
    expect(ofContainers(status)[0]?.message).toBe(
      "exit code 2, 1 restart, cannot log in: password=[redacted] refused",
    );
  });
  test("that ended and is not started again tells its end", () => {
    const ended = (exitCode: number) => ({
      name: "web",
      state: { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } },
    });
    expect(ofContainers(ended(3))).toMatchObject([
      { reason: "Error", message: "exit code 3, 0 restarts", exitCode: 3, log: "current" },
    ]);
    expect(ofContainers(ended(0))).toEqual([]);
  });
  test("is named where there are several, and an init container always, before the others", () => {
    const status = {
      containerStatuses: [waiting("PodInitializing"), { ...waiting("ErrImagePull"), name: "side" }],
      initContainerStatuses: [
        { name: "done", state: { terminated: { exitCode: 0 } } },
        { ...waiting("CrashLoopBackOff"), name: "setup", ...crashed(1) },
      ],
    };
    expect(troublesOf(status, {}, 2).map(({ reason, message }) => [reason, message])).toEqual([
      ["CrashLoopBackOff", "init container setup: exit code 1, 3 restarts"],
      ["ErrImagePull", "side"],
      ["PodInitializing", "web"],
    ]);
  });
  test("is told in a few words, however long the kubelet's are", () => {
    expect(ofContainers(waiting("ErrImagePull", "x".repeat(5_000)))[0]?.message).toHaveLength(300);
  });
});

describe("a pod", () => {
  test("that no node takes says so", () => {
    const conditions = [
      condition("Ready", "False", { reason: "ContainersNotReady" }),
      condition("PodScheduled", "False", { reason: "Unschedulable", message: "0/3 nodes are available" }),
    ];
    expect(troublesOf({ conditions })).toMatchObject([
      { container: "", reason: "Unschedulable", message: "0/3 nodes are available", isStarting: false },
    ]);
    expect(troublesOf({ conditions: [condition("PodScheduled", "False")] })[0]?.reason).toBe("Unschedulable");
  });
  test("that is gone from its node is only a matter of time: another one is made", () => {
    expect(troublesOf({ phase: "Failed", reason: "Evicted", message: "low on memory" })).toMatchObject([
      { reason: "Evicted", message: "low on memory", isStarting: true },
    ]);
  });
  test("that runs and is not ready waits for its containers", () => {
    const conditions = [
      condition("Ready", "False", { reason: "ContainersNotReady", message: "with unready status: [web]" }),
    ];
    const running = { name: "web", ready: false, state: { running: {} } };
    expect(troublesOf({ phase: "Running", conditions, containerStatuses: [running] })).toMatchObject([
      {
        container: "web",
        reason: "ContainersNotReady",
        message: "with unready status: [web]",
        isStarting: true,
        log: "current",
      },
    ]);
    const again = { ...running, ...crashed(1) };
    expect(troublesOf({ phase: "Running", conditions, containerStatuses: [again] })).toMatchObject([
      { message: "not ready again, exit code 1, 3 restarts", exitCode: 1, restarts: 3, log: "previous" },
    ]);
  });
  test("waits for its gates when every container is ready", () => {
    const conditions = [
      condition("Ready", "False", { reason: "ReadinessGatesNotReady", message: "x is not true" }),
    ];
    const running = { name: "web", ready: true, state: { running: {} } };
    expect(troublesOf({ phase: "Running", conditions, containerStatuses: [running] })).toMatchObject([
      { container: "", reason: "ReadinessGatesNotReady", log: "none" },
    ]);
  });
  test.each<[string, object]>([
    ["it runs", { containerStatuses: [{ name: "web", state: { running: {} } }] }],
    ["it waits without a reason", { containerStatuses: [{ name: "web", state: { waiting: {} } }] }],
    ["it is scheduled", { conditions: [condition("PodScheduled", "True")] }],
    [
      "it has succeeded",
      { phase: "Succeeded", conditions: [condition("Ready", "False", { reason: "PodCompleted" })] },
    ],
    ["nothing is known", {}],
  ])("has no trouble when %s", (_, status) => {
    expect(troublesOf(status)).toEqual([]);
  });
  test("has none once it is being deleted", () => {
    const status = { containerStatuses: [waiting("ErrImagePull")] };
    expect(troublesOf(status, { deletionTimestamp: "2016-11-18T16:00:00Z" })).toEqual([]);
  });
});
