import { isSeq } from "yaml";
import { groupBy } from "./group-by.ts";
import { SlipwayError } from "./errors.ts";
import { findKustomization, readKustomization, type Kustomization } from "./kustomization.ts";
import {
  because,
  findById,
  planWorkload,
  refuse,
  theContainer,
  theWorkload,
  type FoundFile,
  type LabelLeft,
  type PlannedScalar,
  type Refused,
} from "./manifest-edit.ts";
import { findWorkloads, type FoundContainer, type FoundFault, type FoundWorkload } from "./manifest-find.ts";
import { applySplices, sourceOf, type Splice } from "./manifest-splice.ts";
import { offsetOf, placeAt, slotOf, type Slot } from "./manifest-tree.ts";
import { lineCounter, readDocuments, type YamlDocument } from "./manifest-yaml.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { policyFaultsOf } from "./manifest-policy-faults.ts";
import { readPolicies, type Policies } from "./policy.ts";
import { formatWorkloadId, type WorkloadId } from "./workload.ts";

/** One image slot as committed. */
export interface DeclaredContainer {
  readonly name: string;
  /** As text. */
  readonly image: string;
  readonly init: boolean;
  readonly editable: boolean;
  /** Why it cannot be edited. */
  readonly reason?: string;
  /** Line of the image, from 1. */
  readonly line: number;
  /** A marker points at it, and no container of a pod is known to run it. */
  readonly marked?: true;
}

/** One workload as committed. */
export interface DeclaredWorkload {
  readonly id: WorkloadId;
  readonly apiVersion: string;
  /** As spelled: "Deployment". */
  readonly kind: string;
  /** From 1. */
  readonly document: number;
  /** From 1. */
  readonly line: number;
  readonly containers: readonly DeclaredContainer[];
  /** Its own, where it has any. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly policies: Policies;
  /** What is wrong with them; absent when nothing is. */
  readonly policyFaults?: readonly ManifestFault[];
  /** False when the namespace came from the default. */
  readonly namespaceDeclared: boolean;
}

/** Something in a file that cannot be read. */
export interface ManifestFault {
  readonly line?: number;
  readonly document?: number;
  readonly message: string;
}

/** What one file declares. */
export interface ManifestFile {
  readonly workloads: readonly DeclaredWorkload[];
  readonly faults: readonly ManifestFault[];
  /** When the text is a kustomization. */
  readonly kustomization?: Kustomization;
  /** When the text is a list of JSON patches and one of them is about an image. */
  readonly patchesImage?: true;
}

/** One changed scalar with its source bytes, quotes included: enough to write it back. */
export interface SourceChange {
  /** `namespace:kind/name` */
  readonly workload: string;
  /** For a label: the container whose tag it repeats; empty for an annotation. */
  readonly container: string;
  /**
   * "image", "image.tag" of an image in parts, the JSON pointer of a label inside the object, or
   * "annotation/" and the name of one.
   */
  readonly field: string;
  readonly from: string;
  readonly to: string;
  /** Where it is an annotation: its value before and after; null where there is none. */
  readonly annotation?: { readonly from: string | null; readonly to: string | null };
  /** Where the scalar is not the whole image, with the first of them: the image before and after. */
  readonly image?: { readonly from: string; readonly to: string };
  /** The id under which the file itself declares the workload, where kustomize gives it another. */
  readonly declaredAs?: string;
  /** The workload's own file, where its image is decided in another. */
  readonly declaredIn?: string;
}

/** One image to write. */
export interface ImageEdit {
  readonly workload: WorkloadId;
  readonly container: string;
  /** The new full text. */
  readonly image: string;
}

export type EditResult =
  | {
      readonly ok: true;
      readonly text: string;
      readonly changes: readonly SourceChange[];
      readonly left: readonly LabelLeft[];
    }
  | Refused;

export interface SkippedChange {
  readonly change: SourceChange;
  readonly reason: "changed-since" | "not-found";
}

export type RevertResult =
  | {
      readonly ok: true;
      readonly text: string;
      readonly reverted: readonly SourceChange[];
      readonly skipped: readonly SkippedChange[];
    }
  | Refused;

