import { expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { aDaemonSet, aDeployment, aJob, aStatefulSet, live } from "./cluster-lab.ts";
import type { ClusterLab, Live, LiveStatus } from "./cluster-lab.ts";

/** What controllers and kubelets report while a change settles, and when it does not. */
export function statesRollouts(lab: () => ClusterLab): void {
  test("a Deployment settles: every count is what was wished, at the generation applied", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1", { replicas: 2 });
    live(await lab().apply(object));
    const first = await lab().until(object, (now) => settled(now, 2));
    expect(condition(first, "Available")).toMatchObject({ status: "True" });
    const { generation = 0 } = live(
      await lab().apply(aDeployment({ namespace }, "test/ready:2", { replicas: 2 })),
    ).metadata;
    expect(generation).toBeGreaterThan(first.metadata.generation ?? 0);
    const second = await lab().until(object, (now) => settled(now, 2));
    expect(second.status?.observedGeneration).toBeGreaterThanOrEqual(generation);
    expect(second.metadata.uid).toBe(first.metadata.uid);
    expect(condition(second, "Progressing")).toMatchObject({ reason: "NewReplicaSetAvailable" });
    const images = (await pods(lab(), namespace)).filter(isKept).map(imageOf);
    expect(images).toEqual(["test/ready:2", "test/ready:2"]);
  });

  test("the answer to an apply still shows the old status", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    const before = await lab().until(object, (now) => settled(now, 1));
    const after = live(await lab().apply(aDeployment({ namespace }, "test/ready:2")));
    expect(after.metadata.generation).toBe((before.metadata.generation ?? 0) + 1);
    expect(after.status?.observedGeneration).toBe(before.status?.observedGeneration);
  });

  test("a Deployment owns a ReplicaSet per template, and that owns the pods", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    const { uid } = live(await lab().apply(object)).metadata;
    await lab().until(object, (now) => settled(now, 1));
    const sets = await list(lab(), `/apis/apps/v1/namespaces/${namespace}/replicasets`);
    expect(sets).toHaveLength(1);
    expect(sets[0]?.metadata["ownerReferences"]).toMatchObject([{ kind: "Deployment", name: "web", uid }]);
    const [pod] = await pods(lab(), namespace);
    expect(pod?.metadata["ownerReferences"]).toMatchObject([
      { kind: "ReplicaSet", uid: sets[0]?.metadata.uid },
    ]);
    expect(pod?.metadata.labels).toMatchObject({ app: "web" });
  });

  test("a StatefulSet and a DaemonSet settle", async () => {
    const namespace = await lab().namespace();
    const set = aStatefulSet({ namespace, name: "set" }, "test/ready:1", { replicas: 2 });
    const daemon = aDaemonSet({ namespace, name: "daemon" }, "test/ready:1");
    live(await lab().apply(set));
    live(await lab().apply(daemon));
    await lab().until(set, setSettled);
    live(await lab().apply(aStatefulSet({ namespace, name: "set" }, "test/ready:2", { replicas: 2 })));
    await lab().until(set, (now) => setSettled(now) && now.status?.updatedReplicas === 2);
    const settledDaemon = await lab().until(daemon, daemonSettled);
    expect(settledDaemon.status?.desiredNumberScheduled).toBeGreaterThan(0);
  });

  test("a Job completes, or fails when its container does", async () => {
    const namespace = await lab().namespace();
    const good = aJob({ namespace, name: "good" }, "test/ready:1");
    const bad = aJob({ namespace, name: "bad" }, "test/crash:1");
    live(await lab().apply(good));
    live(await lab().apply(bad));
    await lab().until(good, (now) => condition(now, "Complete")?.status === "True");
    await lab().until(bad, (now) => condition(now, "Failed")?.status === "True");
  });

  test("an image that cannot be pulled shows in the pod, and the rollout stalls with the old pods up", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    await lab().until(object, (now) => settled(now, 1));
    const { generation = 0 } = live(
      await lab().apply(aDeployment({ namespace }, "test/pull-failure:1")),
    ).metadata;
    // A kubelet shows ContainerCreating first.
    const pull = ["ErrImagePull", "ImagePullBackOff"];
    const waiting = await untilPod(lab(), namespace, (pod) => pull.includes(waitingReason(pod) ?? ""));
    expect(imageOf(waiting)).toBe("test/pull-failure:1");
    await untilPod(lab(), namespace, (pod) => waitingReason(pod) === "ImagePullBackOff");
    const stalled = await lab().until(object, (now) => now.status?.observedGeneration === generation);
    expect(stalled.status).toMatchObject({ updatedReplicas: 1, availableReplicas: 1, replicas: 2 });
  });

  test("a rollout that makes no progress in time says ProgressDeadlineExceeded", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/never-ready:1", { progressDeadlineSeconds: 1 });
    live(await lab().apply(object));
    const late = await lab().until(object, (now) => condition(now, "Progressing")?.status === "False");
    expect(condition(late, "Progressing")).toMatchObject({ reason: "ProgressDeadlineExceeded" });
    expect(late.status?.availableReplicas ?? 0).toBe(0);
    expect(late.status?.observedGeneration).toBe(late.metadata.generation);
  });

  test("a container that crashes waits in CrashLoopBackOff and counts its restarts", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, "test/crash:1")));
    const down = await untilPod(
      lab(),
      namespace,
      (pod) =>
        waitingReason(pod) === "CrashLoopBackOff" &&
        (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    );
    expect(down.status?.containerStatuses?.[0]).toMatchObject({
      lastState: { terminated: { exitCode: 1, reason: "Error" } },
    });
  });

  test("scaling changes the counts, and nothing else", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    await lab().until(object, (now) => settled(now, 1));
    live(await lab().patch(object, { type: "merge", body: { spec: { replicas: 3 } } }));
    await lab().until(object, (now) => settled(now, 3));
    live(await lab().patch(object, { type: "merge", body: { spec: { replicas: 0 } } }));
    const none = await lab().until(object, (now) => settled(now, 0));
    expect(none.status?.availableReplicas).toBeUndefined();
    expect(await list(lab(), `/apis/apps/v1/namespaces/${namespace}/replicasets`)).toHaveLength(1);
  });

  test("a deleted Deployment takes its pods with it", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    await lab().until(object, (now) => settled(now, 1));
    await lab().remove(object);
    const none = async () => (await pods(lab(), namespace)).length === 0;
    await pollUntil(none, { everyMs: 50, timeoutMs: 30_000, what: "no pods left" });
  });
}

