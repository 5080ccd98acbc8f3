import { SlipwayError } from "#common/domain/errors.ts";
import {
  argoNamespace,
  commitsOfRevision,
  describeOwner,
  ownerKinds,
  ownerOfMeta,
  type OwnerName,
} from "#common/domain/owner.ts";
import { servedPath } from "#common/kit/kube-served.ts";
import type { KubeApi, KubeObject, KubeResponse } from "#common/kit/kube-types.ts";
import {
  OwnerKind,
  type DeepPartial,
  type GetOwnerRequest,
  type GetOwnerResponse,
} from "#proto/slipway/cluster/v1/cluster.ts";
import { applicationSays, helmReleaseSays, kustomizationSays, type OwnerSays } from "./owner-says.ts";

type Asked = Pick<KubeApi, "request" | "objectPath">;

/** Who asks again every two seconds must not wait for long. */
const answerMs = 5_000;
const messageChars = 500;

/**
 * What an owner says of itself, read from the API server now. Not there, not allowed and not served
 * are answers, with the reason; CLUSTER_UNAVAILABLE when the API server did not answer.
 */
export async function getOwner(
  api: Asked,
  { owner, workloadNamespace }: GetOwnerRequest,
): Promise<DeepPartial<GetOwnerResponse>> {
  const name = { namespace: owner?.namespace ?? "", name: owner?.name ?? "" };
  switch (owner?.kind) {
    case OwnerKind.OWNER_KIND_FLUX: {
      const flux = { ...name, namespace: name.namespace || workloadNamespace };
      return answerOf(await (owner.objectKind === "HelmRelease" ? helmRelease : kustomization)(api, flux));
    }
    case OwnerKind.OWNER_KIND_ARGO_CD:
      return answerOf(await application(api, name));
    case OwnerKind.OWNER_KIND_HELM:
      // Nobody reconciles a release made by hand, and its record is a Secret, which is not read.
      return { found: true, ...name, ready: false, suspended: true, message: "run helm upgrade" };
    default:
      return { found: false, message: "nobody's mark is on the workload" };
  }
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

type Told = (Named & { readonly says: OwnerSays }) | { readonly says: undefined; readonly why: string };

function answerOf(told: Told): DeepPartial<GetOwnerResponse> {
  if (told.says === undefined) return { found: false, message: told.why };
  const { namespace, name, says } = told;
  return { found: true, namespace, name, ...says, message: says.message.slice(0, messageChars) };
}

async function kustomization(api: Asked, named: Named): Promise<Told> {
  const read = await readOwner(api, "Kustomization", named);
  return "why" in read
    ? { says: undefined, why: read.why }
    : { ...named, says: kustomizationSays(read.object) };
}

/**
 * A chart's version says nothing of a commit, unless the chart itself comes from git. Else who applies
 * the HelmRelease tells which commit its values come from; it is asked first, so that the generation
 * read afterwards holds what it applied.
 */
async function helmRelease(api: Asked, named: Named): Promise<Told> {
  const first = await readOwner(api, "HelmRelease", named);
  if ("why" in first) return { says: undefined, why: first.why };
  const says = helmReleaseSays(first.object);
  if (commitsOfRevision(says.appliedRevision).length > 0) return { ...named, says };
  const applier = ownerOfMeta(first.object.metadata);
  const applied = await tellOfApplier(api, applier);
  if (applied === undefined) return { ...named, says };
  const again = await readOwner(api, "HelmRelease", named);
  if ("why" in again) return { says: undefined, why: again.why };
  return { ...named, says: together(helmReleaseSays(again.object), applied, describeOwner(applier)) };
}

async function tellOfApplier(api: Asked, applier: OwnerName): Promise<OwnerSays | undefined> {
  if (applier.objectKind === "Kustomization") return (await kustomization(api, applier)).says;
  if (applier.objectKind === "Application") return (await application(api, applier)).says;
  return undefined;
}

function together(release: OwnerSays, applied: OwnerSays, by: string): OwnerSays {
  const words = applied.suspended ? "is suspended" : applied.message;
  return {
    appliedRevision: applied.appliedRevision,
    ready: release.ready && applied.ready,
    suspended: release.suspended || applied.suspended,
    message: words === "" ? release.message : `${by}, which applies it: ${words}`,
  };
}

async function application(api: Asked, { namespace, name }: Named): Promise<Told> {
  const named = { namespace: namespace || argoNamespace, name };
  const read = await readOwner(api, "Application", named);
  if (!("why" in read)) return { ...named, says: applicationSays(read.object) };
  const elsewhere = namespace === "" && read.isAbsent ? await applicationsCalled(api, name) : [];
  const [only] = elsewhere;
  if (elsewhere.length > 1) {
    return { says: undefined, why: `several namespaces hold an Application ${name}` };
  }
  if (only === undefined) return { says: undefined, why: read.why };
  return { namespace: only.metadata.namespace ?? "", name, says: applicationSays(only) };
}

/** Argo CD may live in any namespace; without the right to list, it is not looked for. */
async function applicationsCalled(api: Asked, name: string): Promise<readonly KubeObject[]> {
  const path = await servedPath(api, { ...ownerKinds.Application, kind: "Application" });
  if (path === undefined) return [];
  const query = { fieldSelector: `metadata.name=${name}`, limit: "2" };
  const answer = await api.request({ method: "GET", path, query, timeoutMs: answerMs });
  return answer.status === 200 ? ((answer.body as { items?: readonly KubeObject[] }).items ?? []) : [];
}

type Read = { readonly object: KubeObject } | { readonly why: string; readonly isAbsent: boolean };

async function readOwner(api: Asked, kind: keyof typeof ownerKinds, named: Named): Promise<Read> {
  const { namespace, name } = named;
  const path = await servedPath(api, { ...ownerKinds[kind], kind, namespace, name });
  const what = `${kind} ${namespace}/${name}`;
  if (path === undefined) return { why: `this cluster does not serve the kind of ${what}`, isAbsent: false };
  const answer = await api.request({ method: "GET", path, timeoutMs: answerMs });
  if (answer.status === 200) return { object: answer.body as KubeObject };
  if (answer.status === 404) return { why: `there is no ${what}`, isAbsent: true };
  if (answer.status === 403) return { why: `Slipway may not read ${what}`, isAbsent: false };
  throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `GET ${path} answered ${textOf(answer)}` });
}

function textOf({ status, body }: KubeResponse): string {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === "string" ? `${status}: ${message}` : String(status);
}
