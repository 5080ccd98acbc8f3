import { groupBy } from "./group-by.ts";
import { tryParseImageRef } from "./image-ref.ts";
import { findWorkloads, type FoundContainer, type FoundWorkload } from "./manifest-find.ts";
import { planLabels, type LabelLeftReason, type TagMove } from "./manifest-labels.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { splitToParts } from "./manifest-parts.ts";
import { renderText, sourceOf, type Splice } from "./manifest-splice.ts";
import type { PlaceRefusal, Slot } from "./manifest-tree.ts";
import { readDocuments } from "./manifest-yaml.ts";
import { formatWorkloadId } from "./workload.ts";

/** Why a file was left as it is. */
export type EditRefusal =
  | PlaceRefusal
  | "encrypted"
  | "not-found"
  | "duplicate-workload"
  | "duplicate-container"
  | "conflicting-edits"
  | "invalid-image"
  | "invalid-policy"
  | "verification-failed";

export interface Refused {
  readonly ok: false;
  readonly reason: EditRefusal;
  readonly detail: string;
}

/** A version label that repeats the old tag and did not follow. */
export interface LabelLeft {
  readonly workload: string;
  readonly container: string;
  readonly field: string;
  readonly reason: LabelLeftReason;
}

/** Every workload of a text, to be edited. */
export interface FoundFile {
  readonly workloads: readonly FoundWorkload[];
  /** In words, for a refusal. */
  readonly faults: readonly string[];
}

/** One scalar to write, and what it is. */
export interface PlannedScalar extends Splice {
  readonly workload: string;
  readonly container: string;
  readonly field: string;
  /** The bytes it replaces. */
  readonly from: string;
  /** With the first part of an image in parts: the whole image before and after. */
  readonly image?: { readonly from: string; readonly to: string };
}

/** The new full image of one container. */
export interface ContainerEdit {
  readonly container: string;
  readonly image: string;
}

export interface WorkloadPlan {
  readonly scalars: readonly PlannedScalar[];
  readonly left: readonly LabelLeft[];
}

/** Reads what a text says of some workloads; parsing the rest of a large file would be waste. */
export function findById(text: string, ids: Iterable<string>, o: ManifestOptions): FoundFile {
  const wanted = [...new Set(ids)];
  const names = wanted.map((id) => id.slice(id.lastIndexOf("/") + 1));
  const likely = find(text, o, (source) => names.some((name) => source.includes(name)));
  const found = new Set(likely.workloads.map((workload) => formatWorkloadId(workload.id)));
  // An unusual spelling of a name, or a fault worth telling, is found by reading everything.
  return wanted.every((id) => found.has(id)) ? likely : find(text, o, () => true);
}

function find(text: string, o: ManifestOptions, isWanted: (source: string) => boolean): FoundFile {
  const read = readDocuments(text, isWanted).map((document) => ({
    document,
    findings: findWorkloads(document, o),
  }));
  return {
    workloads: read.flatMap((one) => one.findings.workloads),
    faults: read.flatMap(({ document, findings }) =>
      findings.faults.map((fault) => `document ${document.number}: ${fault.message}`),
    ),
  };
}

/** The scalars to write for one workload, or why none of them may be written. */
export function planWorkload(
  file: FoundFile,
  id: string,
  edits: readonly ContainerEdit[],
): WorkloadPlan | Refused {
  const workload = theWorkload(file, id);
  if ("ok" in workload) return workload;
  const scalars: PlannedScalar[] = [];
  const moves: TagMove[] = [];
  for (const [name, group] of groupBy(edits, (edit) => edit.container)) {
    const container = theContainer(workload, name);
    if ("ok" in container) return container;
    const image = theImage(group);
    if (typeof image !== "string") return image;
    if (image === container.image.text) continue;
    const written = planImage(workload, container, image);
    if ("ok" in written) return written;
    scalars.push(...written);
    moves.push({ container: name, from: tagOf(container.image.text), to: tagOf(image) });
  }
  const tagsBefore = workload.containers.map((container) => tagOf(container.image.text));
  const labels = planLabels(workload, moves, tagsBefore);
  const left = labels.flatMap(({ container, pointer: field, decision }) =>
    "leave" in decision ? [{ workload: id, container, field, reason: decision.leave }] : [],
  );
  const following = labels.flatMap(({ slot, container, pointer: field, decision }) =>
    "follow" in decision ? [planScalar({ workload, slot, container, field }, decision.follow)] : [],
  );
  return { scalars: [...scalars, ...following], left };
}

