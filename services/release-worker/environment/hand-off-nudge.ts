import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import {
  argoNamespace,
  describeOwner,
  ownerKinds,
  ownerOfMeta,
  type OwnerName,
} from "#common/domain/owner.ts";
import { servedPath } from "#common/kit/kube-served.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { ownerFromWire } from "./hand-off-desk.ts";
import { fieldManager } from "./live-object.ts";

type Asked = Pick<KubeApi, "request" | "objectPath">;

/** An owner that takes longer comes to git at its own pace. */
const answerMs = 5_000;

/**
 * Asks the owners of what a job handed off to look at git now, once each, where the settings allow it;
 * what keeps them from being asked is told in the step and is no failure.
 */
export async function nudgeOwners(context: EnvironmentContext, job: JobRow): Promise<void> {
  if (context.environment.nudgeOwners !== true) return;
  const owners = ownersToNudge(context, job);
  if (owners.size === 0) return;
  const { deps, environment, lease, handOffs } = context;
  const { steps: told } = await steps.listSteps(deps.store.db, job.id, { after: 0n, limit: steps.stepLimit });
  for (const [key, owner] of owners) {
    handOffs.nudged.add(key);
    const text = `Asked ${describeOwner(owner)} to look at git.`;
    if (told.some((step) => step.text === text)) continue;
    const refused = await tryNudge(context, owner, job.id);
    if (refused !== undefined)
      deps.log.warn("an owner could not be asked to look at git", { environment: environment.name, refused });
    const step = refused === undefined ? { text } : { text, outcome: "skipped" as const, detail: refused };
    await deps.store.fenced(lease, (tx) => steps.appendSteps(tx, job.id, [step]));
    deps.store.hint(job.id);
  }
}

/** Of a job's pending targets, by `job owner`; who was asked before is not asked again. */
function ownersToNudge({ view, handOffs }: EnvironmentContext, job: JobRow): Map<string, OwnerName> {
  const owners = new Map<string, OwnerName>();
  for (const { workload, handedOff, verdict, uid } of job.targets) {
    if (handedOff === undefined || verdict !== "pending" || uid !== null) continue;
    const owner = ownerFromWire(view.get(workload)?.owner);
    if (owner.kind !== "flux" && owner.kind !== "argo-cd") continue;
    const key = `${job.id} ${describeOwner(owner)}`;
    if (!handOffs.nudged.has(key)) owners.set(key, owner);
  }
  return owners;
}

/** Why it could not be asked; undefined when it was. */
async function tryNudge(
  { deps, environment }: EnvironmentContext,
  owner: OwnerName,
  jobId: string,
): Promise<string | undefined> {
  try {
    const kube = await deps.kubeOf(environment);
    // One value per job: a second try after a crash changes nothing more.
    await nudge(kube, owner, `slipway-${jobId}`);
    return undefined;
  } catch (error) {
    const { detail, message } = toSlipwayError(error);
    return detail ?? message;
  }
}

/** Flux: its source, then itself. Argo CD: a refresh, which its own sync policy acts on. */
export async function nudge(kube: Asked, owner: OwnerName, token: string): Promise<void> {
  const named = { namespace: owner.namespace, name: owner.name };
  if (owner.kind === "argo-cd") {
    const application = {
      kind: "Application",
      namespace: owner.namespace || argoNamespace,
      name: owner.name,
    } as const;
    return annotate(kube, application, { "argocd.argoproj.io/refresh": "normal" });
  }
  const requested = { "reconcile.fluxcd.io/requestedAt": token };
  if (owner.objectKind === "HelmRelease") return nudgeHelmRelease(kube, named, requested);
  return nudgeKustomization(kube, named, requested);
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

interface OwnerObject extends Named {
  readonly kind: keyof typeof ownerKinds;
}

type Annotations = Readonly<Record<string, string>>;

interface SourceRef {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

async function nudgeKustomization(kube: Asked, named: Named, requested: Annotations): Promise<void> {
  const { spec } = (await read(kube, { ...named, kind: "Kustomization" })) as {
    spec?: { sourceRef?: SourceRef };
  };
  await nudgeSource(kube, { ref: spec?.sourceRef, namespace: named.namespace }, requested);
  await annotate(kube, { ...named, kind: "Kustomization" }, requested);
}

/** Values come by the Kustomization that applies the release, the chart by a source of its own. */
async function nudgeHelmRelease(kube: Asked, named: Named, requested: Annotations): Promise<void> {
  const release = await read(kube, { ...named, kind: "HelmRelease" });
  const { spec } = release as { spec?: { chart?: { spec?: { sourceRef?: SourceRef } } } };
  const applier = ownerOfMeta(release.metadata);
  if (applier.objectKind === "Kustomization") await nudgeKustomization(kube, applier, requested);
  const ref = spec?.chart?.spec?.sourceRef;
  await nudgeSource(kube, { ref, namespace: named.namespace }, requested);
  await annotate(kube, { ...named, kind: "HelmRelease" }, requested);
}

async function nudgeSource(
  kube: Asked,
  source: { readonly ref: SourceRef | undefined; readonly namespace: string },
  requested: Annotations,
): Promise<void> {
  const { kind, name, namespace = source.namespace } = source.ref ?? {};
  if (kind !== "GitRepository" || name === undefined) return;
  await annotate(kube, { kind, namespace, name }, requested);
}

async function read(kube: Asked, object: OwnerObject): Promise<KubeObject> {
  const answer = await kube.request({
    method: "GET",
    path: await pathOf(kube, object),
    timeoutMs: answerMs,
  });
  if (answer.status === 200) return answer.body as KubeObject;
  throw refusal(answer.status, "read", object);
}

async function annotate(kube: Asked, object: OwnerObject, annotations: Annotations): Promise<void> {
  const answer = await kube.request({
    method: "PATCH",
    path: await pathOf(kube, object),
    query: { fieldManager },
    contentType: "application/merge-patch+json",
    body: { metadata: { annotations } },
    timeoutMs: answerMs,
  });
  if (answer.status !== 200) throw refusal(answer.status, "annotate", object);
}

async function pathOf(kube: Asked, object: OwnerObject): Promise<string> {
  const path = await servedPath(kube, { ...ownerKinds[object.kind], ...object });
  if (path !== undefined) return path;
  throw new SlipwayError("KIND_UNKNOWN", { detail: object.kind });
}

function refusal(status: number, act: string, { kind, namespace, name }: OwnerObject): SlipwayError {
  const code = status === 403 ? "FORBIDDEN" : status === 404 ? "NOT_FOUND" : "CLUSTER_UNAVAILABLE";
  const detail = `Slipway could not ${act} ${kind} ${namespace}/${name} (${status})`;
  return new SlipwayError(code, { detail });
}
