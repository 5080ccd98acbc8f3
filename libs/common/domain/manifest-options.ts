import type { WorkloadId } from "./workload.ts";

/** Where the parts of an image stand, as paths of keys: `["image", "tag"]`. One of `image` and `repository` is given. */
export interface ImagePaths {
  readonly container: string;
  /** The whole image in one value. */
  readonly image?: readonly string[] | undefined;
  readonly registry?: readonly string[] | undefined;
  readonly repository?: readonly string[] | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly digest?: readonly string[] | undefined;
}

/** A kind of object that Kubernetes does not have by itself and where it keeps its images. */
export interface CustomKind {
  /** Without its version: "argoproj.io". */
  readonly group: string;
  /** As spelled: "Rollout". */
  readonly kind: string;
  /** Keys to a pod spec. */
  readonly podSpec?: readonly string[] | undefined;
  readonly images?: readonly ImagePaths[] | undefined;
}

/** What a values file of a chart is about. */
export interface ValuesMapping {
  /** The workload the chart makes of it. */
  readonly workload: WorkloadId;
  /** Without them the usual shapes are looked for. */
  readonly images?: readonly ImagePaths[] | undefined;
}

/** A larger file is no manifest of anybody's: no server reads it. */
export const largestManifestBytes = 1024 * 1024;

/** How one file is to be read. */
export interface ManifestOptions {
  /** For objects that name no namespace. */
  readonly defaultNamespace: string;
  readonly customKinds?: readonly CustomKind[] | undefined;
  /** For a plain values file. */
  readonly values?: ValuesMapping | undefined;
}

/** `image.tag`, `containers[0].image` or `containers.0.image` as keys. */
export function parseDotPath(text: string): readonly string[] {
  return text
    .replaceAll(/\[(\d+)\]/g, ".$1")
    .split(".")
    .filter((key) => key !== "");
}
