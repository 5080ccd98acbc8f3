import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import { OwnerKind, type Owner } from "#proto/slipway/cluster/v1/cluster.ts";

import { getOwner } from "./get-owner.ts";

const commit = "3fa94c1".padEnd(40, "0");
const older = "9c1e2f4".padEnd(40, "0");
const flux = { kind: OwnerKind.OWNER_KIND_FLUX, namespace: "flux-system" };
const apps = { ...flux, name: "apps", objectKind: "Kustomization" };
const release = { ...flux, namespace: "shop", name: "web", objectKind: "HelmRelease" };
const argo = { kind: OwnerKind.OWNER_KIND_ARGO_CD, namespace: "", name: "web", objectKind: "Application" };

type Answers = Readonly<Record<string, KubeObject | readonly KubeObject[] | number>>;

/** `Kind namespace/name` → the object; a kind alone → a list; a number → that status. */
function ask(owner: Owner, answers: Answers, served = /./) {
  const api = {
    async objectPath({ apiVersion = "", kind = "", namespace = "", name = "" }) {
      if (!served.test(`${apiVersion} ${kind}`)) throw new SlipwayError("KIND_UNKNOWN");
      return name === "" ? kind : `${kind} ${namespace}/${name}`;
    },
    async request({ path }: { path: string }) {
      const found = answers[path] ?? 404;
      if (typeof found === "number") return { status: found, body: undefined, headers: new Headers() };
      return { status: 200, body: Array.isArray(found) ? { items: found } : found, headers: new Headers() };
    },
  };
  const asked = { environment: "default", owner, workloadNamespace: "shop" };
  return getOwner(api, asked);
}

const ready = { type: "Ready", status: "True", reason: "ReconciliationSucceeded", message: "Applied" };

function anObject(status: object, more: { spec?: object; metadata?: object } = {}): KubeObject {
  return {
    metadata: { generation: 2, ...more.metadata },
    spec: more.spec ?? {},
    status: { observedGeneration: 2, ...status },
  };
}

const kustomization = (status: object, spec: object = {}): Answers => ({
  "Kustomization flux-system/apps": anObject(status, { spec }),
});

describe("a Flux Kustomization", () => {
  test("tells the revision it applied", async () => {
    const status = { lastAppliedRevision: `main@sha1:${commit}`, conditions: [ready] };
    expect(await ask(apps, kustomization(status))).toEqual({
      found: true,
      namespace: "flux-system",
      name: "apps",
      appliedRevision: `main@sha1:${commit}`,
      ready: true,
      suspended: false,
      message: "",
    });
  });

  test("is read in the version that the cluster serves", async () => {
    const status = { lastAppliedRevision: `main/${commit}`, conditions: [ready] };
    expect(await ask(apps, kustomization(status), /v1beta2/)).toMatchObject({ found: true, ready: true });
  });

  test("is not ready before it has seen its own last change", async () => {
    const told = await ask(apps, kustomization({ observedGeneration: 1, conditions: [ready] }));
    expect(told).toMatchObject({ ready: false, message: "its last change is not reconciled yet" });
  });

  test("is not ready where its condition says so, in its own words", async () => {
    const failed = { ...ready, status: "False", reason: "BuildFailed", message: "no such path" };
    const status = {
      lastAppliedRevision: `main@sha1:${older}`,
      lastAttemptedRevision: `main@sha1:${commit}`,
      conditions: [failed],
    };
    expect(await ask(apps, kustomization(status))).toMatchObject({
      appliedRevision: `main@sha1:${older}`,
      ready: false,
      message: "no such path",
    });
  });

  test("has applied what only its health checks failed for", async () => {
    const failed = { ...ready, status: "False", reason: "HealthCheckFailed", message: "timeout" };
    const status = {
      lastAppliedRevision: `main@sha1:${older}`,
      lastAttemptedRevision: `main@sha1:${commit}`,
      conditions: [failed],
    };
    expect(await ask(apps, kustomization(status))).toMatchObject({
      appliedRevision: `main@sha1:${commit}`,
      ready: false,
    });
  });

  test("names the commit that an artifact was made of", async () => {
    const status = {
      lastAppliedRevision: `latest@sha256:${"a".repeat(64)}`,
      lastAppliedOriginRevision: `main@sha1:${commit}`,
      conditions: [ready],
    };
    expect((await ask(apps, kustomization(status))).appliedRevision).toBe(`main@sha1:${commit}`);
  });

  test("may be suspended", async () => {
    const told = await ask(apps, kustomization({ conditions: [ready] }, { suspend: true }));
    expect(told).toMatchObject({ found: true, suspended: true });
  });

  test.each([
    { what: "is not there", answers: {}, message: "there is no Kustomization flux-system/apps" },
    {
      what: "may not be read",
      answers: { "Kustomization flux-system/apps": 403 },
      message: "Slipway may not read Kustomization flux-system/apps",
    },
    {
      what: "is of no kind that is served",
      answers: {},
      served: /^$/,
      message: "this cluster does not serve the kind of Kustomization flux-system/apps",
    },
  ])("that $what is not found, with the reason", async ({ answers, served, message }) => {
    expect(await ask(apps, answers as Answers, served)).toEqual({ found: false, message });
  });

  test("cannot be told of while the API server fails", async () => {
    const asking = ask(apps, { "Kustomization flux-system/apps": 503 });
    await expect(asking).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
  });
});

