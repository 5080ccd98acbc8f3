import { isNamespaceName, isObjectName } from "./workload.ts";

/**
 * Who applies a workload, read from the marks that owners leave on what they apply (SURFACE §1), and
 * what their revisions mean. Pure: what an owner says of itself is asked elsewhere.
 */

export type OwnerWord = "none" | "slipway" | "flux" | "argo-cd" | "helm";

/** The owner of one workload, by the name of the owner's own object. */
export interface OwnerName {
  readonly kind: OwnerWord;
  /** "Kustomization", "HelmRelease", "Application"; empty where there is no object. */
  readonly objectKind: string;
  /** Empty where the mark does not tell. */
  readonly namespace: string;
  readonly name: string;
}

/** The part of an object that carries the marks. */
export interface MarkedMeta {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: unknown;
}

export const nobody: OwnerName = { kind: "none", objectKind: "", namespace: "", name: "" };

/** Where the owners' own kinds are served; the best version is first. */
export const ownerKinds = {
  Application: { group: "argoproj.io", versions: ["v1alpha1"] },
  GitRepository: { group: "source.toolkit.fluxcd.io", versions: ["v1", "v1beta2"] },
  HelmRelease: { group: "helm.toolkit.fluxcd.io", versions: ["v2", "v2beta2", "v2beta1"] },
  Kustomization: { group: "kustomize.toolkit.fluxcd.io", versions: ["v1", "v1beta2"] },
} as const;

/** Where Argo CD keeps its applications unless it was told otherwise. */
export const argoNamespace = "argocd";

/** Who applies the object; of several marks that of the tool that would undo what others write. */
export function ownerOfMeta(meta: MarkedMeta): OwnerName {
  return fluxOf(meta) ?? argoOf(meta) ?? helmOf(meta) ?? slipwayOf(meta) ?? nobody;
}

/** Whether somebody else applies what is in git: then we only watch. */
export function isForeign({ kind }: OwnerName): boolean {
  return kind === "flux" || kind === "argo-cd" || kind === "helm";
}

/** For a person: `Flux kustomization flux-system/apps`. */
export function describeOwner({ kind, objectKind, namespace, name }: OwnerName): string {
  const full = namespace === "" ? name : `${namespace}/${name}`;
  switch (kind) {
    case "flux":
      return `Flux ${objectKind === "HelmRelease" ? "helm release" : "kustomization"} ${full}`;
    case "argo-cd":
      return `Argo CD application ${full}`;
    case "helm":
      return `Helm release ${full}`;
    default:
      return kind === "slipway" ? "Slipway" : "nobody";
  }
}

/**
 * The commits that an owner's revision names, whole or abbreviated: `main@sha1:3fa94c1…`, the older
 * `main/3fa94c1…`, a bare commit, a chart version with its commit (`6.0.3+4e5cbb7b97d0.1`), or several
 * of these with commas between. A plain chart version or an OCI digest names none.
 */
export function commitsOfRevision(revision: string): string[] {
  const parts = revision.slice(0, 4096).split(",");
  return parts.flatMap((part) => {
    const text = part.trim();
    const found = /(?:^|[/:])([0-9a-f]{40})$/.exec(text) ?? /\+([0-9a-f]{7,40})(?:\.\d+)?$/.exec(text);
    return found?.[1] ?? [];
  });
}

/** For a person: the commits, seven digits each; what names none as it is. */
export function shortRevision(revision: string): string {
  const commits = commitsOfRevision(revision);
  if (commits.length > 0) return commits.map((commit) => commit.slice(0, 7)).join(", ");
  return revision === "" ? "nothing yet" : revision.slice(0, 60);
}

function fluxOf({ labels = {}, annotations = {} }: MarkedMeta): OwnerName | undefined {
  const by = (group: string, objectKind: string) =>
    named("flux", objectKind, { namespace: labels[`${group}/namespace`], name: labels[`${group}/name`] });
  const kustomization = leftAlone(annotations)
    ? undefined
    : by("kustomize.toolkit.fluxcd.io", "Kustomization");
  return kustomization ?? by("helm.toolkit.fluxcd.io", "HelmRelease");
}

/** Flux keeps its labels on what it was told to leave to others. */
function leftAlone(annotations: Readonly<Record<string, string>>): boolean {
  const ssa = annotations["kustomize.toolkit.fluxcd.io/ssa"]?.toLowerCase() ?? "";
  return (
    annotations["kustomize.toolkit.fluxcd.io/reconcile"]?.toLowerCase() === "disabled" ||
    ssa === "ignore" ||
    ssa === "ifnotpresent"
  );
}

function argoOf(meta: MarkedMeta): OwnerName | undefined {
  const { labels = {}, annotations = {} } = meta;
  const tracking = annotations["argocd.argoproj.io/tracking-id"]?.split(":")[0];
  const mark =
    tracking ??
    labels["argocd.argoproj.io/instance"] ??
    (wasWrittenByArgo(meta) ? labels["app.kubernetes.io/instance"] : undefined);
  if (mark === undefined) return undefined;
  // An application outside Argo CD's own namespace is called `namespace_name`.
  const [namespace, name] = mark.includes("_") ? mark.split("_", 2) : [undefined, mark];
  return named("argo-cd", "Application", { namespace, name });
}

/** Charts set `app.kubernetes.io/instance` too: it counts only where Argo CD itself wrote the object. */
function wasWrittenByArgo({ managedFields, labels = {} }: MarkedMeta): boolean {
  if (labels["app.kubernetes.io/instance"] === undefined || !Array.isArray(managedFields)) return false;
  return (managedFields as readonly { readonly manager?: unknown }[]).some(
    ({ manager }) => typeof manager === "string" && manager.startsWith("argocd-"),
  );
}

/** What Helm itself installed carries both; a chart that was only rendered has the label alone. */
function helmOf({ labels = {}, annotations = {} }: MarkedMeta): OwnerName | undefined {
  if (labels["app.kubernetes.io/managed-by"] !== "Helm") return undefined;
  return named("helm", "", {
    namespace: annotations["meta.helm.sh/release-namespace"],
    name: annotations["meta.helm.sh/release-name"],
  });
}

function slipwayOf({ annotations = {} }: MarkedMeta): OwnerName | undefined {
  const name = annotations["applied.slipway.dev/environment"];
  return name === undefined ? undefined : { kind: "slipway", objectKind: "", namespace: "", name };
}

/** A mark that cannot be a name was not left by the tool itself. */
function named(
  kind: OwnerWord,
  objectKind: string,
  { namespace = "", name }: { namespace: string | undefined; name: string | undefined },
): OwnerName | undefined {
  if (name === undefined || !isObjectName(name)) return undefined;
  return { kind, objectKind, namespace: isNamespaceName(namespace) ? namespace : "", name };
}
