import type { ReleaseRequest } from "#common/contracts/requests.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { FluxCause, FluxContainers, FluxRelease } from "./flux-update.ts";

const everything = "<all>";
const newest = "<all latest>";

/**
 * The release that fluxctl means. Its `--force` passes locks and ignores for workloads that are named
 * one by one, and the tag filter for a named image; with `--all` it passes nothing.
 */
export function toReleaseRequest(
  spec: FluxRelease,
  { cause, environment }: { cause: FluxCause; environment: string },
): ReleaseRequest {
  const all = spec.ServiceSpecs.includes(everything);
  const latest = spec.ImageSpec === newest;
  const override: ReleaseRequest["override"] = spec.Force
    ? [...(all ? [] : (["lock"] as const)), ...(latest ? [] : (["filter"] as const))]
    : [];
  return {
    environment,
    ...(all ? { all: true } : { workloads: spec.ServiceSpecs }),
    exclude: spec.Excludes ?? [],
    images: latest ? "latest" : { exact: [spec.ImageSpec] },
    dryRun: spec.Kind === "plan",
    override,
    ...messageOf(cause),
  };
}

/** What a person chose in `--interactive`. A row that says nothing (a bug of fluxctl's menu) is refused kindly; undefined where nothing was chosen. */
export function toContainerRequest(
  spec: FluxContainers,
  { cause, environment }: { cause: FluxCause; environment: string },
): ReleaseRequest | undefined {
  const containers = Object.entries(spec.ContainerSpecs).flatMap(([workload, updates]) =>
    updates.map(({ Container, Current, Target }) => {
      if (Container === "" || Target === "") {
        throw new SlipwayError("INVALID_REQUEST", {
          detail: `no image was chosen for ${workload}`,
          hint: "leave it unmarked in the menu, and mark a line with an image",
        });
      }
      return { workload, container: Container, image: Target, ...(Current !== "" && { from: Current }) };
    }),
  );
  if (containers.length === 0) return undefined;
  return {
    environment,
    exclude: [],
    images: { containers, skipChanged: spec.SkipMismatches },
    dryRun: spec.Kind === "plan",
    override: spec.Force ? ["lock", "filter"] : [],
    ...messageOf(cause),
  };
}

/** fluxctl says who the person claims to be; who may is decided by the token alone. */
export function messageOf({ Message, User }: FluxCause): { message?: string } {
  const by = User === "" ? "" : `(asked by ${User} with fluxctl)`;
  const message = [Message, by].filter((part) => part !== "").join(" ");
  return message === "" ? {} : { message };
}
