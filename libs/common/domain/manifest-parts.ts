import { formatImageRef, tryParseImageRef } from "./image-ref.ts";
import type { ImagePaths } from "./manifest-options.ts";
import {
  itemsOf,
  placeAt,
  slotOf,
  type Place,
  type PlaceRefusal,
  type Slot,
  type Tree,
} from "./manifest-tree.ts";

/** An image put together of several values, as charts do. */
export interface ImageParts {
  readonly registry?: Slot | undefined;
  readonly repository: Slot;
  /** May hold `tag@digest`. */
  readonly tag?: Slot | undefined;
  readonly digest?: Slot | undefined;
}

export type PartName = "registry" | "repository" | "tag" | "digest";

/** Where an image stands: in one value, or in parts. */
export interface FoundImage {
  /** The whole image; its scalar and offset are those of the part that a release changes. */
  readonly slot: Slot;
  readonly parts?: ImageParts;
}

/** The image at given paths; undefined where there is none. */
export function imageAt(tree: Tree, from: Place, paths: ImagePaths): FoundImage | undefined {
  const at = (path: readonly string[] | undefined): Slot | undefined =>
    path === undefined ? undefined : slotOf(stepTo(tree, from, path));
  const whole = at(paths.image);
  if (whole !== undefined) return whole.text === "" ? undefined : { slot: whole };
  const repository = at(paths.repository);
  if (repository === undefined) return undefined;
  return fromParts({
    repository,
    registry: at(paths.registry),
    tag: at(paths.tag),
    digest: at(paths.digest),
  });
}

/** The image of parts; one value that has its tag needs no others. */
export function fromParts(parts: ImageParts): FoundImage | undefined {
  const { registry, repository, tag, digest } = parts;
  const alone = tryParseImageRef(repository.text);
  if (alone === undefined) return undefined;
  const isWhole = alone.tag !== undefined || alone.digest !== undefined;
  if (isWhole || (registry === undefined && tag === undefined && digest === undefined)) {
    return { slot: repository };
  }
  const slots = [registry, repository, tag, digest].filter((slot) => slot !== undefined);
  const refusal = slots.find((slot) => slot.refusal !== undefined)?.refusal;
  const shown = tag ?? digest ?? repository;
  const text = composed(parts);
  return {
    slot: {
      scalar: shown.scalar,
      text,
      isText: true,
      offset: shown.offset,
      ...(refusal === undefined ? {} : { refusal }),
    },
    parts,
  };
}

/** The values to write so that the parts make the image; a refusal when they cannot. */
export function splitToParts(
  parts: ImageParts,
  image: string,
): readonly { readonly part: PartName; readonly slot: Slot; readonly value: string }[] | PlaceRefusal {
  const ref = tryParseImageRef(image);
  if (ref === undefined) return "parts-do-not-fit";
  const wanted = wantedParts(parts, ref);
  if (wanted === undefined) return "parts-do-not-fit";
  const edits: { part: PartName; slot: Slot; value: string }[] = [];
  for (const part of ["registry", "repository", "tag", "digest"] as const) {
    const slot = parts[part];
    const value = wanted[part] ?? "";
    if ((slot?.text ?? "") === value) continue;
    if (slot === undefined || (value === "" && slot.text !== "")) return "parts-do-not-fit";
    edits.push({ part, slot, value });
  }
  return edits;
}

function wantedParts(
  parts: ImageParts,
  ref: { readonly name: string; readonly tag?: string; readonly digest?: string },
): Partial<Record<PartName, string>> | undefined {
  const registry = parts.registry?.text ?? "";
  const prefix = registry === "" ? "" : `${registry}/`;
  if (!ref.name.startsWith(prefix)) return undefined;
  const named = { registry, repository: ref.name.slice(prefix.length) };
  const { tag = "", digest = "" } = ref;
  const isInTag = digest !== "" && parts.digest === undefined;
  if (!isInTag) return { ...named, tag, digest };
  // Only where the tag's value held a digest before does the chart take one there.
  return parts.tag?.text.includes("@") === true ? { ...named, tag: `${tag}@${digest}` } : undefined;
}

function composed({ registry, repository, tag, digest }: ImageParts): string {
  const host = registry === undefined || registry.text === "" ? "" : `${registry.text}/`;
  const label =
    tag === undefined || tag.text === "" ? "" : tag.text.startsWith("@") ? tag.text : `:${tag.text}`;
  const hash = digest === undefined || digest.text === "" ? "" : `@${digest.text}`;
  const text = `${host}${repository.text}${label}${hash}`;
  const ref = tryParseImageRef(text);
  return ref === undefined ? text : formatImageRef(ref);
}

/** Follows keys; a number also picks an item of a sequence. */
export function stepTo(tree: Tree, from: Place, path: readonly string[]): Place | undefined {
  let place: Place | undefined = from;
  for (const key of path) {
    if (place === undefined) return undefined;
    const items: readonly Place[] = /^\d+$/.test(key) ? itemsOf(tree, place) : [];
    place = items.length > 0 ? items[Number(key)] : placeAt(tree, place, [key]);
  }
  return place;
}
