import { SlipwayError } from "./errors.ts";
import type { TreeWorkload } from "./kustomize-tree.ts";
import { documentAt } from "./manifest.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { formatWorkloadId, kindLayout } from "./workload.ts";

/**
 * The object an environment declares, from the text of its own file: as committed, with the namespace
 * and the images kustomize gives it. Undefined when the text does not declare it; throws
 * MANIFEST_NOT_RENDERED where kustomize does more to it than that.
 */
export function renderWorkload(workload: TreeWorkload, text: string, o: ManifestOptions): unknown {
  const { declared, own, root, unrendered } = workload;
  if (unrendered !== undefined) {
    throw new SlipwayError("MANIFEST_NOT_RENDERED", {
      detail: `${formatWorkloadId(declared.id)}: ${unrendered}`,
      hint: 'let Flux or Argo CD apply it: "mode: hand-off"',
    });
  }
  const object = documentAt(text, own, o);
  if (root === undefined || !isObject(object)) return object;
  const metadata = {
    ...(isObject(object["metadata"]) ? object["metadata"] : {}),
    namespace: declared.id.namespace,
  };
  const images = new Map(declared.containers.map(({ name, image }) => [name, image]));
  return { ...withImages(object, kindLayout(declared.kind)?.podSpec ?? [], images), metadata };
}

type PlainObject = Readonly<Record<string, unknown>>;

function withImages(
  object: PlainObject,
  path: readonly string[],
  images: ReadonlyMap<string, string>,
): PlainObject {
  const [key, ...rest] = path;
  if (key === undefined) {
    const lists = ["containers", "initContainers"].filter((list) => Array.isArray(object[list]));
    const changed = lists.map((list) => [
      list,
      (object[list] as readonly unknown[]).map((item) => retagged(item, images)),
    ]);
    return { ...object, ...Object.fromEntries(changed) };
  }
  const inner = object[key];
  return isObject(inner) ? { ...object, [key]: withImages(inner, rest, images) } : object;
}

function retagged(container: unknown, images: ReadonlyMap<string, string>): unknown {
  if (!isObject(container) || typeof container["name"] !== "string") return container;
  const image = images.get(container["name"]);
  return image === undefined || container["image"] === undefined ? container : { ...container, image };
}

function isObject(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
