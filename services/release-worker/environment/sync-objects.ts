import type { SlipwayError } from "#common/domain/errors.ts";
import { readDocuments, splitDocuments } from "#common/domain/manifest-yaml.ts";
import type { LeftAlone } from "#common/domain/sync-words.ts";
import { parseWorkloadId, formatWorkloadId, kindLayout, type WorkloadId } from "#common/domain/workload.ts";
import type { TipView } from "../planning/tip-view.ts";
import { isCommittedDocument, type CommittedDocument } from "./live-object.ts";

const mostAliases = 100;

/** One object that a sync looks at, as git declares it. */
export interface SyncObject {
  /** `namespace:kind/name` */
  readonly id: string;
  readonly path: string;
  /** Container → image as declared. */
  readonly images: Readonly<Record<string, string>>;
  readonly what:
    | { readonly kind: "apply"; readonly document: CommittedDocument }
    | { readonly kind: "left"; readonly left: LeftAlone }
    | { readonly kind: "broken"; readonly error: SlipwayError };
}

export interface ObjectsAsk {
  wanted(id: WorkloadId): boolean;
  /** Ids that are declared as workloads. */
  readonly known: ReadonlySet<string>;
}

/**
 * The objects of an environment's files that are no workloads: what a service needs beside its pods.
 * None where a kustomization builds the files, since what it makes of them is not followed.
 */
export async function otherObjects(view: TipView, ask: ObjectsAsk): Promise<SyncObject[]> {
  const files = [...view.files.values()];
  if (files.some((file) => file.manifest.kustomization !== undefined)) return [];
  await view.prefetch(files.map((file) => file.path));
  const found = new Map<string, SyncObject>();
  for (const { path, manifest } of files) {
    const inWorkloads = new Set(manifest.workloads.map((declared) => declared.document));
    const text = await view.readText(path);
    for (const document of objectsIn(text, (number) => !inWorkloads.has(number))) {
      const id = idOf(document, view.environment.defaultNamespace);
      if (id === undefined || ask.known.has(formatWorkloadId(id)) || !ask.wanted(id)) continue;
      const object = toObject({ id: formatWorkloadId(id), path, document });
      const twin = found.get(object.id);
      found.set(object.id, twin === undefined ? object : declaredTwice(twin, path));
    }
  }
  return [...found.values()];
}

/** Ids of the objects of a text that a sync would apply and that are no workloads. */
export function objectIds(
  text: string,
  o: { readonly isWanted: (document: number) => boolean; readonly defaultNamespace: string },
): string[] {
  return objectsIn(text, o.isWanted).flatMap((document) => {
    const id = idOf(document, o.defaultNamespace);
    if (id === undefined) return [];
    const { what } = toObject({ id: formatWorkloadId(id), path: "", document });
    return what.kind === "apply" ? [formatWorkloadId(id)] : [];
  });
}

/** Every object of the wanted documents (from 1), items of lists one by one; lists are always looked into. */
function objectsIn(text: string, isWanted: (document: number) => boolean): CommittedDocument[] {
  return splitDocuments(text).flatMap(({ source }, index) => {
    if (!/\bkind["']?\s*:/.test(source)) return [];
    const isList = /^\s*["']?kind["']?\s*:\s*["']?\w*List\b/m.test(source);
    if (!isList && !isWanted(index + 1)) return [];
    return readDocuments(source).flatMap(({ parsed }) => {
      if (!parsed.ok) return [];
      try {
        return flatten(parsed.doc.toJS({ maxAliasCount: mostAliases }));
      } catch {
        // It expands without end: a fault that the index tells of, and no object.
        return [];
      }
    });
  });
}

function flatten(value: unknown): CommittedDocument[] {
  const { kind, items } = (value ?? {}) as { readonly kind?: unknown; readonly items?: unknown };
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items))
    return items.flatMap(flatten);
  return isCommittedDocument(value) ? [value] : [];
}

/** Workloads are told by their manifest; a name that no id can have is not one we could tell of. */
function idOf(document: CommittedDocument, defaultNamespace: string): WorkloadId | undefined {
  const { kind, metadata } = document;
  if (kindLayout(kind) !== undefined) return undefined;
  try {
    const id = {
      namespace: metadata.namespace ?? defaultNamespace,
      kind: kind.toLowerCase(),
      name: metadata.name,
    };
    parseWorkloadId(formatWorkloadId(id));
    return id;
  } catch {
    // WORKLOAD_ID_INVALID: `system:node` and the like are cluster-wide anyway.
    return undefined;
  }
}

function toObject(o: { id: string; path: string; document: CommittedDocument }): SyncObject {
  const { document, ...place } = o;
  const leave = (reason: "encrypted" | "secret"): SyncObject => ({
    ...place,
    images: {},
    what: { kind: "left", left: { reason } },
  });
  if ("sops" in document) return leave("encrypted");
  if (document.kind === "Secret") return leave("secret");
  return { ...place, images: {}, what: { kind: "apply", document } };
}

function declaredTwice(twin: SyncObject, path: string): SyncObject {
  const detail = `${twin.path}, ${path}`;
  return { ...twin, what: { kind: "left", left: { reason: "declared-twice", detail } } };
}
