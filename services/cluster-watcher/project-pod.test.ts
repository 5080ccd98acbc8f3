import { describe, expect, test } from "vitest";

import type { KubeMeta, KubeObject } from "#common/kit/kube-types.ts";

import { projectPod } from "./project-pod.ts";

const controller = (kind: string, name: string) => ({ kind, name, controller: true });

function pod(o: { metadata?: KubeMeta; status?: object; spec?: object } = {}): KubeObject {
  return {
    kind: "Pod",
    metadata: { name: "front-end-6c9-x2v", namespace: "sock-shop", ...o.metadata },
    spec: { containers: [{ name: "web", image: "front-end:1" }], ...o.spec },
    status: o.status ?? {},
  };
}

const waiting = (reason: string, message?: string, more: object = {}) => ({
  name: "web",
  state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
  ...more,
});
const troubleOf = (status: object, metadata: KubeMeta = {}) => projectPod(pod({ status, metadata })).trouble;

describe("a pod belongs to", () => {
  const ownerOf = (ownerReferences: object[], labels: Record<string, string> = {}): string | undefined =>
    projectPod(pod({ metadata: { ownerReferences, labels } })).workload;

  test("the Deployment of its ReplicaSet, which is named after the template's hash", () => {
    const labels = { "pod-template-hash": "6c9" };
    expect(ownerOf([controller("ReplicaSet", "front-end-6c9")], labels)).toBe(
      "sock-shop:deployment/front-end",
    );
  });
  test("a ReplicaSet that no Deployment made", () => {
    expect(ownerOf([controller("ReplicaSet", "front-end-6c9")])).toBe("sock-shop:replicaset/front-end-6c9");
    const labels = { "pod-template-hash": "other" };
    expect(ownerOf([controller("ReplicaSet", "front-end-6c9")], labels)).toBe(
      "sock-shop:replicaset/front-end-6c9",
    );
  });
  test.each([
    ["StatefulSet", "statefulset"],
    ["DaemonSet", "daemonset"],
    ["Job", "job"],
  ])("its %s", (kind, lower) => {
    expect(ownerOf([{ kind: "Other", name: "x" }, controller(kind, "db")])).toBe(`sock-shop:${lower}/db`);
  });
  test("nobody, when nothing controls it", () => {
    expect(ownerOf([])).toBeUndefined();
    expect(ownerOf([{ kind: "StatefulSet", name: "db" }])).toBeUndefined();
    expect(projectPod({ metadata: {} })).toEqual({ workload: undefined, images: [], trouble: undefined });
  });
});

test("a pod is kept with the images it runs", () => {
  const spec = { containers: [{ image: "a:1" }, {}, { image: "b:1" }] };
  expect(projectPod(pod({ spec })).images).toEqual(["a:1", "", "b:1"]);
});

describe("the trouble of a pod", () => {
  test("is why a container waits, with the pod's name", () => {
    const status = { containerStatuses: [waiting("ImagePullBackOff", "Back-off pulling image")] };
    expect(troubleOf(status)).toEqual({
      reason: "ImagePullBackOff",
      message: "front-end-6c9-x2v: Back-off pulling image",
    });
    expect(troubleOf({ containerStatuses: [waiting("ErrImagePull")] })?.message).toBe("front-end-6c9-x2v");
  });
  test("is how a crashing container ended, and how often", () => {
    const crash = { restartCount: 4, lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } };
    expect(troubleOf({ containerStatuses: [waiting("CrashLoopBackOff", "back-off 40s", crash)] })).toEqual({
      reason: "CrashLoopBackOff",
      message: "front-end-6c9-x2v: exit code 137, 4 restarts",
    });
  });
  test("is that of an init container first", () => {
    const status = {
      containerStatuses: [waiting("PodInitializing")],
      initContainerStatuses: [{ name: "done", state: { terminated: {} } }, waiting("ErrImagePull")],
    };
    expect(troubleOf(status)?.reason).toBe("ErrImagePull");
  });
  test("is that no node takes it", () => {
    const conditions = [
      { type: "Ready", status: "False" },
      { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" },
    ];
    expect(troubleOf({ conditions })).toEqual({
      reason: "Unschedulable",
      message: "front-end-6c9-x2v: 0/3 nodes",
    });
  });
  test.each<[string, object]>([
    ["it starts", { containerStatuses: [waiting("ContainerCreating"), waiting("PodInitializing")] }],
    ["it runs", { containerStatuses: [{ name: "web", state: { running: {} } }] }],
    ["it waits without a reason", { containerStatuses: [{ name: "web", state: { waiting: {} } }] }],
    ["it is scheduled", { conditions: [{ type: "PodScheduled", status: "True" }] }],
    ["nothing is known", {}],
  ])("is none while %s", (_, status) => {
    expect(troubleOf(status)).toBeUndefined();
  });
  test("is none once it is being deleted", () => {
    const status = { containerStatuses: [waiting("ErrImagePull")] };
    expect(troubleOf(status, { deletionTimestamp: "2016-11-18T16:00:00Z" })).toBeUndefined();
  });
  test("is told in a few words, however long the kubelet's are", () => {
    expect(
      troubleOf({ containerStatuses: [waiting("ErrImagePull", "x".repeat(5_000))] })?.message.length,
    ).toBeLessThan(400);
  });
});
