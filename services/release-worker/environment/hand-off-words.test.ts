import { describe, expect, test } from "vitest";

import { nobody, type OwnerName } from "#common/domain/owner.ts";

import { notApplied, notReady, otherImagesHeld, type OwnerTold } from "./hand-off-words.ts";

const commit = "3fa94c1".padEnd(40, "0");
const older = "9c1e2f4".padEnd(40, "0");
const flux = { kind: "flux", objectKind: "Kustomization", namespace: "flux-system", name: "apps" } as const;
const argo = { kind: "argo-cd", objectKind: "Application", namespace: "argocd", name: "web" } as const;
const helm = { kind: "helm", objectKind: "", namespace: "shop", name: "web" } as const;

const told = (more: Partial<OwnerTold> = {}): OwnerTold => ({
  found: true,
  appliedRevision: `main@sha1:${older}`,
  ready: true,
  suspended: false,
  message: "",
  ...more,
});

describe("waiting for an owner", () => {
  const says = (owner: OwnerName, more: Partial<OwnerTold>): string =>
    notApplied(owner, told(more), commit).progress;

  test.each([
    [
      "names it, with where it is",
      says(flux, {}),
      "waiting for Flux kustomization flux-system/apps (at 9c1e2f4, ours is 3fa94c1)",
    ],
    [
      "tells why it is not ready",
      says(flux, { ready: false, message: "no such path" }),
      "waiting for Flux kustomization flux-system/apps (at 9c1e2f4, ours is 3fa94c1): no such path",
    ],
    [
      "tells that it applied nothing so far",
      says(argo, { appliedRevision: "" }),
      "waiting for Argo CD application argocd/web (at nothing yet, ours is 3fa94c1)",
    ],
    [
      "tells that it is suspended",
      says(flux, { suspended: true }),
      "Flux kustomization flux-system/apps is suspended",
    ],
    [
      "tells that it does not sync by itself",
      says(argo, { suspended: true, message: "automatic sync is off" }),
      "Argo CD application argocd/web does not sync by itself: automatic sync is off",
    ],
    [
      "tells a person what to run",
      says(helm, { suspended: true, message: "run helm upgrade" }),
      "Helm release shop/web is not applied from git: run helm upgrade",
    ],
    [
      "tells that its object is not there",
      says(flux, { found: false, message: "there is no Kustomization flux-system/apps" }),
      "Flux kustomization flux-system/apps: there is no Kustomization flux-system/apps",
    ],
    [
      "tells that there is none",
      says(nobody, {}),
      "nobody applies it: it carries no mark of Flux, Argo CD or Helm",
    ],
  ])("%s", (_what, progress, expected) => {
    expect(progress).toBe(expected);
  });

  test("says in the end where it stayed", () => {
    expect(notApplied(flux, told(), commit).why).toBe(
      "Flux kustomization flux-system/apps is at 9c1e2f4, ours is 3fa94c1",
    );
  });

  test("for its word that it is ready gives its reason", () => {
    expect(notReady(flux, { message: "timeout" })).toEqual({
      progress: "waiting for Flux kustomization flux-system/apps to be ready: timeout",
      waitsFor: "Flux kustomization flux-system/apps to be ready: timeout",
      why: "Flux kustomization flux-system/apps applied it and is not ready: timeout",
    });
  });

  test("for images that somebody overrides names them", () => {
    expect(otherImagesHeld(argo, { revision: commit, images: ["web:1", "side:2"] }).why).toBe(
      "Argo CD application argocd/web applied 3fa94c1, and the cluster holds other images: web:1, side:2",
    );
  });
});