function settled({ metadata, spec, status }: Live, replicas: number): boolean {
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  const counts = [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas];
  // Counts of zero are left out.
  return spec.replicas === replicas && counts.every((count) => (count ?? 0) === replicas);
}

function setSettled({ metadata, spec, status }: Live): boolean {
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  return status.readyReplicas === spec.replicas && status.updatedReplicas === spec.replicas;
}

function daemonSettled({ metadata, status }: Live): boolean {
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  const { desiredNumberScheduled: wanted, updatedNumberScheduled, numberAvailable } = status;
  return (
    wanted !== undefined && wanted > 0 && updatedNumberScheduled === wanted && numberAvailable === wanted
  );
}

function condition(object: Live, type: string) {
  return object.status?.conditions?.find((one) => one.type === type);
}

async function list(lab: ClusterLab, path: string): Promise<KubeObject[]> {
  const answer = await lab.api.request({ method: "GET", path });
  return (answer.body as { items: KubeObject[] }).items;
}

interface Pod {
  readonly metadata: KubeObject["metadata"];
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status?: LiveStatus;
}

async function pods(lab: ClusterLab, namespace: string): Promise<Pod[]> {
  return (await list(lab, `/api/v1/namespaces/${namespace}/pods`)) as unknown as Pod[];
}

function untilPod(lab: ClusterLab, namespace: string, passes: (pod: Pod) => boolean): Promise<Pod> {
  const look = async (): Promise<Pod | undefined> => (await pods(lab, namespace)).find(passes);
  return pollUntil(look, { everyMs: 30, timeoutMs: 30_000, what: "a pod in that state" });
}

function isKept(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined;
}

function imageOf(pod: Pod): string | undefined {
  return pod.spec.containers[0]?.image;
}

function waitingReason(pod: Pod): string | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
}
