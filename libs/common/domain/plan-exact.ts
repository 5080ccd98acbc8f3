import { SlipwayError } from "./errors.ts";
import { formatImageRef, parseImageRef, repositoryKey, type ImageRef } from "./image-ref.ts";

/** The named images, read. Several of one image repository can only be meant where each container has its own. */
export function readExact(texts: readonly string[], o: { readonly several: boolean }): readonly ImageRef[] {
  const refs = texts.map((text) => requireTagged(parseImageRef(text)));
  if (o.several) return refs;
  for (const [repository, asked] of Map.groupBy(refs, repositoryKey)) {
    const different = new Set(asked.map(({ tag, digest }) => `${tag ?? ""}@${digest ?? ""}`));
    if (different.size === 1) continue;
    throw new SlipwayError("IMAGE_REF_INVALID", {
      detail: `several images of ${repository} are asked for: ${asked.map(formatImageRef).join(", ")}`,
      hint: "release them one after the other, each to its workloads",
    });
  }
  return refs;
}

function requireTagged(ref: ImageRef): ImageRef {
  if (ref.tag !== undefined || ref.digest !== undefined) return ref;
  throw new SlipwayError("IMAGE_REF_INVALID", {
    detail: `"${formatImageRef(ref)}" has neither tag nor digest`,
    hint: 'write the tag, e.g. "repository:1.2.3"; to release the newest use "images": "latest"',
  });
}
