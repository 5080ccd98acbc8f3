import { afterEach, expect, test } from "vitest";

import { at, numberAt, objectAt, textAt, withAt, type JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { aDeployment, createRig, type Rig } from "../rig.ts";
import { conditionOf, isReady } from "./pods-of.ts";

const rigs: Rig[] = [];

afterEach(() => {
  for (const rig of rigs.splice(0)) {
    rig.stop();
    expect(rig.faults).toEqual([]);
  }
});

function running(): Rig {
  const rig = createRig();
  rig.setOutcome((image) => (image.startsWith("bad") ? "pull-failure" : "ready"));
  rigs.push(rig);
  return rig;
}

function isDone(object: KubeObject): boolean {
  const { status } = object;
  const wanted = numberAt(object.spec, "replicas");
  const counts = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
  return (
    numberAt(status, "observedGeneration") === object.metadata.generation &&
    counts.every((field) => numberAt(status, field) === wanted)
  );
}

function images(rig: Rig): readonly string[] {
  return rig.all("Pod").map((pod) => textAt((at(pod.spec, "containers") as JsonObject[])[0], "image"));
}

test("a rollout ends with the new pods alone, and says so", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 3 }));
  await rig.until("Deployment", "web", isDone);
  rig.apply(aDeployment("web:2", { replicas: 3 }));
  const done = await rig.until("Deployment", "web", isDone);
  expect(conditionOf(done, "Progressing")).toMatchObject({
    status: "True",
    reason: "NewReplicaSetAvailable",
  });
  expect(done.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("2");
  await rig.when(() => rig.all("Pod").length === 3);
  expect(images(rig)).toEqual(["web:2", "web:2", "web:2"]);
});

test("a rolling update never has fewer available pods than it may", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 4 }));
  await rig.until("Deployment", "web", isDone);
  const seen: { ready: number; pods: number }[] = [];
  rig.store.subscribe(() => {
    const pods = rig.all("Pod").filter((pod) => pod.metadata.deletionTimestamp === undefined);
    seen.push({ ready: pods.filter(isReady).length, pods: pods.length });
  });
  rig.apply(aDeployment("web:2", { replicas: 4 }));
  await rig.until("Deployment", "web", isDone);
  expect(Math.min(...seen.map(({ ready }) => ready))).toBeGreaterThanOrEqual(3);
  expect(Math.max(...seen.map(({ pods }) => pods))).toBeLessThanOrEqual(5);
});

test("the old pods stay while the new ones fail, and the deadline is told", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 2, progressDeadlineSeconds: 1 }));
  await rig.until("Deployment", "web", isDone);
  rig.apply(aDeployment("bad:1", { replicas: 2, progressDeadlineSeconds: 1 }));
  const late = await rig.until("Deployment", "web", (now) => {
    return textAt(conditionOf(now, "Progressing"), "reason") === "ProgressDeadlineExceeded";
  });
  expect(conditionOf(late, "Available")).toMatchObject({ status: "True" });
  expect(late.status).toMatchObject({
    updatedReplicas: 1,
    availableReplicas: 2,
    replicas: 3,
    unavailableReplicas: 1,
  });
});

test("going back to an earlier template takes its ReplicaSet up again", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 2 }));
  await rig.until("Deployment", "web", isDone);
  const [first] = rig.all("ReplicaSet");
  rig.apply(aDeployment("bad:1", { replicas: 2 }));
  await rig.until("Deployment", "web", (now) => numberAt(now.status, "updatedReplicas") === 1);
  rig.apply(aDeployment("web:1", { replicas: 2 }));
  await rig.until("Deployment", "web", isDone);
  const live = rig.all("ReplicaSet").filter((set) => numberAt(set.spec, "replicas") > 0);
  expect(live.map((set) => set.metadata.uid)).toEqual([first?.metadata.uid]);
  expect(live[0]?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("3");
});

test("Recreate starts nothing new before the last old pod is gone", async () => {
  const rig = running();
  const strategy = { type: "Recreate" };
  rig.apply(aDeployment("web:1", { replicas: 2, strategy }));
  await rig.until("Deployment", "web", isDone);
  const mixed: boolean[] = [];
  rig.store.subscribe(() => mixed.push(new Set(images(rig)).size > 1));
  rig.apply(aDeployment("web:2", { replicas: 2, strategy }));
  await rig.until("Deployment", "web", isDone);
  expect(mixed).not.toContain(true);
});

test("a paused Deployment only counts", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1"));
  await rig.until("Deployment", "web", isDone);
  rig.apply(aDeployment("web:2", { paused: true }));
  const paused = await rig.until("Deployment", "web", (now) => {
    return textAt(conditionOf(now, "Progressing"), "reason") === "DeploymentPaused";
  });
  expect(paused.status?.["updatedReplicas"]).toBeUndefined();
  expect(images(rig)).toEqual(["web:1"]);
});

test("counts of zero are left out", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 0 }));
  const idle = await rig.until("Deployment", "web", isDone);
  expect(Object.keys(idle.status ?? {}).sort()).toEqual([
    "conditions",
    "observedGeneration",
    "terminatingReplicas",
  ]);
});

test("old ReplicaSets are forgotten beyond the history limit", async () => {
  const rig = running();
  for (const tag of [1, 2, 3, 4]) {
    rig.apply(aDeployment(`web:${tag}`, { revisionHistoryLimit: 1 }));
    await rig.until("Deployment", "web", isDone);
  }
  await rig.when(() => rig.all("ReplicaSet").length === 2);
});

test("a deleted Deployment takes ReplicaSets and pods with it", async () => {
  const rig = running();
  rig.apply(aDeployment("web:1", { replicas: 2 }));
  rig.remove(await rig.until("Deployment", "web", isDone));
  await rig.when(() => rig.all("ReplicaSet").length === 0 && rig.all("Pod").length === 0);
});

test("pods and ReplicaSets carry the template's hash in name and labels", async () => {
  const rig = running();
  rig.apply(withAt(aDeployment("web:1"), ["spec", "template", "metadata", "annotations"], { note: "1" }));
  await rig.until("Deployment", "web", isDone);
  const [set] = rig.all("ReplicaSet");
  const hash = textAt(objectAt(set?.metadata, "labels"), "pod-template-hash");
  expect(set?.metadata.name).toBe(`web-${hash}`);
  const [pod] = rig.all("Pod");
  expect(pod?.metadata.name).toMatch(new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
  expect(pod?.metadata).toMatchObject({ labels: { "pod-template-hash": hash }, annotations: { note: "1" } });
});
