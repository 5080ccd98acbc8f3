import { describe, expect, test } from "vitest";

import type { KubeMeta, KubeObject } from "#common/kit/kube-types.ts";
import { OwnerKind, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { ownerOf, projectWorkload } from "./project-workload.ts";

const podSpec = {
  containers: [
    { name: "web", image: "front-end:1", env: [{ name: "SECRET", value: "x" }] },
    { name: "bare" },
  ],
  initContainers: [{ name: "setup", image: "setup:1" }],
};

const deployment: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "front-end",
    namespace: "sock-shop",
    uid: "uid-1",
    generation: 3,
    creationTimestamp: "2016-11-18T16:00:00Z",
    labels: { name: "front-end" },
    annotations: {
      "applied.slipway.dev/environment": "default",
      "applied.slipway.dev/commit": "3fa94c1",
      "applied.slipway.dev/job": "job-1",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
    managedFields: [{ manager: "kubectl" }],
  },
  spec: { replicas: 2, template: { spec: podSpec } },
  status: { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
};

describe("a workload is kept", () => {
  test("with what lists and judging need, and nothing else of it", () => {
    expect(projectWorkload("deployment", deployment)).toEqual({
      namespace: "sock-shop",
      kind: "deployment",
      name: "front-end",
      uid: "uid-1",
      generation: 3n,
      observedGeneration: 3n,
      containers: [
        { name: "web", image: "front-end:1", init: false },
        { name: "bare", image: "", init: false },
        { name: "setup", image: "setup:1", init: true },
      ],
      rollout: {
        phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
        desired: 2,
        updated: 2,
        ready: 2,
        available: 2,
        reason: "",
        message: "",
      },
      owner: { kind: OwnerKind.OWNER_KIND_SLIPWAY, name: "default", namespace: "", objectKind: "" },
      appliedEnvironment: "default",
      appliedCommit: "3fa94c1",
      appliedJob: "job-1",
      labels: { name: "front-end" },
      createdAt: new Date("2016-11-18T16:00:00Z"),
    });
  });
  test("in a form that crosses the wire whole", () => {
    const kept = projectWorkload("deployment", deployment);
    expect(Workload.decode(Workload.encode(kept).finish())).toEqual(kept);
  });
  test("in less than 1 KiB, however many labels it has", () => {
    const labels = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`label-${n}`, "x".repeat(20)]));
    const kept = projectWorkload("deployment", {
      ...deployment,
      metadata: { ...deployment.metadata, labels },
    });
    expect(Object.keys(kept.labels)).toHaveLength(20);
    expect(Workload.encode(kept).finish().byteLength).toBeLessThan(1024);
  });
  test("also when it says next to nothing", () => {
    expect(projectWorkload("statefulset", { metadata: {} })).toMatchObject({
      namespace: "",
      name: "",
      generation: 0n,
      containers: [],
      appliedJob: "",
      createdAt: undefined,
    });
  });
});

describe("containers", () => {
  test("of a CronJob are found in its job's template", () => {
    const object = { metadata: {}, spec: { jobTemplate: { spec: { template: { spec: podSpec } } } } };
    expect(projectWorkload("cronjob", object).containers.map((one) => one.name)).toEqual([
      "web",
      "bare",
      "setup",
    ]);
  });
  test("of a kind that has none are none", () => {
    expect(projectWorkload("service", deployment).containers).toEqual([]);
  });
});

describe("the phase", () => {
  const phaseOf = (status: object) => projectWorkload("deployment", { ...deployment, status }).rollout?.phase;
  test("is what the rollout is judged to be", () => {
    expect(phaseOf({ observedGeneration: 2 })).toBe(RolloutPhase.ROLLOUT_PHASE_PROGRESSING);
    const conditions = [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }];
    expect(phaseOf({ observedGeneration: 3, conditions })).toBe(RolloutPhase.ROLLOUT_PHASE_FAILED);
  });
});

describe("the owner", () => {
  const owner = (labels: Record<string, string>, annotations: Record<string, string> = {}) =>
    ownerOf({ metadata: { labels, annotations } });
  const ours = { "applied.slipway.dev/environment": "default" };

  test.each([
    {
      who: "Flux by a Kustomization",
      labels: { "kustomize.toolkit.fluxcd.io/name": "apps" },
      kind: OwnerKind.OWNER_KIND_FLUX,
      name: "apps",
    },
    {
      who: "Flux by a HelmRelease",
      labels: { "helm.toolkit.fluxcd.io/name": "shop" },
      kind: OwnerKind.OWNER_KIND_FLUX,
      name: "shop",
    },
    {
      who: "Argo CD by its annotation",
      annotations: { "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/b" },
      kind: OwnerKind.OWNER_KIND_ARGO_CD,
      name: "shop",
    },
    {
      who: "Argo CD by its label",
      labels: { "argocd.argoproj.io/instance": "shop" },
      kind: OwnerKind.OWNER_KIND_ARGO_CD,
      name: "shop",
    },
    {
      who: "Helm",
      labels: { "app.kubernetes.io/managed-by": "Helm" },
      annotations: { "meta.helm.sh/release-name": "shop" },
      kind: OwnerKind.OWNER_KIND_HELM,
      name: "shop",
    },
    { who: "us", annotations: ours, kind: OwnerKind.OWNER_KIND_SLIPWAY, name: "default" },
    {
      who: "nobody",
      labels: { app: "x" },
      annotations: { note: "y" },
      kind: OwnerKind.OWNER_KIND_NONE,
      name: "",
    },
  ])("is $who", ({ labels, annotations, kind, name }) => {
    expect(
      ownerOf({ metadata: { ...(labels && { labels }), ...(annotations && { annotations }) } as KubeMeta }),
    ).toMatchObject({ kind, name });
  });
  test("is another tool rather than us where both left their mark", () => {
    expect(owner({ "kustomize.toolkit.fluxcd.io/name": "apps" }, ours).kind).toBe(OwnerKind.OWNER_KIND_FLUX);
    const helm = { "app.kubernetes.io/managed-by": "Helm" };
    expect(owner(helm, { ...ours, "meta.helm.sh/release-name": "shop" }).kind).toBe(
      OwnerKind.OWNER_KIND_HELM,
    );
  });
  test("is told with the namespace and the kind of its own object", () => {
    const group = "kustomize.toolkit.fluxcd.io";
    expect(owner({ [`${group}/name`]: "apps", [`${group}/namespace`]: "flux-system" })).toEqual({
      kind: OwnerKind.OWNER_KIND_FLUX,
      objectKind: "Kustomization",
      namespace: "flux-system",
      name: "apps",
    });
  });
  test("is Flux where it applies what Helm made", () => {
    const flux = { "helm.toolkit.fluxcd.io/name": "shop" };
    expect(owner(flux, { "meta.helm.sh/release-name": "shop-1" })).toMatchObject({
      kind: OwnerKind.OWNER_KIND_FLUX,
      name: "shop",
    });
  });
});
