import { z } from "zod";

import { SlipwayError } from "../domain/errors.ts";
import { parseWorkloadId } from "../domain/workload.ts";

/** Keys from the top of an object or a values file: `image.tag`, `spec.containers[0].image`. */
const dotPath = z
  .string()
  .regex(/^[^.[\]\s]+(?:\.[^.[\]\s]+|\[\d{1,3}\])*$/, "keys with dots between, such as image.tag")
  .max(500);

/** Where one image stands: whole at `image`, or in parts from `repository` on. */
const imagePaths = z
  .strictObject({
    container: z.string().min(1).max(253),
    image: dotPath.optional(),
    registry: dotPath.optional(),
    repository: dotPath.optional(),
    tag: dotPath.optional(),
    digest: dotPath.optional(),
  })
  .refine((paths) => (paths.image === undefined) !== (paths.repository === undefined), {
    message: 'give either "image" or "repository"',
  });

/** Where images stand besides pods, as an environment says it. */
export const manifestSettings = z.strictObject({
  /** Plain values files of charts, and the workload each chart makes of its file. */
  helmValues: z
    .array(
      z.strictObject({
        /** From the top of the repository. */
        path: z.string().min(1).max(500),
        workload: z.string().refine(isFullWorkloadId, { message: "write namespace:kind/name" }),
        /** Without them `image: …` at the top and one level down is looked for. */
        images: z.array(imagePaths).min(1).max(100).optional(),
      }),
    )
    .max(500)
    .optional(),
  /** Kinds of objects that Kubernetes does not have by itself. */
  customKinds: z
    .array(
      z
        .strictObject({
          group: z.string().min(1).max(253),
          kind: z.string().regex(/^[A-Z][A-Za-z0-9]{0,62}$/, "a kind as spelled, such as Rollout"),
          podSpec: dotPath.optional(),
          images: z.array(imagePaths).min(1).max(100).optional(),
        })
        .refine((custom) => custom.podSpec !== undefined || custom.images !== undefined, {
          message: 'give "podSpec" or "images"',
        }),
    )
    .max(100)
    .optional(),
});

function isFullWorkloadId(text: string): boolean {
  try {
    return parseWorkloadId(text).kind !== undefined;
  } catch (error) {
    if (error instanceof SlipwayError) return false;
    throw error;
  }
}
