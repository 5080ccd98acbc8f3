import type { ReleaseRequest } from "#common/contracts/requests.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { formatImageRef, parseImageRef } from "#common/domain/image-ref.ts";
import type { ChosenContainers } from "#common/domain/plan-only.ts";
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
  readonly notBefore?: string;
  readonly only?: ReleaseSpec["only"];
}

/** Writes out the short forms and reads every image reference. */
export function readRequest(body: ReleaseRequest): ReleaseAsked {
  const { images, only } = writtenOut(body.images);
  if ("exact" in images) images.exact.forEach(refuseUntagged);
  const { all = false, exclude, override, waitForImageSeconds, notBefore } = body;
  const workloads = only === undefined ? (body.workloads ?? []) : workloadsOf(only);
  const wait = waitForImageSeconds === undefined ? {} : { waitForImageSeconds };
  const schedule = notBefore === undefined ? {} : { notBefore: new Date(notBefore).toISOString() };
  return { workloads, all, exclude, images, override, ...(only && { only }), ...wait, ...schedule };
}

/** The spec of the job, with the workloads looked up. */
export async function toSpec(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  asked: ReleaseAsked,
): Promise<ReleaseSpec> {
  const workloads = await chooseWorkloads(deps, environment, asked.workloads);
  return {
    kind: "release",
    ...asked,
    ...(asked.only && { only: withFullIds(asked, workloads) }),
    exclude: readExcluded(environment, asked.exclude),
    workloads,
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
    only: spec.only && {
      containers: spec.only.containers.map((one) => ({ ...one, from: one.from ?? "" })),
      skipChanged: spec.only.skipChanged,
    },
    images:
      "exact" in images
        ? { $case: "exact", value: { refs: [...images.exact] } }
        : { $case: images.select, value: true },
  };
}

function writtenOut(images: ReleaseRequest["images"]): Pick<ReleaseSpec, "images" | "only"> {
  if (images === "latest") return { images: { select: "latest" } };
  if (Array.isArray(images)) return { images: { exact: images } };
  if (!("containers" in images)) return { images };
  const { skipChanged } = images;
  const containers = images.containers.map(({ from, ...one }) => ({
    ...one,
    ...(from !== undefined && { from }),
  }));
  refuseTwice(containers);
  return {
    images: { exact: [...new Set(containers.map(({ image }) => image))] },
    only: { containers, skipChanged },
  };
}

/** The ids as they were found, in place of the names that people gave. */
function withFullIds(
  { only, workloads: asked }: ReleaseAsked,
  found: readonly string[],
): ChosenContainers | undefined {
  if (only !== undefined && found.length < asked.length) {
    throw new SlipwayError("INVALID_REQUEST", { detail: "a workload is named in two ways" });
  }
  const fullId = new Map(asked.map((text, at) => [text, found[at] ?? text]));
  return (
    only && {
      ...only,
      containers: only.containers.map((one) => ({
        ...one,
        workload: fullId.get(one.workload) ?? one.workload,
      })),
    }
  );
}

function workloadsOf({ containers }: ChosenContainers): readonly string[] {
  return [...new Set(containers.map(({ workload }) => workload))];
}

function refuseTwice(containers: ChosenContainers["containers"]): void {
  const keys = containers.map(({ workload, container }) => `${workload} ${container}`);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice === undefined) return;
  throw new SlipwayError("INVALID_REQUEST", { detail: `${twice} is chosen twice` });
}

function refuseUntagged(text: string): void {
  const ref = parseImageRef(text);
  if (ref.tag !== undefined || ref.digest !== undefined) return;
  throw new SlipwayError("IMAGE_REF_INVALID", {
    detail: `"${formatImageRef(ref)}" has neither tag nor digest`,
    hint: 'write the tag, e.g. "repository:1.2.3"; to release the newest use "images": "latest"',
  });
}
