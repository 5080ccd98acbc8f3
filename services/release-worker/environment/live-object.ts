import { podSpecPath } from "#common/domain/workload.ts";

/** The part of an API object that applying reads. */
export interface LiveObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec?: { readonly replicas?: number };
}

export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: unknown;
  readonly subresource?: string;
  readonly time?: string;
}

/** A document as committed; only its identity is read, the rest is sent as it is. */
export interface CommittedDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

export const fieldManager = "slipway";

const annotationPrefix = "applied.slipway.dev/";

export interface AppliedBy {
  readonly environment: string;
  readonly commit: string;
  readonly job: string;
}

/** Who applied the live object last, as we wrote it there; undefined when it was not us. */
export function appliedBy(live: LiveObject): AppliedBy | undefined {
  const read = (name: string) => live.metadata.annotations?.[annotationPrefix + name];
  const [environment, commit, job] = [read("environment"), read("commit"), read("job")];
  if (environment === undefined || commit === undefined || job === undefined) return undefined;
  return { environment, commit, job };
}

export function appliedAnnotations(by: AppliedBy): Record<string, string> {
  return {
    [`${annotationPrefix}environment`]: by.environment,
    [`${annotationPrefix}commit`]: by.commit,
    [`${annotationPrefix}job`]: by.job,
  };
}

/** Container → image, init containers among them; empty for what has no pods. */
export function imagesOf(
  object: { readonly kind?: string },
  kind = object.kind ?? "",
): Record<string, string> {
  let spec: unknown = object;
  for (const key of podSpecPath(kind) ?? ["-"]) spec = (spec as Record<string, unknown> | undefined)?.[key];
  const { containers = [], initContainers = [] } = (spec ?? {}) as PodSpec;
  const all = [...containers, ...initContainers].filter((one) => typeof one.image === "string");
  return Object.fromEntries(all.map(({ name, image }) => [name, image ?? ""]));
}

interface PodSpec {
  readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  readonly initContainers?: readonly { readonly name: string; readonly image?: string }[];
}

export function isCommittedDocument(value: unknown): value is CommittedDocument {
  if (typeof value !== "object" || value === null) return false;
  const { apiVersion, kind, metadata } = value as Partial<CommittedDocument>;
  return typeof apiVersion === "string" && typeof kind === "string" && typeof metadata?.name === "string";
}