/** The workloads a text declares. A document that cannot be read is a fault and hides no other. */
export function readManifest(text: string, o: ManifestOptions): ManifestFile {
  const lineAt = lineCounter(text);
  const documents = readDocuments(text);
  const read = documents.map((document) => ({ document, findings: findWorkloads(document, o) }));
  const [first] = documents;
  const found = findKustomization(first);
  return {
    workloads: read.flatMap(({ findings }) => findings.workloads.map((found) => declare(found, lineAt))),
    faults: read.flatMap(({ document, findings }) =>
      findings.faults.map((fault) => toFault(fault, document, lineAt)),
    ),
    ...(found === undefined ? {} : { kustomization: readKustomization(found, lineAt) }),
    ...(isImagePatch(first) ? { patchesImage: true } : {}),
  };
}

/** A JSON patch is a sequence of operations; one that names an image changes it. */
function isImagePatch(document: YamlDocument | undefined): boolean {
  return document?.parsed.ok === true && isSeq(document.parsed.doc.contents) && /image/.test(document.source);
}

/**
 * Writes images, and the version labels that repeat the old tag, by replacing nothing but the bytes
 * of those scalars; proves the result by parsing it again. All of it or none.
 */
export function editImages(text: string, edits: readonly ImageEdit[], o: ManifestOptions): EditResult {
  const groups = groupBy(edits, (edit) => formatWorkloadId(edit.workload));
  const found = findById(text, groups.keys(), o);
  const planned: PlannedScalar[] = [];
  const left: LabelLeft[] = [];
  for (const [id, group] of groups) {
    const plan = planWorkload(found, id, group);
    if ("ok" in plan) return plan;
    planned.push(...plan.scalars);
    left.push(...plan.left);
  }
  const result = applySplices(text, planned);
  if (!result.ok) return refuse("verification-failed", result.detail);
  const changes = planned.map(({ workload, container, field, from, source: to, image }) => {
    const whole = image === undefined ? {} : { image };
    return { workload, container, field, from, to, ...whole };
  });
  return { ok: true, text: result.text, changes, left };
}

/**
 * Writes back what earlier changes replaced, each only where the source still is what that change
 * wrote (`force` lifts that); a label stays with its image.
 */
export function revertChanges(
  text: string,
  changes: readonly SourceChange[],
  o: ManifestOptions & { readonly force?: boolean },
): RevertResult {
  const found = findById(
    text,
    changes.map((change) => change.workload),
    o,
  );
  const splices: Splice[] = [];
  const reverted: SourceChange[] = [];
  const skipped: SkippedChange[] = [];
  const imagesFirst = [...changes].sort(
    (a, b) => Number(isImageField(b.field)) - Number(isImageField(a.field)),
  );
  for (const change of imagesFirst) {
    const target = revertTarget(found, change);
    if (target !== undefined && "ok" in target) return target;
    const keptImage = skipped.some((one) => isImageOf(one.change, change));
    if (target === undefined) {
      skipped.push({ change, reason: "not-found" });
    } else if (keptImage || (target.source !== change.to && o.force !== true)) {
      skipped.push({ change, reason: "changed-since" });
    } else {
      splices.push({ document: target.document, scalar: target.slot.scalar, source: change.from });
      // Where it was changed since, it is that which is replaced, and which undoing this brings back.
      reverted.push(target.source === change.to ? change : { ...change, to: target.source });
    }
  }
  const result = applySplices(text, splices);
  if (!result.ok) return refuse("verification-failed", result.detail);
  return { ok: true, text: result.text, reverted, skipped };
}

/**
 * The object as committed, read as Kubernetes reads it, its namespace filled in; undefined when the
 * text does not declare it. Throws MANIFEST_BROKEN when it declares it twice or without end.
 */
export function documentAt(text: string, workload: WorkloadId, o: ManifestOptions): unknown {
  const id = formatWorkloadId(workload);
  const [found, another] = findById(text, [id], o).workloads.filter((one) => formatWorkloadId(one.id) === id);
  if (found === undefined) return undefined;
  if (another !== undefined) throw new SlipwayError("MANIFEST_BROKEN", { detail: `${id} is declared twice` });
  try {
    const object = found.root.node.toJS(found.tree.doc, { maxAliasCount: mostAliases }) as PlainObject;
    const metadata = { ...(object["metadata"] as PlainObject), namespace: found.id.namespace };
    return { ...object, apiVersion: found.apiVersion, kind: found.kind, metadata };
  } catch (cause) {
    throw new SlipwayError("MANIFEST_BROKEN", { detail: `${id} cannot be expanded`, cause });
  }
}

