import { afterEach, expect, test } from "vitest";

import { numberAt, objectsAt, textAt, type JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { PodOutcome } from "../outcome.ts";
import { podLog } from "../pod-log.ts";
import { createRig, type Rig } from "../rig.ts";
import { conditionOf, isReady } from "./pods-of.ts";

const rigs: Rig[] = [];

afterEach(() => {
  for (const rig of rigs.splice(0)) {
    rig.stop();
    expect(rig.faults).toEqual([]);
  }
});

function running(outcome: PodOutcome): Rig {
  const rig = createRig();
  rig.setOutcome(() => outcome);
  rigs.push(rig);
  return rig;
}

function aPod(spec: JsonObject = {}): JsonObject {
  const containers = [{ name: "app", image: "web:1" }];
  const metadata = { name: "web", namespace: "shop" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers, ...spec } };
}

function aJob(spec: JsonObject = {}): JsonObject {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "app", image: "web:1" }] } };
  const metadata = { name: "web", namespace: "shop" };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template, ...spec } };
}

function firstStatus(pod: KubeObject): JsonObject {
  return objectsAt(pod.status, "containerStatuses")[0] ?? {};
}

function waitingFor(reason: string) {
  return (pod: KubeObject): boolean => textAt(firstStatus(pod), "state", "waiting", "reason") === reason;
}

test("a pod gets a node, is created, and becomes ready", async () => {
  const rig = running("ready");
  const reasons: string[] = [];
  rig.store.subscribe(({ kind, object }) => {
    if (kind.kind === "Pod") reasons.push(textAt(firstStatus(object), "state", "waiting", "reason"));
  });
  rig.create(aPod());
  const pod = await rig.until("Pod", "web", isReady);
  expect(reasons).toContain("ContainerCreating");
  expect(pod.status).toMatchObject({ phase: "Running", podIP: expect.stringMatching(/^10\.244\./) });
  expect(firstStatus(pod)).toMatchObject({ ready: true, started: true, restartCount: 0 });
  expect(textAt(pod.spec, "nodeName")).toMatch(/^sandbox-/);
  expect(podLog(pod, { container: "app" })).toContain("ready");
});

test("a pod that never gets ready runs, and says which container is missing", async () => {
  const rig = running("never-ready");
  rig.create(aPod());
  const pod = await rig.until("Pod", "web", ({ status }) => textAt(status, "phase") === "Running");
  expect(conditionOf(pod, "Ready")).toMatchObject({
    status: "False",
    reason: "ContainersNotReady",
    message: "containers with unready status: [app]",
  });
});

test("an image that cannot be pulled waits, first in error, then in back-off", async () => {
  const rig = running("pull-failure");
  rig.create(aPod());
  await rig.until("Pod", "web", waitingFor("ErrImagePull"));
  const pod = await rig.until("Pod", "web", waitingFor("ImagePullBackOff"));
  expect(textAt(pod.status, "phase")).toBe("Pending");
  expect(() => podLog(pod, { container: "app" })).toThrow(
    "is waiting to start: trying and failing to pull image",
  );
  await rig.when(() => rig.all("Event").some((event) => event["reason"] === "BackOff"));
});

test("an image that appears later is pulled at the next try", async () => {
  const rig = running("pull-failure");
  rig.create(aPod());
  await rig.until("Pod", "web", waitingFor("ImagePullBackOff"));
  rig.setOutcome(() => "ready");
  await rig.until("Pod", "web", isReady);
});

test("a crashing container counts its restarts and keeps the last exit", async () => {
  const rig = running("crash");
  rig.create(aPod());
  const pod = await rig.until("Pod", "web", (now) => numberAt(firstStatus(now), "restartCount") === 2);
  expect(firstStatus(pod)).toMatchObject({
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated: { exitCode: 1, reason: "Error" } },
  });
  expect(podLog(pod, { container: "" })).toContain("fatal");
  expect(podLog(pod, { container: "app", previous: true })).toContain("fatal");
});

test("a container that takes too much memory is killed, and says so", async () => {
  const rig = running("out-of-memory");
  rig.create(aPod());
  const pod = await rig.until("Pod", "web", waitingFor("CrashLoopBackOff"));
  expect(firstStatus(pod)).toMatchObject({
    lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
  });
});

test("a container that never ended has no log of before", async () => {
  const rig = running("ready");
  rig.create(aPod());
  const pod = await rig.until("Pod", "web", isReady);
  expect(() => podLog(pod, { container: "app", previous: true })).toThrow(
    'previous terminated container "app" in pod "web" not found',
  );
});

test("a ready pod stays ready when images begin to fail", async () => {
  const rig = running("ready");
  rig.create(aPod());
  const ready = await rig.until("Pod", "web", isReady);
  rig.setOutcome(() => "crash");
  rig.create({ ...aPod(), metadata: { name: "other", namespace: "shop" } });
  await rig.until("Pod", "other", waitingFor("CrashLoopBackOff"));
  expect(rig.get("Pod", "web")).toBe(ready);
});

test("without a node a pod is unschedulable, until one comes", async () => {
  const rig = running("ready");
  for (const node of rig.all("Node")) rig.remove(node);
  rig.create(aPod());
  await rig.until(
    "Pod",
    "web",
    (pod) => textAt(conditionOf(pod, "PodScheduled"), "reason") === "Unschedulable",
  );
  rig.create({ apiVersion: "v1", kind: "Node", metadata: { name: "late" } });
  await rig.until("Pod", "web", isReady);
});

test("a pod that asks for a label no node has stays where it is, and says so", async () => {
  const rig = running("ready");
  rig.create(aPod({ nodeSelector: { disk: "fast" } }));
  const pod = await rig.until(
    "Pod",
    "web",
    (now) => textAt(conditionOf(now, "PodScheduled"), "reason") === "Unschedulable",
  );
  expect(textAt(conditionOf(pod, "PodScheduled"), "message")).toContain("didn't match Pod's node affinity");
  expect(rig.all("Event").map((event) => event["reason"])).toContain("FailedScheduling");
});

test("a Job that works is complete", async () => {
  const rig = running("ready");
  rig.create(aJob({ completions: 2, parallelism: 1 }));
  const job = await rig.until("Job", "web", (now) => conditionOf(now, "Complete") !== undefined);
  expect(job.status).toMatchObject({ succeeded: 2 });
});

test("a Job that fails too often has failed", async () => {
  const rig = running("crash");
  rig.create(aJob({ backoffLimit: 1 }));
  const job = await rig.until("Job", "web", (now) => conditionOf(now, "Failed") !== undefined);
  expect(conditionOf(job, "Failed")).toMatchObject({ status: "True", reason: "BackoffLimitExceeded" });
  expect(job.status).toMatchObject({ failed: 2 });
});

test("a namespace that is deleted takes everything with it", async () => {
  const rig = running("ready");
  rig.create(aPod());
  await rig.until("Pod", "web", isReady);
  const namespace = rig.all("Namespace").find((one) => one.metadata.name === "shop");
  if (namespace !== undefined) rig.remove(namespace);
  await rig.when(() => !rig.all("Namespace").some((one) => one.metadata.name === "shop"));
  expect(rig.all("Pod")).toEqual([]);
});
