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
  test("itself, when nothing controls it", () => {
    expect(ownerOf([])).toBe("sock-shop:pod/front-end-6c9-x2v");
    expect(ownerOf([{ kind: "StatefulSet", name: "db" }])).toBe("sock-shop:pod/front-end-6c9-x2v");
    expect(projectPod({ metadata: {} })).toEqual({ workload: ":pod/", images: [], trouble: undefined });
  });
});

test("a pod is kept with the images it runs", () => {
  const spec = { containers: [{ image: "a:1" }, {}, { image: "b:1" }] };
  expect(projectPod(pod({ spec })).images).toEqual(["a:1", "", "b:1"]);
});

describe("the trouble of a pod", () => {
  test("is told with the pod's name", () => {
    const status = { containerStatuses: [waiting("ImagePullBackOff", "Back-off pulling image")] };
    expect(troubleOf(status)).toEqual({
      reason: "ImagePullBackOff",
      message: "front-end-6c9-x2v: Back-off pulling image",
      isStarting: false,
    });
    expect(troubleOf({ containerStatuses: [waiting("ErrImagePull")] })?.message).toBe("front-end-6c9-x2v");
  });
  test("is the gravest there is", () => {
    const unwell = [waiting("ContainerCreating"), waiting("ErrImagePull")];
    expect(troubleOf({ containerStatuses: unwell })?.reason).toBe("ErrImagePull");
  });
  test("passes by itself while the pod starts", () => {
    expect(troubleOf({ containerStatuses: [waiting("ContainerCreating")] })).toEqual({
      reason: "ContainerCreating",
      message: "front-end-6c9-x2v",
      isStarting: true,
    });
  });
  test("is none once it is being deleted, or when all is well", () => {
    const status = { containerStatuses: [waiting("ErrImagePull")] };
    expect(troubleOf(status, { deletionTimestamp: "2016-11-18T16:00:00Z" })).toBeUndefined();
    expect(troubleOf({ containerStatuses: [{ name: "web", state: { running: {} } }] })).toBeUndefined();
  });
});