/** The image a change is about, as text, when it is about one and not about a label. */
export function changedImage(
  change: Pick<SourceChange, "field" | "from" | "to" | "image">,
): { readonly from: string; readonly to: string } | undefined {
  if (change.image !== undefined) return change.image;
  // Images hold no character that quoting escapes.
  const unquote = (source: string) => source.replace(/^(["'])(.*)\1$/s, "$2");
  return change.field === "image" ? { from: unquote(change.from), to: unquote(change.to) } : undefined;
}

/** Whether a text can mention the image at all; cheap enough to ask before parsing. */
export function mentionsImage(text: string, needle: string): boolean {
  return text.includes(needle);
}

type PlainObject = Readonly<Record<string, unknown>>;

const mostAliases = 100;

function declare(found: FoundWorkload, lineAt: (offset: number) => number): DeclaredWorkload {
  const line = (offset: number): number => lineAt(found.document.start + offset);
  const policyFaults = policyFaultsOf(found).map((fault) => toFault(fault, found.document, lineAt));
  return {
    id: found.id,
    apiVersion: found.apiVersion,
    kind: found.kind,
    document: found.document.number,
    line: line(offsetOf(found.root.node)),
    containers: found.containers.map(({ name, image, init, marked }) => {
      const reason = found.encrypted ? "ENCRYPTED_DOCUMENT" : image.refusal;
      const why = reason === undefined ? {} : { reason };
      return {
        name,
        image: image.text.trim(),
        init,
        editable: reason === undefined,
        ...why,
        line: line(image.offset),
        ...(marked === undefined ? {} : { marked }),
      };
    }),
    ...(Object.keys(found.labels).length === 0 ? {} : { labels: found.labels }),
    policies: readPolicies(found.annotations),
    ...(policyFaults.length === 0 ? {} : { policyFaults }),
    namespaceDeclared: found.namespaceDeclared,
  };
}

function toFault(
  fault: FoundFault,
  document: YamlDocument,
  lineAt: (offset: number) => number,
): ManifestFault {
  return { line: lineAt(document.start + fault.offset), document: document.number, message: fault.message };
}

interface RevertTarget {
  readonly document: YamlDocument;
  readonly slot: Slot;
  readonly source: string;
}

function revertTarget(file: FoundFile, change: SourceChange): RevertTarget | Refused | undefined {
  const workload = theWorkload(file, change.workload);
  if ("ok" in workload) return workload.reason === "not-found" ? undefined : workload;
  const slot = fieldSlot(workload, change);
  if (slot === undefined || "ok" in slot) return slot;
  if (slot.refusal !== undefined) {
    return refuse(slot.refusal, `${change.field} of ${change.workload}: ${because[slot.refusal]}`);
  }
  const { document } = workload;
  return { document, slot, source: sourceOf(document, slot.scalar) };
}

function fieldSlot(workload: FoundWorkload, change: SourceChange): Slot | Refused | undefined {
  if (change.field === "image" || change.field.startsWith("image.")) {
    const container = theContainer(workload, change.container);
    if ("ok" in container) return container.reason === "not-found" ? undefined : container;
    return change.field === "image" ? wholeSlot(container) : partSlot(container, change.field);
  }
  const path = change.field.split("/").slice(1).map(unescapePointer);
  return slotOf(placeAt(workload.tree, workload.root, path));
}

/** People may have put the parts together since, or taken them apart. */
function wholeSlot({ image, parts }: FoundContainer): Slot | undefined {
  return parts === undefined ? image : undefined;
}

function partSlot({ parts }: FoundContainer, field: string): Slot | undefined {
  const part = (["registry", "repository", "tag", "digest"] as const).find((one) => field === `image.${one}`);
  return part === undefined ? undefined : parts?.[part];
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function isImageField(field: string): boolean {
  return field === "image" || field.startsWith("image.");
}

function isImageOf(image: SourceChange, label: SourceChange): boolean {
  return (
    isImageField(image.field) && image.workload === label.workload && image.container === label.container
  );
}