/** One scalar, or those of the parts that differ. */
function planImage(
  workload: FoundWorkload,
  { name, image: slot, parts }: FoundContainer,
  to: string,
): readonly PlannedScalar[] | Refused {
  if (parts === undefined) return [planScalar({ workload, slot, container: name, field: "image" }, to)];
  const edits = splitToParts(parts, to);
  if (typeof edits === "string") {
    const id = formatWorkloadId(workload.id);
    return refuse(edits, `the image of ${name} in ${id}: ${because[edits]}`);
  }
  const image = { from: slot.text, to };
  return edits.map((edit, index) => ({
    ...planScalar({ workload, slot: edit.slot, container: name, field: `image.${edit.part}` }, edit.value),
    ...(index === 0 ? { image } : {}),
  }));
}

function planScalar(
  target: { workload: FoundWorkload; slot: Slot; container: string; field: string },
  value: string,
): PlannedScalar {
  const { workload, slot, container, field } = target;
  const { document, id } = workload;
  return {
    document,
    scalar: slot.scalar,
    source: renderText(slot.scalar, value),
    value,
    workload: formatWorkloadId(id),
    container,
    field,
    from: sourceOf(document, slot.scalar),
  };
}

/** The one workload of this id that may be edited. */
export function theWorkload(file: FoundFile, id: string): FoundWorkload | Refused {
  const [workload, another] = file.workloads.filter((one) => formatWorkloadId(one.id) === id);
  if (workload === undefined) {
    const faults = file.faults.length === 0 ? "" : ` (${file.faults.slice(0, 3).join("; ")})`;
    return refuse("not-found", `${id} is not declared here${faults}`);
  }
  if (another !== undefined) return refuse("duplicate-workload", `${id} is declared twice here`);
  if (workload.encrypted) return refuse("encrypted", `the document of ${id} is encrypted with sops`);
  return workload;
}

/** The one container of this name whose image may be edited. */
export function theContainer(workload: FoundWorkload, name: string): FoundContainer | Refused {
  const [container, another] = workload.containers.filter((one) => one.name === name);
  const id = formatWorkloadId(workload.id);
  if (container === undefined) return refuse("not-found", `${id} has no container ${name} with an image`);
  if (another !== undefined) return refuse("duplicate-container", `${id} has two containers ${name}`);
  const { refusal } = container.image;
  return refusal === undefined
    ? container
    : refuse(refusal, `the image of ${name} in ${id}: ${because[refusal]}`);
}

/** The refusals of a place in words. */
export const because: Readonly<Record<PlaceRefusal, string>> = {
  "shared-anchor": "its value is shared through an anchor, so others would change with it",
  "merge-key": "its value comes from a merge key",
  "block-scalar": "it is written as a block scalar",
  "not-text": "it is not text",
  "parts-do-not-fit": "it is put together of values that have no place for this",
};

function theImage(edits: readonly ContainerEdit[]): string | Refused {
  const [image = "", ...others] = new Set(edits.map((edit) => edit.image));
  if (others.length > 0)
    return refuse("conflicting-edits", `${image} and ${others.join(", ")} for one container`);
  return tryParseImageRef(image) === undefined
    ? refuse("invalid-image", `"${image}" is not an image`)
    : image;
}

function tagOf(image: string): string | undefined {
  return tryParseImageRef(image)?.tag;
}

/** A refusal, in the shape every edit answers with. */
export function refuse(reason: EditRefusal, detail: string): Refused {
  return { ok: false, reason, detail };
}
