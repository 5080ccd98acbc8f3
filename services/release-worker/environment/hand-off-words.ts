import { describeOwner, isForeign, shortRevision, type OwnerName } from "#common/domain/owner.ts";
import type { GetOwnerResponse } from "#proto/slipway/cluster/v1/cluster.ts";

/** What an owner said of itself, as far as waiting for it reads it. */
export type OwnerTold = Pick<
  GetOwnerResponse,
  "found" | "appliedRevision" | "ready" | "suspended" | "message"
>;

/** That an owner has not applied a commit, for people. */
export interface NotApplied {
  /** The open step's detail. */
  readonly progress: string;
  /** Who or what is waited for. */
  readonly waitsFor: string;
  /** Why it did not happen, once it is too late. */
  readonly why: string;
}

/** Says who is being waited for, and why it may be in vain (CORRECTNESS 24). */
export function notApplied(owner: OwnerName, told: OwnerTold | undefined, commit: string): NotApplied {
  const name = describeOwner(owner);
  if (!isForeign(owner) || told === undefined)
    return inVain("nobody applies it: it carries no mark of Flux, Argo CD or Helm");
  if (!told.found) return inVain(`${name}: ${told.message === "" ? "not found" : told.message}`);
  if (told.suspended) return inVain(`${name} ${suspendedWords(owner, told.message)}`);
  const where = `at ${shortRevision(told.appliedRevision)}, ours is ${commit.slice(0, 7)}`;
  const trouble = told.ready || told.message === "" ? "" : `: ${told.message}`;
  const waitsFor = `${name} (${where})${trouble}`;
  return { progress: `waiting for ${waitsFor}`, waitsFor, why: `${name} is ${where}${trouble}` };
}

/** That an owner has applied a commit and is not ready: its word, when it gave one. */
export function notReady(owner: OwnerName, { message }: Pick<OwnerTold, "message">): NotApplied {
  const name = describeOwner(owner);
  const trouble = message === "" ? "" : `: ${message}`;
  return {
    progress: `waiting for ${name} to be ready${trouble}`,
    waitsFor: `${name} to be ready${trouble}`,
    why: `${name} applied it and is not ready${trouble}`,
  };
}

/** That an owner has applied a commit, and yet the cluster holds other images than it declares. */
export function otherImagesHeld(
  owner: OwnerName,
  { revision, images }: { readonly revision: string; readonly images: readonly string[] },
): NotApplied {
  const name = describeOwner(owner);
  const why = `${name} applied ${revision.slice(0, 7)}, and the cluster holds other images: ${images.join(", ")}`;
  return { progress: why, waitsFor: `the images of ${revision.slice(0, 7)} by ${name}`, why };
}

function inVain(why: string): NotApplied {
  return { progress: why, waitsFor: why, why };
}

function suspendedWords({ kind }: OwnerName, message: string): string {
  const more = message === "" ? "" : `: ${message}`;
  if (kind === "argo-cd") return `does not sync by itself${more}`;
  if (kind === "helm") return `is not applied from git${more}`;
  return `is suspended${more}`;
}
