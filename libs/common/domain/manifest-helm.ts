import { isMap } from "yaml";
import type { ImagePaths } from "./manifest-options.ts";
import { parseDotPath } from "./manifest-options.ts";
import { fromParts, imageAt, type FoundImage } from "./manifest-parts.ts";
import { entriesOf, placeAt, slotOf, type Place, type Tree } from "./manifest-tree.ts";
import { policyPrefixes } from "./policy.ts";

/** An image among the values of a chart. */
export interface ValuesImage extends FoundImage {
  readonly container: string;
}

/** What the container of an image at the top of the values is called. */
export const chartContainer = "chart-image";

/**
 * The images in the values of a chart: those named by paths, then the usual shapes at the top and one
 * level down, the keys in order. No value belongs to two of them.
 */
export function valuesImages(
  tree: Tree,
  values: Place,
  named: readonly ImagePaths[],
): readonly ValuesImage[] {
  const byName = named.flatMap((paths) => withName(paths.container, imageAt(tree, values, paths)));
  const inner = entriesOf(tree, values)
    .filter(({ key }) => key !== "image")
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const usual = [
    ...withName(chartContainer, usualShape(tree, values)),
    ...inner.flatMap(({ key, place }) => withName(key, usualShape(tree, place))),
  ];
  const taken = new Set(byName.flatMap(scalarsOf));
  const names = new Set(byName.map((image) => image.container));
  const rest = usual.filter(
    (image) => !names.has(image.container) && !scalarsOf(image).some((s) => taken.has(s)),
  );
  return [...byName, ...rest];
}

/** Flux's annotations on a HelmRelease: `repository.fluxcd.io/C`, `tag.fluxcd.io/C`, `registry.fluxcd.io/C`. */
export function annotatedPaths(annotations: Readonly<Record<string, string>>): readonly ImagePaths[] {
  const found = new Map<string, ImagePaths>();
  // The weakest prefix first, so that a stronger one overrules it.
  for (const prefix of policyPrefixes.toReversed()) {
    for (const part of ["image", "registry", "repository", "tag", "digest"] as const) {
      for (const [name, value] of Object.entries(annotations)) {
        if (!name.startsWith(`${part}.${prefix}/`)) continue;
        const container = name.slice(`${part}.${prefix}/`.length);
        found.set(container, { ...found.get(container), container, [part]: parseDotPath(value) });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.container < b.container ? -1 : 1));
}

/** `image: repo:tag`, with `registry` and `tag` beside it, or `image: {registry, repository, tag, digest}`. */
function usualShape(tree: Tree, map: Place): FoundImage | undefined {
  if (!isMap(map.node)) return undefined;
  const image = placeAt(tree, map, ["image"]);
  if (image === undefined) return undefined;
  const isNested = isMap(image.node);
  const from = isNested ? image : map;
  const part = (key: string) => slotOf(placeAt(tree, from, [key]));
  const repository = part(isNested ? "repository" : "image");
  if (repository === undefined || repository.text === "") return undefined;
  return fromParts({
    repository,
    registry: part("registry"),
    tag: part("tag"),
    digest: isNested ? part("digest") : undefined,
  });
}

function withName(container: string, image: FoundImage | undefined): readonly ValuesImage[] {
  return image === undefined ? [] : [{ container, ...image }];
}

function scalarsOf({ slot, parts }: FoundImage): readonly unknown[] {
  return parts === undefined
    ? [slot.scalar]
    : [parts.repository.scalar, parts.tag?.scalar, parts.digest?.scalar].filter((s) => s !== undefined);
}
