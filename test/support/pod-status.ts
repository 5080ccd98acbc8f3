import type { KubeObject } from "#common/kit/kube.ts";

/** What becomes of a container's image once its pod is on a node. */
export type PodOutcome = "ready" | "never-ready" | "crash" | "out-of-memory" | "pull-failure";

export interface ContainerPlan {
  readonly name: string;
  readonly image: string;
  readonly outcome: PodOutcome;
}

/** A moment in a pod's life, as a patch of its status. */
export interface PodMoment {
  readonly afterMs: number;
  readonly status: Record<string, unknown>;
  /** What the kubelet says beside it. */
  readonly event?: { readonly reason: string; readonly message: string };
}

const restartsAtMost = 20;

/** What a kubelet would report of a pod, moment by moment. */
export function momentsOf(
  pod: KubeObject,
  containers: readonly ContainerPlan[],
  times: { readyAfterMs: number; podIP: string },
): readonly PodMoment[] {
  const runs = (outcome: PodOutcome): boolean =>
    containers.some((container) => container.outcome === outcome);
  const first = (state: (c: ContainerPlan) => ContainerState, phase = "Running"): PodMoment => ({
    afterMs: times.readyAfterMs,
    status: statusOf(phase, times.podIP, containers.map(state)),
  });
  const failed = { reason: "Failed", message: "Failed to pull image: not found" };
  if (runs("pull-failure"))
    return [
      { ...first((c) => pulling(c, "ErrImagePull"), "Pending"), event: failed },
      { ...first((c) => pulling(c, "ImagePullBackOff"), "Pending"), afterMs: 1_000 },
    ];
  if (runsOnce(pod)) return [first(running), { ...onceOver(containers, times.podIP), afterMs: 200 }];
  if (runs("crash") || runs("out-of-memory")) return crashes(containers, times);
  const only = first((c) => (c.outcome === "never-ready" ? { ...running(c), ready: false } : running(c)));
  return [runs("never-ready") ? { ...only, event: unhealthy } : only];
}

const unhealthy = {
  reason: "Unhealthy",
  message: "Readiness probe failed: HTTP probe failed with statuscode: 503",
};

const ends: Readonly<Partial<Record<PodOutcome, { exitCode: number; reason: string }>>> = {
  crash: { exitCode: 1, reason: "Error" },
  "out-of-memory": { exitCode: 137, reason: "OOMKilled" },
};

function runsOnce(pod: KubeObject): boolean {
  const policy = (pod["spec"] as { restartPolicy?: string } | undefined)?.restartPolicy;
  return policy === "Never" || policy === "OnFailure";
}

interface ContainerState {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly state: Record<string, unknown>;
  readonly lastState: Record<string, unknown>;
}

function container(plan: ContainerPlan, state: Record<string, unknown>): ContainerState {
  const up = state["running"] !== undefined;
  return {
    name: plan.name,
    image: plan.image,
    ready: up,
    started: up,
    restartCount: 0,
    state,
    lastState: {},
  };
}

function running(plan: ContainerPlan): ContainerState {
  return container(plan, { running: { startedAt: new Date().toISOString() } });
}

function waiting(plan: ContainerPlan, reason: string, message: string): ContainerState {
  return container(plan, { waiting: { reason, message } });
}

function pulling(plan: ContainerPlan, reason: string): ContainerState {
  if (plan.outcome !== "pull-failure") return waiting(plan, "ContainerCreating", "");
  const text = { ErrImagePull: "failed to pull", ImagePullBackOff: "Back-off pulling" }[reason];
  return waiting(plan, reason, `${text} image "${plan.image}": not found`);
}

function crashes(
  containers: readonly ContainerPlan[],
  times: { readyAfterMs: number; podIP: string },
): PodMoment[] {
  const moments: PodMoment[] = [];
  for (let restart = 0; restart < restartsAtMost; restart += 1) {
    const ended = (plan: ContainerPlan) => ({ terminated: ends[plan.outcome] });
    const up = (plan: ContainerPlan): ContainerState =>
      ends[plan.outcome] === undefined
        ? running(plan)
        : {
            ...running(plan),
            ready: false,
            restartCount: restart,
            lastState: restart === 0 ? {} : ended(plan),
          };
    const down = (plan: ContainerPlan): ContainerState => ({
      ...waiting(plan, "CrashLoopBackOff", `back-off restarting failed container ${plan.name}`),
      restartCount: restart + 1,
      lastState: ended(plan),
    });
    const upMs = restart === 0 ? times.readyAfterMs : 400;
    moments.push({ afterMs: upMs, status: statusOf("Running", times.podIP, containers.map(up)) });
    const fallen = containers.map((plan) => (ends[plan.outcome] ? down(plan) : running(plan)));
    moments.push({ afterMs: 100, status: statusOf("Running", times.podIP, fallen) });
  }
  return moments;
}

function onceOver(containers: readonly ContainerPlan[], podIP: string): Omit<PodMoment, "afterMs"> {
  const failed = containers.some((plan) => plan.outcome !== "ready");
  const over = containers.map((plan) => {
    const exitCode = plan.outcome === "ready" ? 0 : 1;
    return container(plan, { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } });
  });
  return { status: statusOf(failed ? "Failed" : "Succeeded", podIP, over) };
}

function statusOf(phase: string, podIP: string, containerStatuses: readonly ContainerState[]) {
  const ready = phase === "Running" && containerStatuses.every((status) => status.ready);
  const condition = (type: string, good: boolean) => ({ type, status: good ? "True" : "False" });
  return {
    phase,
    hostIP: "127.0.0.1",
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: new Date().toISOString(),
    conditions: [
      condition("Initialized", true),
      condition("ContainersReady", ready),
      condition("Ready", ready),
      condition("PodScheduled", true),
    ],
    containerStatuses: containerStatuses.map((status) => ({ ...status, imageID: "" })),
  };
}
