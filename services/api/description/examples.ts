import type {
  ContainerResult,
  Environment,
  Job,
  JobPage,
  Plan,
  Problem,
  Step,
  Steps,
  Workload,
} from "#common/contracts/http.ts";
import type {
  EndRequest,
  ReleaseRequestInput,
  RestartRequestInput,
  RollbackRequestInput,
  SyncRequestInput,
} from "#common/contracts/requests.ts";

/** An example for each shape that people read most; the document shows them, a test checks them. */

const labels = { build: "https://ci.example.com/shop/412" };
const sourceSha = "5f2a9c7d0b6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b";

const result: ContainerResult = {
  workload: "sock-shop:deployment/front-end",
  container: "front-end",
  from: "weaveworksdemos/front-end:0.3.0",
  to: "weaveworksdemos/front-end:0.3.1",
  result: "changed",
  reason: null,
  detail: null,
  file: "deploy/front-end.yaml",
};

const job: Job = {
  id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11",
  kind: "release",
  environment: "default",
  phase: "succeeded",
  waitingFor: null,
  gate: null,
  waitingUntil: null,
  approvals: [],
  planHash: "96fd5d6869f4a3813523db65f2fa8e7ec293ebe9c056dd5cbf4e58a0933b0827",
  overrides: [],
  outcome: "succeeded",
  headline: "Release weaveworksdemos/front-end:0.3.1 to sock-shop/front-end",
  requestedBy: "anna",
  message: "fix the cart",
  labels,
  sourceSha,
  requestId: "0193a5c2-7d1d-7000-8000-000000000001",
  createdAt: "2026-11-23T16:40:00.000Z",
  startedAt: "2026-11-23T16:40:00.100Z",
  finishedAt: "2026-11-23T16:40:31.400Z",
  commit: "3fa94c1b2d6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b",
  results: [result],
  rollback: { of: null, by: null, byCommit: null },
  error: null,
};

const step: Step = {
  number: 9,
  text: "Pushed commit: Release weaveworksdemos/front-end:0.3.1 to sock-shop/front-end",
  startedAt: "2026-11-23T16:40:00.300Z",
  endedAt: "2026-11-23T16:40:00.500Z",
  outcome: "ok",
  detail: "3fa94c1",
};

const age: Environment["age"] = {
  clusterMs: 120,
  clusterComplete: true,
  clusterProblem: null,
  gitCommit: "3fa94c1b2d6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b",
  gitMs: 900,
  gitProblem: null,
  imagesMs: 400,
};

const workload: Workload = {
  id: "sock-shop:deployment/front-end",
  environment: "default",
  namespace: "sock-shop",
  kind: "deployment",
  name: "front-end",
  containers: [
    {
      name: "front-end",
      image: "weaveworksdemos/front-end:0.3.0",
      declaredImage: "weaveworksdemos/front-end:0.3.0",
      init: false,
      newest: { tag: "0.3.1", createdAt: "2026-11-23T16:00:00.000Z", behind: 1, behindMs: 86_400_000 },
      newestReason: null,
    },
  ],
  release: {
    state: "ready",
    text: "ready",
    desired: 3,
    updated: 3,
    available: 3,
    reason: null,
    message: null,
  },
  labels: { app: "front-end" },
  policies: ["automated"],
  declared: { file: "deploy/front-end.yaml", document: 1, line: 20, problem: null },
  owner: { kind: "slipway", name: "" },
  drift: false,
  freeze: null,
};

const environment: Environment = {
  name: "default",
  mode: "apply",
  git: { url: "https://git.example.com/shop/config.git", branch: "main", paths: ["deploy"] },
  age,
  freezes: [],
  windows: [{ open: true, until: "2026-11-23T16:00:00.000Z", reason: null, namespaces: null }],
};

const problem: Problem = {
  type: "/v1/errors/WORKLOAD_NOT_FOUND",
  title: "No such workload",
  status: 404,
  code: "WORKLOAD_NOT_FOUND",
  detail: "sock-shop:deployment/frontend is neither declared in git nor running",
  hint: "did you mean front-end?",
  requestId: "0193a5c2-7d1d-7000-8000-000000000001",
  facts: { candidates: ["front-end"] },
};

const plan: Plan = {
  dryRun: true,
  environment: "default",
  base: "9c1e2f4a8c3d2e1f0a9b8c7d6e5f4a3b5f2a9c7d",
  headline: job.headline,
  hash: "b1946ac92492d2347c6235b4d2611184",
  results: [{ ...result, result: "change" }],
  diffs: [
    {
      path: "deploy/front-end.yaml",
      unified:
        "-        image: weaveworksdemos/front-end:0.3.0\n+        image: weaveworksdemos/front-end:0.3.1\n",
      added: 1,
      removed: 1,
    },
  ],
};

const releaseRequest: ReleaseRequestInput = {
  environment: "default",
  workloads: ["sock-shop/front-end"],
  images: ["weaveworksdemos/front-end:0.3.1"],
  message: "fix the cart",
  labels,
  sourceSha,
};
const rollbackRequest: RollbackRequestInput = { message: "0.3.1 is slow" };
const syncRequest: SyncRequestInput = { environment: "default", namespace: "sock-shop" };
const restartRequest: RestartRequestInput = { environment: "default", workloads: ["sock-shop/front-end"] };
const endRequest: EndRequest = { message: "the git host is gone for good" };
const steps: Steps = { steps: [step], next: 14 };
const jobPage: JobPage = { jobs: [job], next: "NDEy" };

/** By the id that the document gives the shape. */
export const examples = {
  ContainerResult: result,
  EndRequest: endRequest,
  Environment: environment,
  Environments: { environments: [environment] },
  Job: job,
  JobPage: jobPage,
  Plan: plan,
  Problem: problem,
  ReleaseRequest: releaseRequest,
  RestartRequest: restartRequest,
  RollbackRequest: rollbackRequest,
  Step: step,
  Steps: steps,
  SyncRequest: syncRequest,
  Workload: workload,
  WorkloadPage: { workloads: [workload], age, next: null },
} as const;
