import type { KubeApi, KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import type { EnvironmentCluster } from "./environment-cluster.ts";

/** Flux and Argo CD as a test plays them: their kinds with any fields, and hands for what they write. */
export interface FakeOwners {
  create(object: KubeObject): Promise<void>;
  /** A merge patch of the status, as a controller writes it. */
  report(object: KubeObject, status: Readonly<Record<string, unknown>>): Promise<void>;
  annotationsOf(object: KubeObject): Promise<Readonly<Record<string, string>>>;
}

const fluxVersion = "kustomize.toolkit.fluxcd.io/v1";

const kinds = [
  { group: "kustomize.toolkit.fluxcd.io", version: "v1", kind: "Kustomization", plural: "kustomizations" },
  { group: "source.toolkit.fluxcd.io", version: "v1", kind: "GitRepository", plural: "gitrepositories" },
  { group: "argoproj.io", version: "v1alpha1", kind: "Application", plural: "applications" },
] as const;

/** Defines the owners' kinds and namespaces; before anything else has asked what the cluster serves. */
export async function installFakeOwners({ api }: Pick<EnvironmentCluster, "api">): Promise<FakeOwners> {
  for (const name of ["flux-system", "argocd"]) {
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    expectDone(await api.request({ method: "POST", path: "/api/v1/namespaces", body }));
  }
  for (const row of kinds) await define(api, row);
  const pathOf = ({ apiVersion = "", kind = "", metadata }: KubeObject, isNew = false): string => {
    const plural = kinds.find((row) => row.kind === kind)?.plural ?? "";
    const base = `/apis/${apiVersion}/namespaces/${metadata.namespace}/${plural}`;
    return isNew ? base : `${base}/${metadata.name}`;
  };
  return {
    async create(object) {
      expectDone(await api.request({ method: "POST", path: pathOf(object, true), body: object }));
    },
    async report(object, status) {
      const contentType = "application/merge-patch+json";
      const path = `${pathOf(object)}/status`;
      expectDone(await api.request({ method: "PATCH", path, contentType, body: { status } }));
    },
    async annotationsOf(object) {
      const answer = await api.request({ method: "GET", path: pathOf(object) });
      return (answer.body as KubeObject).metadata.annotations ?? {};
    },
  };
}

/** A Kustomization of `flux-system` with its source of the same name. */
export function aKustomization(name: string, spec: Readonly<Record<string, unknown>> = {}) {
  const metadata = { namespace: "flux-system", name };
  const sourceRef = { kind: "GitRepository", name };
  return {
    kustomization: {
      apiVersion: fluxVersion,
      kind: "Kustomization",
      metadata,
      spec: { sourceRef, ...spec },
    },
    source: { apiVersion: "source.toolkit.fluxcd.io/v1", kind: "GitRepository", metadata, spec: {} },
    labels: {
      "kustomize.toolkit.fluxcd.io/name": name,
      "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    },
  };
}

/** An Application of `argocd`, with the mark of what it tracks. */
export function anApplication(name: string) {
  return {
    application: {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: { namespace: "argocd", name },
      spec: { syncPolicy: { automated: {} } },
    },
    annotations: { "argocd.argoproj.io/tracking-id": `${name}:apps/Deployment:shop/${name}` },
  };
}

/** What a Kustomization reports after it applied a commit; with `trouble` it is not ready. */
export function fluxStatus(commit: string, trouble?: string): Readonly<Record<string, unknown>> {
  const ready = { type: "Ready", status: trouble === undefined ? "True" : "False", reason: "Test" };
  const conditions = [
    { ...ready, message: trouble ?? "applied", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ];
  return { observedGeneration: 1, lastAppliedRevision: `main@sha1:${commit}`, conditions };
}

type Row = (typeof kinds)[number];

async function define(api: KubeApi, { group, version, kind, plural }: Row): Promise<void> {
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const body = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: "object", properties: { spec: open, status: open } } },
        },
      ],
    },
  };
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  expectDone(await api.request({ method: "POST", path, body }));
  const served = async () =>
    (await api.request({ method: "GET", path: `/apis/${group}/${version}/${plural}` })).status === 200;
  await pollUntil(served, { everyMs: 50, timeoutMs: 30_000, what: `${kind} to be served` });
}

function expectDone(answer: { status: number; body: unknown }): void {
  if (answer.status >= 400) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
}
