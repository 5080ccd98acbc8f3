import type { Identity, Token } from "#common/contracts/tokens.ts";
import type {
  ContainerResult,
  Environment,
  Job,
  Plan,
  Step,
  Workload,
  WorkloadHistory,
  WorkloadImages,
  WorkloadPage,
} from "#common/contracts/http.ts";

/** The data of 2016 and builders around it, for tests of the command line. */

export const frontEndTag = "7f511af2d21fd601b86b3bed7baa6adfa9c8c669";
export const jobId = "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11";
export const rollbackId = "0193a5c2-9a00-7b40-9c55-2f6fb07d5e22";

export const freshAge: WorkloadPage["age"] = {
  clusterMs: 20,
  clusterComplete: true,
  clusterProblem: null,
  gitCommit: "9c1e2f4000000000000000000000000000000000",
  gitMs: 1200,
  gitProblem: null,
  imagesMs: 300,
};

export function aContainer(
  name: string,
  image: string,
  more: Partial<WorkloadContainer> = {},
): WorkloadContainer {
  return { name, image, declaredImage: image, init: false, newest: null, newestReason: "no-policy", ...more };
}

type WorkloadContainer = Workload["containers"][number];

export function aWorkload(name: string, image: string, more: Partial<Workload> = {}): Workload {
  const namespace = more.namespace ?? "sock-shop";
  return {
    id: `${namespace}:deployment/${name}`,
    environment: "default",
    namespace,
    kind: "deployment",
    name,
    containers: [aContainer(name, image)],
    release: {
      state: "ready",
      text: "ready",
      desired: 1,
      updated: 1,
      available: 1,
      reason: null,
      message: null,
    },
    labels: { app: name },
    policies: [],
    declared: { file: `deploy/${name}.yaml`, document: 1, line: 20, problem: null },
    owner: { kind: "none", name: "" },
    drift: false,
    freeze: null,
    ...more,
  };
}

export const sockShop: readonly Workload[] = [
  aWorkload("cart", "weaveworksdemos/cart:0.3.0"),
  aWorkload("cart-db", "mongo"),
  aWorkload("catalogue", "weaveworksdemos/catalogue:0.2.0"),
  aWorkload("front-end", "weaveworksdemos/front-end:0.2.0"),
];

const dates: readonly (readonly [string, string])[] = [
  [frontEndTag, "2016-11-18T16:00:00Z"],
  ["latest", "2016-11-18T16:00:00Z"],
  ["snapshot", "2016-11-18T16:00:00Z"],
  ["16007dddd86b2ebb41d8880c53b77580cab13f02", "2016-11-18T11:23:00Z"],
  ["a0eaf8c8ffc0b81c2199adaf7d67466891bb3205", "2016-11-17T10:22:00Z"],
  ["1b664cc81d9cf25b213000686a9e8d6477ae1b06", "2016-11-16T20:31:00Z"],
  ["ce1efe59c32d3c53344defdda4d5b643272022b8", "2016-11-16T20:29:00Z"],
  ["4c33b216ae902ad89b9c3ca30a99a44833d16d5b", "2016-11-10T21:34:00Z"],
  ["7015587783bc8f7a9c3d5cfa51e5a257fe188c4b", "2016-11-10T11:34:00Z"],
  ["4d3ea2896c81e40a630d36cdc29ce740e7617016", "2016-11-10T11:30:00Z"],
  ["0.2.0", "2016-11-09T10:26:00Z"],
];

/** The eleven images of `weaveworksdemos/front-end`, one of them running. */
export function frontEndImages(running = "0.2.0"): WorkloadImages {
  return {
    workload: "sock-shop:deployment/front-end",
    environment: "default",
    nodes: { platforms: ["linux/amd64"], problem: null },
    containers: [
      {
        container: "front-end",
        image: `weaveworksdemos/front-end:${running}`,
        repository: "weaveworksdemos/front-end",
        available: dates.map(([tag, createdAt]) => ({
          tag,
          digest: null,
          createdAt,
          firstSeenAt: null,
          dateFrom: "config",
          platforms: ["linux/amd64"],
          runnable: true,
          movedAt: null,
          running: tag === running,
          eligible: tag !== "latest",
          ineligible: tag === "latest" ? "latest-excluded" : null,
        })),
        total: dates.length,
        next: null,
        filter: null,
        scannedAt: "2026-11-23T16:39:00Z",
        ageMs: 60_000,
        missing: null,
        problem: null,
      },
    ],
  };
}

export function aResult(more: Partial<ContainerResult> = {}): ContainerResult {
  return {
    workload: "sock-shop:deployment/front-end",
    container: "front-end",
    from: "weaveworksdemos/front-end:0.2.0",
    to: `weaveworksdemos/front-end:${frontEndTag}`,
    result: "changed",
    reason: null,
    detail: null,
    file: "deploy/front-end.yaml",
    ...more,
  };
}

export function aSkip(name: string, reason: string, detail: string | null = null): ContainerResult {
  return aResult({
    workload: `sock-shop:deployment/${name}`,
    container: name,
    from: `weaveworksdemos/${name}:0.3.0`,
    to: null,
    result: "skip",
    reason,
    detail,
    file: `deploy/${name}.yaml`,
  });
}

