import type { ReleaseRequest } from "#common/contracts/requests.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { formatImageRef, parseImageRef } from "#common/domain/image-ref.ts";
import type { JobSpec } from "#common/store/schema.ts";
import type { ReleaseSpec as WireSpec } from "#proto/slipway/release/v1/release.ts";

import { chooseWorkloads, readExcluded } from "./choose-workloads.ts";
import type { ChooseDeps } from "./choose-workloads.ts";

export type ReleaseSpec = Extract<JobSpec, { kind: "release" }>;

/** The request with its short forms written out: what is hashed, and what the rest is made from. */
export interface ReleaseAsked {
  readonly workloads: readonly string[];
  readonly all: boolean;
  readonly exclude: readonly string[];
  readonly images: ReleaseSpec["images"];
  readonly override: readonly string[];
  readonly waitForImageSeconds?: number;
}

/** Writes out the short forms and reads every image reference. */
export function readRequest(body: ReleaseRequest): ReleaseAsked {
  const images = writtenOut(body.images);
  if ("exact" in images) images.exact.forEach(refuseUntagged);
  const { workloads = [], all = false, exclude, override, waitForImageSeconds } = body;
  const wait = waitForImageSeconds === undefined ? {} : { waitForImageSeconds };
  return { workloads, all, exclude, images, override, ...wait };
}

/** The spec of the job, with the workloads looked up. */
export async function toSpec(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  asked: ReleaseAsked,
): Promise<ReleaseSpec> {
  return {
    kind: "release",
    ...asked,
    exclude: readExcluded(environment, asked.exclude),
    workloads: await chooseWorkloads(deps, environment, asked.workloads),
  };
}

/** The spec as a worker's planner is asked. */
export function toWireSpec(spec: ReleaseSpec): WireSpec {
  const images = spec.images;
  return {
    workloads: [...spec.workloads],
    all: spec.all,
    exclude: [...spec.exclude],
    override: [...spec.override],
    images:
      "exact" in images
        ? { $case: "exact", value: { refs: [...images.exact] } }
        : { $case: images.select, value: true },
  };
}

function writtenOut(images: ReleaseRequest["images"]): ReleaseSpec["images"] {
  if (images === "latest") return { select: "latest" };
  return Array.isArray(images) ? { exact: images } : images;
}

function refuseUntagged(text: string): void {
  const ref = parseImageRef(text);
  if (ref.tag !== undefined || ref.digest !== undefined) return;
  throw new SlipwayError("IMAGE_REF_INVALID", {
    detail: `"${formatImageRef(ref)}" has neither tag nor digest`,
    hint: 'write the tag, e.g. "repository:1.2.3"; to release the newest use "images": "latest"',
  });
}
