import type { ContainerResult, Job, Workload } from "#common/contracts/http.ts";

/** What the page's tests show: each as small as it can be, changed where a test cares. */

export function aWorkload(name: string, change: Partial<Workload> = {}): Workload {
  const namespace = change.namespace ?? "sock-shop";
  return {
    id: `${namespace}:deployment/${name}`,
    environment: "default",
    namespace,
    kind: "deployment",
    name,
    containers: [aContainer(name)],
    release: {
      state: "ready",
      text: "ready",
      desired: 1,
      updated: 1,
      available: 1,
      reason: null,
      message: null,
    },
    labels: {},
    policies: [],
    declared: { file: `deploy/${name}.yaml`, document: 1, line: 1, problem: null },
    owner: { kind: "none", name: "" },
    drift: false,
    freeze: null,
    ...change,
  };
}

export function aContainer(
  name: string,
  change: Partial<Workload["containers"][number]> = {},
): Workload["containers"][number] {
  const image = `example/${name}:0.2.0`;
  return {
    name,
    image,
    declaredImage: image,
    init: false,
    newest: null,
    newestReason: "no-policy",
    ...change,
  };
}

export function failing(name: string, change: Partial<Workload> = {}): Workload {
  const { release } = aWorkload(name);
  return aWorkload(name, {
    release: { ...release, state: "error", text: "error: ImagePullBackOff" },
    ...change,
  });
}

export function aResult(change: Partial<ContainerResult> = {}): ContainerResult {
  return {
    workload: "sock-shop:deployment/front-end",
    container: "front-end",
    from: "example/front-end:0.2.0",
    to: "example/front-end:0.3.0",
    result: "change",
    reason: null,
    detail: null,
    file: "deploy/front-end.yaml",
    ...change,
  };
}

export function aJob(change: Partial<Job> = {}): Job {
  return {
    id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11",
    kind: "release",
    environment: "default",
    phase: "succeeded",
    waitingFor: null,
    gate: null,
    waitingUntil: null,
    approvals: [],
    planHash: null,
    overrides: [],
    outcome: "succeeded",
    headline: "Release latest images to sock-shop/front-end",
    requestedBy: "alice",
    message: null,
    labels: {},
    sourceSha: null,
    requestId: null,
    createdAt: "2026-11-23T16:00:00.000Z",
    startedAt: "2026-11-23T16:00:00.100Z",
    finishedAt: "2026-11-23T16:00:31.000Z",
    commit: "3fa94c1d0b6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b",
    results: [aResult({ result: "changed" })],
    rollback: { of: null, by: null, byCommit: null },
    error: null,
    ...change,
  };
}