export function aJob(more: Partial<Job> = {}): Job {
  return {
    id: jobId,
    kind: "release",
    environment: "default",
    phase: "queued",
    waitingFor: null,
    gate: null,
    waitingUntil: null,
    approvals: [],
    planHash: null,
    overrides: [],
    outcome: null,
    headline: "Release latest images to sock-shop/front-end",
    requestedBy: "anna",
    message: null,
    labels: {},
    sourceSha: null,
    requestId: null,
    createdAt: "2026-11-23T16:40:00.000Z",
    startedAt: null,
    finishedAt: null,
    commit: null,
    results: [],
    rollback: { of: null, by: null, byCommit: null },
    error: null,
    ...more,
  };
}

export function aSucceededJob(more: Partial<Job> = {}): Job {
  return aJob({
    phase: "succeeded",
    outcome: "succeeded",
    startedAt: "2026-11-23T16:40:00.100Z",
    finishedAt: "2026-11-23T16:40:02.300Z",
    commit: "3fa94c1000000000000000000000000000000000",
    results: [aResult()],
    ...more,
  });
}

export function aStep(number: number, text: string, more: Partial<Step> = {}): Step {
  return {
    number,
    text,
    startedAt: "2026-11-23T16:40:02.000Z",
    endedAt: "2026-11-23T16:40:02.100Z",
    outcome: "ok",
    detail: null,
    ...more,
  };
}

export const seedSteps: readonly Step[] = [
  aStep(1, "Submitted job."),
  aStep(2, "Calculating release actions."),
  aStep(3, "Release latest images to sock-shop/front-end"),
  aStep(4, "Clone the config repo."),
  aStep(5, "Clone OK.", { detail: "cached, tip 9c1e2f4" }),
  aStep(
    6,
    `Update 1 images(s) in the resource definition file for sock-shop/front-end: front-end (0.2.0 -> ${frontEndTag}).`,
  ),
  aStep(7, "Update pod controller OK.", { detail: "deploy/front-end.yaml +2 -2 (image, version label)" }),
  aStep(8, "Commit and push the config repo."),
  aStep(9, "Pushed commit: Release latest images to sock-shop/front-end", { detail: "3fa94c1" }),
  aStep(10, "Regrade 1 service(s): sock-shop/front-end."),
  aStep(11, "Rollout of sock-shop/front-end."),
  aStep(12, "sock-shop/front-end is healthy."),
];

export const aPlan: Plan = {
  dryRun: true,
  environment: "default",
  base: "9c1e2f4000000000000000000000000000000000",
  headline: "Release latest images to sock-shop/front-end",
  hash: "abc",
  results: [
    aResult({ result: "change", detail: "newest of 9 eligible, built 18 Nov 16 16:00 UTC" }),
    aSkip("cart", "locked", "until Monday"),
  ],
  diffs: [
    {
      path: "deploy/front-end.yaml",
      unified: `--- a/deploy/front-end.yaml\n+++ b/deploy/front-end.yaml\n@@ -1 +1 @@\n-        image: weaveworksdemos/front-end:0.2.0\n+        image: weaveworksdemos/front-end:${frontEndTag}\n`,
      added: 2,
      removed: 2,
    },
  ],
};

export const anEnvironment: Environment = {
  name: "default",
  mode: "apply",
  git: { url: "https://git.example.com/shop/config.git", branch: "main", paths: ["deploy"] },
  age: freshAge,
  freezes: [],
  windows: [],
};

/** Released, and undone by its rollback. */
export const frontEndHistory: WorkloadHistory = {
  workload: "sock-shop:deployment/front-end",
  environment: "default",
  entries: [
    {
      job: rollbackId,
      kind: "rollback",
      phase: "succeeded",
      outcome: "succeeded",
      automatic: true,
      createdAt: "2026-11-23T16:42:00.000Z",
      finishedAt: "2026-11-23T16:42:02.000Z",
      commit: "b07d5e2000000000000000000000000000000000",
      requestedBy: "slipway",
      message: null,
      containers: [
        {
          container: "front-end",
          from: `weaveworksdemos/front-end:${frontEndTag}`,
          to: "weaveworksdemos/front-end:0.2.0",
        },
      ],
      rollback: { of: jobId, by: null },
    },
    {
      job: jobId,
      kind: "release",
      phase: "rolled-back",
      outcome: "rolled-back",
      automatic: false,
      createdAt: "2026-11-23T16:40:00.000Z",
      finishedAt: "2026-11-23T16:42:02.000Z",
      commit: "3fa94c1000000000000000000000000000000000",
      requestedBy: "ada",
      message: "as agreed",
      containers: [
        {
          container: "front-end",
          from: "weaveworksdemos/front-end:0.2.0",
          to: `weaveworksdemos/front-end:${frontEndTag}`,
        },
        { container: "proxy", from: "envoy:1", to: "envoy:2" },
      ],
      rollback: { of: null, by: rollbackId },
    },
  ],
  next: null,
};

/** Who the fake server takes everybody for. */
export const ann: Identity = {
  name: "ann",
  kind: "token",
  grants: [{ role: "releaser", scope: {} }],
  groups: [],
  expiresAt: null,
};

/** A pipeline's token, as the list has it. */
export const aToken: Token = {
  id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11",
  name: "ci",
  role: "releaser",
  scope: { namespaces: ["sock-shop"] },
  groups: [],
  ending: "x4Qk",
  state: "active",
  createdBy: "ann",
  createdAt: "2026-11-01T09:00:00Z",
  expiresAt: "2027-01-30T09:00:00Z",
  lastUsedAt: null,
  revokedAt: null,
  revokedBy: null,
};
