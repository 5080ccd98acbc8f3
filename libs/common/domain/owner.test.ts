import { describe, expect, test } from "vitest";

import {
  commitsOfRevision,
  describeOwner,
  isForeign,
  nobody,
  ownerOfMeta,
  shortRevision,
  type MarkedMeta,
} from "./owner.ts";

const flux = { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux" };
const helmRelease = { "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop" };
const helm = {
  labels: { "app.kubernetes.io/managed-by": "Helm" },
  annotations: { "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop" },
};
const ours = { "applied.slipway.dev/environment": "default" };
const instance = { "app.kubernetes.io/instance": "web" };
const tracked = (id: string): MarkedMeta => ({ annotations: { "argocd.argoproj.io/tracking-id": id } });

const nameOf = (meta: MarkedMeta): string => describeOwner(ownerOfMeta(meta));

describe("the owner of an object", () => {
  test.each<[string, MarkedMeta, string]>([
    ["a Flux Kustomization, by its labels", { labels: flux }, "Flux kustomization flux/apps"],
    ["a Flux HelmRelease, by its labels", { labels: helmRelease }, "Flux helm release shop/web"],
    [
      "Flux rather than Helm, where Flux runs Helm",
      { labels: { ...helmRelease, ...helm.labels }, annotations: helm.annotations },
      "Flux helm release shop/web",
    ],
    [
      "an Argo CD application, by its annotation",
      tracked("web:apps/Deployment:shop/web"),
      "Argo CD application web",
    ],
    [
      "an application of another namespace",
      tracked("team-a_web:apps/Deployment:shop/web"),
      "Argo CD application team-a/web",
    ],
    [
      "an application by its own label",
      { labels: { "argocd.argoproj.io/instance": "web" } },
      "Argo CD application web",
    ],
    [
      "an application by the common label, where Argo CD wrote the object",
      { labels: instance, managedFields: [{ manager: "argocd-controller", operation: "Update" }] },
      "Argo CD application web",
    ],
    [
      "nobody, where only a chart set the common label",
      { labels: instance, managedFields: [{ manager: "kubectl" }] },
      "nobody",
    ],
    ["a Helm release", helm, "Helm release shop/web"],
    ["nobody, where a chart was only rendered", { labels: helm.labels }, "nobody"],
    ["us", { annotations: ours }, "Slipway"],
    ["another tool rather than us", { labels: flux, annotations: ours }, "Flux kustomization flux/apps"],
    [
      "us, where Flux was told to leave the object alone",
      { labels: flux, annotations: { ...ours, "kustomize.toolkit.fluxcd.io/reconcile": "disabled" } },
      "Slipway",
    ],
    [
      "us, where Flux only ever creates the object",
      { labels: flux, annotations: { ...ours, "kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent" } },
      "Slipway",
    ],
    ["nobody, where nothing is marked", {}, "nobody"],
    ["nobody, where the mark cannot be a name", tracked("../../secrets:x"), "nobody"],
  ])("is %s", (_what, meta, name) => {
    expect(nameOf(meta)).toBe(name);
  });

  test("is somebody else only for Flux, Argo CD and Helm", () => {
    expect([{ labels: flux }, tracked("web:x"), helm].map((meta) => isForeign(ownerOfMeta(meta)))).toEqual([
      true,
      true,
      true,
    ]);
    expect([ownerOfMeta({ annotations: ours }), nobody].map(isForeign)).toEqual([false, false]);
  });
});

describe("a revision", () => {
  const commit = "3fa94c1".padEnd(40, "0");
  test.each([
    [`main@sha1:${commit}`, [commit]],
    [`refs/heads/release/1.x@sha1:${commit}`, [commit]],
    [`main/${commit}`, [commit]],
    [`sha1:${commit}`, [commit]],
    [commit, [commit]],
    [`${commit}, 1.2.3,${"a".repeat(40)}`, [commit, "a".repeat(40)]],
    ["6.0.3+4e5cbb7b97d0", ["4e5cbb7b97d0"]],
    ["6.0.3+4e5cbb7b97d0.2", ["4e5cbb7b97d0"]],
    ["6.0.3", []],
    ["6.0.3+build", []],
    [`latest@sha256:${"b".repeat(64)}`, []],
    ["main", []],
    ["", []],
  ])("%s names its commits", (revision, commits) => {
    expect(commitsOfRevision(revision)).toEqual(commits);
  });

  test("is told with seven digits, or as it is", () => {
    expect(shortRevision(`main@sha1:${commit}`)).toBe("3fa94c1");
    expect(shortRevision("6.0.3")).toBe("6.0.3");
    expect(shortRevision("")).toBe("nothing yet");
  });
});
