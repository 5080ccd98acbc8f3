import type { ReleaseRequest } from "#common/contracts/requests.ts";

import type { FluxCause, FluxRelease } from "./flux-update.ts";

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

/** fluxctl says who the person claims to be; who may is decided by the token alone. */
export function messageOf({ Message, User }: FluxCause): { message?: string } {
  const by = User === "" ? "" : `(asked by ${User} with fluxctl)`;
  const message = [Message, by].filter((part) => part !== "").join(" ");
  return message === "" ? {} : { message };
}
