import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import type { OwnerName } from "#common/domain/owner.ts";
import type { KubeRequest } from "#common/kit/kube.ts";

import { nudge } from "./hand-off-nudge.ts";

const flux = { kind: "flux", namespace: "flux-system" } as const;
const apps = { ...flux, objectKind: "Kustomization", name: "apps" };
const release = { ...flux, objectKind: "HelmRelease", namespace: "shop", name: "web" };
const argo = { kind: "argo-cd", objectKind: "Application", namespace: "", name: "web" } as const;

/** What was annotated, in order: `Kind namespace/name` with the annotations. */
async function nudged(owner: OwnerName, objects: Record<string, object> = {}, status = 200) {
  const patches: [string, unknown][] = [];
  const kube = {
    objectPath: async ({ kind = "", namespace = "", name = "" }) => `${kind} ${namespace}/${name}`,
    async request({ method, path, body }: KubeRequest) {
      if (method === "PATCH")
        patches.push([path, (body as { metadata: { annotations: unknown } }).metadata.annotations]);
      const found = method === "PATCH" ? {} : objects[path];
      return { status: found === undefined ? 404 : status, body: found, headers: new Headers() };
    },
  };
  await nudge(kube, owner, "token");
  return patches;
}

const requested = { "reconcile.fluxcd.io/requestedAt": "token" };
const kustomization = (sourceRef: object) => ({
  "Kustomization flux-system/apps": { metadata: {}, spec: { sourceRef } },
});

test("Flux is asked to look at the source first, then to apply", async () => {
  expect(await nudged(apps, kustomization({ kind: "GitRepository", name: "config" }))).toEqual([
    ["GitRepository flux-system/config", requested],
    ["Kustomization flux-system/apps", requested],
  ]);
});

test("a source of another namespace is asked there, and one that is not git is left alone", async () => {
  const elsewhere = { kind: "GitRepository", name: "config", namespace: "team" };
  expect((await nudged(apps, kustomization(elsewhere)))[0]?.[0]).toBe("GitRepository team/config");
  const bucket = await nudged(apps, kustomization({ kind: "Bucket", name: "config" }));
  expect(bucket.map(([path]) => path)).toEqual(["Kustomization flux-system/apps"]);
});

test("for a HelmRelease who applies it is asked, then its chart's source, then itself", async () => {
  const labels = {
    "kustomize.toolkit.fluxcd.io/name": "apps",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
  };
  const sourceRef = { kind: "GitRepository", name: "charts" };
  const objects = {
    ...kustomization({ kind: "GitRepository", name: "config" }),
    "HelmRelease shop/web": { metadata: { labels }, spec: { chart: { spec: { sourceRef } } } },
  };
  expect((await nudged(release, objects)).map(([path]) => path)).toEqual([
    "GitRepository flux-system/config",
    "Kustomization flux-system/apps",
    "GitRepository shop/charts",
    "HelmRelease shop/web",
  ]);
});

test("Argo CD is asked to refresh the application", async () => {
  expect(await nudged(argo)).toEqual([
    ["Application argocd/web", { "argocd.argoproj.io/refresh": "normal" }],
  ]);
});

test("what may not be done or is not there is said by name", async () => {
  await expect(nudged(argo, {}, 403)).rejects.toMatchObject({
    code: "FORBIDDEN",
    detail: "Slipway could not annotate Application argocd/web (403)",
  });
  await expect(nudged(apps)).rejects.toBeInstanceOf(SlipwayError);
});