describe("a Flux HelmRelease", () => {
  const labels = {
    "kustomize.toolkit.fluxcd.io/name": "apps",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
  };
  const applied = kustomization({ lastAppliedRevision: `main@sha1:${commit}`, conditions: [ready] });
  const helm = (status: object, metadata: object = {}): Answers => ({
    "HelmRelease shop/web": anObject(status, { metadata }),
  });

  test("of a chart from git names the chart's commit", async () => {
    const status = { history: [{ chartVersion: "1.2.3+3fa94c100000.1" }], conditions: [ready] };
    expect(await ask(release, helm(status))).toMatchObject({
      ready: true,
      appliedRevision: "1.2.3+3fa94c100000.1",
    });
  });

  test("has applied the commit of the Kustomization that applies it, once it has seen its own change", async () => {
    const status = { history: [{ chartVersion: "1.2.3" }], conditions: [ready] };
    const both = { ...helm(status, { labels }), ...applied };
    expect(await ask(release, both)).toMatchObject({
      namespace: "shop",
      name: "web",
      appliedRevision: `main@sha1:${commit}`,
      ready: true,
    });
    const behind = { ...helm({ ...status, observedGeneration: 1 }, { labels }), ...applied };
    expect(await ask(release, behind)).toMatchObject({
      appliedRevision: `main@sha1:${commit}`,
      ready: false,
    });
  });

  test("waits for a suspended Kustomization too, and says whose it is", async () => {
    const suspended = kustomization({ conditions: [ready] }, { suspend: true });
    const told = await ask(release, { ...helm({ conditions: [ready] }, { labels }), ...suspended });
    expect(told).toMatchObject({
      suspended: true,
      message: "Flux kustomization flux-system/apps, which applies it: is suspended",
    });
  });

  test("that nobody's mark is on has only its chart's version", async () => {
    const told = await ask(release, helm({ history: [{ chartVersion: "1.2.3" }], conditions: [ready] }));
    expect(told).toMatchObject({ appliedRevision: "1.2.3", ready: true });
  });
});

describe("an Argo CD Application", () => {
  const automated = { syncPolicy: { automated: {} } };
  const healthy = { health: { status: "Healthy" } };
  const synced = { sync: { status: "Synced", revision: commit } };
  const at = (namespace: string, status: object, spec: object = automated) => ({
    [`Application ${namespace}/web`]: anObject(status, { spec, metadata: { namespace, name: "web" } }),
  });

  test("that is in sync has applied the revision it compares with", async () => {
    expect(await ask(argo, at("argocd", { ...synced, ...healthy }))).toMatchObject({
      found: true,
      namespace: "argocd",
      appliedRevision: commit,
      ready: true,
      suspended: false,
      message: "",
    });
  });

  test("that is out of sync has applied what its last sync brought", async () => {
    const sync = { status: "OutOfSync", revision: commit };
    const operationState = { phase: "Succeeded", syncResult: { revision: older } };
    const told = await ask(argo, at("argocd", { sync, operationState, ...healthy }));
    expect(told).toMatchObject({ appliedRevision: older, ready: true });
  });

  test("that syncs or is not healthy is not ready, in its own words", async () => {
    const history = [{ revision: older }];
    const running = { phase: "Running", message: "waiting for hooks" };
    const sync = { status: "OutOfSync", revision: commit };
    expect(
      await ask(argo, at("argocd", { sync, history, operationState: running, ...healthy })),
    ).toMatchObject({ appliedRevision: older, ready: false, message: "sync running: waiting for hooks" });
    const degraded = { health: { status: "Degraded", message: "web crashes" } };
    expect(await ask(argo, at("argocd", { ...synced, ...degraded }))).toMatchObject({
      ready: false,
      message: "health Degraded: web crashes",
    });
  });

  test("of several sources names the revision of each", async () => {
    const sync = { status: "Synced", revisions: ["1.2.3", commit] };
    const told = await ask(argo, at("argocd", { sync, ...healthy }));
    expect(told.appliedRevision).toBe(`1.2.3,${commit}`);
  });

  test.each([
    ["no policy", {}],
    ["a policy that is switched off", { syncPolicy: { automated: { enabled: false } } }],
  ])("with %s does not sync by itself", async (_what, spec) => {
    const told = await ask(argo, at("argocd", { ...synced, ...healthy }, spec));
    expect(told).toMatchObject({ suspended: true, message: "automatic sync is off" });
  });

  test("is found in another namespace, where it is the only one of its name", async () => {
    const elsewhere = Object.values(at("gitops", { ...synced, ...healthy }));
    expect(await ask(argo, { Application: elsewhere })).toMatchObject({ found: true, namespace: "gitops" });
    expect(await ask(argo, { Application: [...elsewhere, ...elsewhere] })).toMatchObject({ found: false });
    expect(await ask(argo, { Application: 403 })).toEqual({
      found: false,
      message: "there is no Application argocd/web",
    });
  });
});

describe("others", () => {
  test("a Helm release does not apply git by itself", async () => {
    const helm = { kind: OwnerKind.OWNER_KIND_HELM, namespace: "shop", name: "web", objectKind: "" };
    expect(await ask(helm, {})).toMatchObject({ found: true, suspended: true, message: "run helm upgrade" });
  });

  test("nobody is not found", async () => {
    const none = { kind: OwnerKind.OWNER_KIND_NONE, namespace: "", name: "", objectKind: "" };
    expect(await ask(none, {})).toMatchObject({ found: false });
  });
});
