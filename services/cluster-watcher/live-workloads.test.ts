import { describe, expect, test } from "vitest";

import { RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { createLiveWorkloads, type LiveWorkloads } from "./live-workloads.ts";
import type { ProjectedPod } from "./project-pod.ts";

const id = "shop:deployment/web";
const phases = {
  progressing: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
  complete: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
  failed: RolloutPhase.ROLLOUT_PHASE_FAILED,
};

const workload = (phase: keyof typeof phases = "progressing", name = "web", reason = ""): Workload =>
  Workload.fromPartial({
    namespace: "shop",
    kind: "deployment",
    name,
    containers: [
      { name: "web", image: "web:2" },
      { name: "setup", image: "setup:1", init: true },
    ],
    rollout: {
      phase: phases[phase],
      desired: 3,
      updated: 1,
      reason,
      message: reason === "" ? "" : "by the API",
    },
  });

const pod = (reason: string | undefined, images = ["web:2"], of: string | undefined = id): ProjectedPod => ({
  workload: of,
  images,
  trouble: reason === undefined ? undefined : { reason, message: `pod: ${reason}` },
});

function aView(...workloads: readonly Workload[]) {
  const live = createLiveWorkloads();
  for (const item of workloads) {
    live.onWorkload(of(item.kind), { type: "upsert", key: `${item.namespace}/${item.name}`, item });
  }
  const told: string[] = [];
  const stop = live.subscribe((change) => {
    told.push(`${change.kind} ${change.workload.name} ${change.workload.rollout?.reason ?? ""}`.trim());
  });
  return { live, told, stop };
}

const of = (kind: string, behind = "") => ({ kind, behind });

const upsertPod = (live: LiveWorkloads, key: string, item: ProjectedPod): void =>
  live.onPod({ type: "upsert", key, item });
const deletePod = (live: LiveWorkloads, key: string): void => live.onPod({ type: "delete", key });
const reasonOf = (live: LiveWorkloads): string | undefined => live.get(id)?.rollout?.reason;

describe("the live view", () => {
  test("has every workload, in order of its id, until it is deleted", () => {
    const { live, told } = aView(workload("complete", "web"), workload("complete", "api"));
    expect(live.all().map((one) => one.name)).toEqual(["api", "web"]);
    live.onWorkload(of("deployment"), { type: "delete", key: "shop/web" });
    expect(live.get(id)).toBeUndefined();
    expect(live.all()).toHaveLength(1);
    expect(told).toEqual(["deleted web"]);
  });
  test("tells of a change, and of nothing when what is not there is deleted", () => {
    const { live, told, stop } = aView(workload());
    live.onWorkload(of("deployment"), { type: "upsert", key: "shop/web", item: workload("complete") });
    live.onWorkload(of("deployment"), { type: "delete", key: "shop/absent" });
    live.onWorkload(of("statefulset"), { type: "delete", key: "shop/web" });
    expect(told).toEqual(["upserted web"]);
    stop();
    live.onWorkload(of("deployment"), { type: "delete", key: "shop/web" });
    expect(told).toHaveLength(1);
  });
});

describe("a kind of two groups", () => {
  const told = (generation: bigint) => ({ ...workload("complete"), kind: "helmrelease", generation });
  const release = (item: Workload) => ({ type: "upsert", key: "shop/web", item }) as const;
  const gone = { type: "delete", key: "shop/web" } as const;
  const first = of("helmrelease");
  const second = of("helmrelease", "helm.fluxcd.io");
  const ids = (live: LiveWorkloads) => live.all().map((one) => one.generation);
  const helm = "shop:helmrelease/web";
  test("tells the first group's object where both have one, and the other's when that is gone", () => {
    const { live, told: heard } = aView();
    live.onWorkload(second, release(told(1n)));
    expect(live.get(helm)?.generation).toBe(1n);
    live.onWorkload(first, release(told(2n)));
    live.onWorkload(second, release(told(3n)));
    expect(live.get(helm)?.generation).toBe(2n);
    expect(ids(live)).toEqual([2n]);
    live.onWorkload(first, gone);
    expect(ids(live)).toEqual([3n]);
    live.onWorkload(second, gone);
    expect(ids(live)).toEqual([]);
    expect(heard.at(-2)).toBe("upserted web");
    expect(heard.at(-1)).toBe("deleted web");
  });
});

describe("a rollout that does not end", () => {
  test("is explained by a pod of its template that is in trouble", () => {
    const { live, told } = aView(workload());
    upsertPod(live, "shop/web-1", pod("ErrImagePull"));
    expect(live.get(id)?.rollout).toMatchObject({
      phase: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
      updated: 1,
      reason: "ErrImagePull",
      message: "pod: ErrImagePull",
    });
    upsertPod(live, "shop/web-1", pod("ImagePullBackOff"));
    expect(told).toEqual(["upserted web ErrImagePull", "upserted web ImagePullBackOff"]);
  });
  test("is explained also when the pod came first, and told so", () => {
    const { live, told } = aView();
    upsertPod(live, "shop/web-1", pod("ErrImagePull"));
    expect(told).toEqual([]);
    live.onWorkload(of("deployment"), { type: "upsert", key: "shop/web", item: workload() });
    expect(told).toEqual(["upserted web ErrImagePull"]);
  });
  test("is explained by a pod into which a mesh put its container", () => {
    const { live } = aView(workload());
    upsertPod(live, "shop/web-1", pod("CrashLoopBackOff", ["web:2", "proxy:9"]));
    expect(reasonOf(live)).toBe("CrashLoopBackOff");
  });
  test("is not explained by a pod of an older template, nor of somebody else", () => {
    const { live, told } = aView(workload());
    upsertPod(live, "shop/web-0", pod("CrashLoopBackOff", ["web:1"]));
    upsertPod(live, "shop/api-0", pod("CrashLoopBackOff", ["web:2"], "shop:deployment/api"));
    upsertPod(live, "shop/lone", { ...pod("CrashLoopBackOff"), workload: undefined });
    expect(reasonOf(live)).toBe("");
    expect(told).toEqual([]);
  });
  test("goes on with the next pod in trouble when one recovers or goes", () => {
    const { live, told } = aView(workload());
    upsertPod(live, "shop/web-1", pod("ErrImagePull"));
    upsertPod(live, "shop/web-2", pod("Unschedulable"));
    upsertPod(live, "shop/web-1", pod(undefined));
    expect(reasonOf(live)).toBe("Unschedulable");
    deletePod(live, "shop/web-2");
    deletePod(live, "shop/web-2");
    expect(reasonOf(live)).toBe("");
    expect(told).toEqual(["upserted web ErrImagePull", "upserted web Unschedulable", "upserted web"]);
  });
  test("is explained by what passes by itself only where nothing else is wrong", () => {
    const { live } = aView(workload());
    const starting = { reason: "ContainerCreating", message: "web-1", isStarting: true };
    upsertPod(live, "shop/web-1", { ...pod(undefined), trouble: starting });
    expect(reasonOf(live)).toBe("ContainerCreating");
    upsertPod(live, "shop/web-2", pod("ErrImagePull"));
    expect(reasonOf(live)).toBe("ErrImagePull");
  });
  test("is told once, however often the same trouble is seen", () => {
    const { live, told } = aView(workload());
    for (let round = 0; round < 3; round += 1) upsertPod(live, "shop/web-1", pod("ErrImagePull"));
    expect(told).toHaveLength(1);
  });
});

describe("a rollout that ended", () => {
  test("well is not darkened by a pod in trouble", () => {
    const { live, told } = aView(workload("complete"));
    upsertPod(live, "shop/web-1", pod("CrashLoopBackOff"));
    expect(reasonOf(live)).toBe("");
    expect(told).toEqual([]);
  });
  test("badly keeps the API server's reason, with the pod's as its message", () => {
    const { live } = aView(workload("failed", "web", "ProgressDeadlineExceeded"));
    upsertPod(live, "shop/web-1", pod("ImagePullBackOff"));
    expect(live.get(id)?.rollout).toMatchObject({
      reason: "ProgressDeadlineExceeded",
      message: "ImagePullBackOff: pod: ImagePullBackOff",
    });
  });
});
