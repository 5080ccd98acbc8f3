import { SlipwayError } from "./errors.ts";
import {
  formatImageRef,
  parseImageRef,
  repositoryKey,
  tryParseImageRef,
  withTag,
  type ImageRef,
} from "./image-ref.ts";
import type { Policies } from "./policy.ts";
import { chooseLatest, isMovingTag, type KnownImage } from "./tag.ts";
import { unreachable } from "./unreachable.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId, type WorkloadId } from "./workload.ts";

/** Why a container was left alone: one reason each, from this closed list. */
export type SkipReason =
  | "excluded"
  | "not-in-cluster"
  | "not-declared"
  | "declared-twice"
  | "locked"
  | "ignored"
  | "held"
  | "different-image"
  | "up-to-date"
  | "no-policy"
  | "no-image-data"
  | "no-eligible-image"
  | "not-an-image"
  | "not-editable"
  | "immutable-kind"
  | "changed-since";

export interface DeclaredFact {
  readonly id: WorkloadId;
  readonly path: string;
  readonly policies: Policies;
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly editable: boolean;
    readonly reason?: string | undefined;
  }[];
}

export interface ImageSelection {
  readonly select?: "latest";
  readonly exact?: readonly string[];
}

export interface ReleaseAsk {
  readonly workloads: readonly string[];
  readonly all: boolean;
  readonly exclude: readonly string[];
  readonly images: ImageSelection;
  readonly override: readonly string[];
}

export interface ReleaseFacts {
  readonly ask: ReleaseAsk;
  readonly declared: readonly DeclaredFact[];
  /** Formatted ids of what runs; undefined when the cluster's view is not known well enough to tell. */
  readonly running: ReadonlySet<string> | undefined;
  /** Repository key → what exists there; absent when never scanned. */
  readonly images: ReadonlyMap<string, readonly KnownImage[]>;
  /** workload + container held against automation and latest. */
  readonly held?: ReadonlySet<string>;
  /** What `latest` became earlier: never chosen anew (CORRECTNESS 13). */
  readonly resolved?: readonly ResolvedChoice[] | undefined;
}

export interface ResolvedChoice {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
}

export interface PlannedChange {
  readonly kind: "change";
  readonly workload: WorkloadId;
  readonly container: string;
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

export interface PlannedSkip {
  readonly kind: "skip";
  readonly workload: string;
  readonly container: string;
  readonly path: string | undefined;
  readonly from: string;
  readonly reason: SkipReason;
  readonly detail?: string;
}

export interface ReleasePlan {
  readonly headline: string;
  readonly changes: readonly PlannedChange[];
  readonly skips: readonly PlannedSkip[];
  /** Exact images per container, to be frozen with the job. */
  readonly resolved: readonly ResolvedChoice[];
}

/**
 * Decides what a release changes: pure, total over its facts, one reason per container left alone.
 * Throws WORKLOAD_NOT_FOUND, WORKLOAD_AMBIGUOUS, WORKLOAD_NOT_DECLARED, IMAGE_NOT_USED or
 * IMAGE_REF_INVALID when the request as a whole cannot be meant.
 */
export function planRelease(facts: ReleaseFacts): ReleasePlan {
  const exact = (facts.ask.images.exact ?? []).map((text) => requireTagged(parseImageRef(text)));
  const chosen = chooseWorkloads(facts);
  const several = facts.ask.all || chosen.length > 1;
  const decisions = chosen.flatMap((workload) =>
    workload.containers.map((container) => decideContainer({ facts, workload, container, exact, several })),
  );
  const missing = absentSkips(facts);
  if (exact.length > 0) requireUse(exact, decisions);
  const changes = decisions.filter((decision) => decision.kind === "change");
  return {
    headline: headlineOf(facts.ask),
    changes,
    skips: [...decisions.filter((decision) => decision.kind === "skip"), ...missing],
    resolved: changes.map((c) => ({
      workload: formatWorkloadId(c.workload),
      container: c.container,
      image: c.to,
    })),
  };
}

/** "Release latest images to sock-shop/front-end", as the seed's log words it. */
export function headlineOf(ask: ReleaseAsk): string {
  const images = ask.images.exact === undefined ? "latest images" : ask.images.exact.join(", ");
  const names = ask.workloads.map(shortName);
  const shown =
    names.length > 5 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
  return `Release ${images} to ${ask.all ? "all services" : shown}`;
}

/** "namespace/name" of an id or of a text that names one. */
export function shortName(workload: string | WorkloadId): string {
  const id = typeof workload === "string" ? parseWorkloadId(workload) : workload;
  return `${id.namespace}/${id.name}`;
}

function requireTagged(ref: ImageRef): ImageRef {
  if (ref.tag !== undefined || ref.digest !== undefined) return ref;
  throw new SlipwayError("IMAGE_REF_INVALID", {
    detail: `"${formatImageRef(ref)}" has neither tag nor digest`,
    hint: 'write the tag, e.g. "repository:1.2.3"; to release the newest use "images": "latest"',
  });
}

function chooseWorkloads(facts: ReleaseFacts): readonly DeclaredFact[] {
  if (facts.ask.all) return facts.declared;
  const asked = facts.ask.workloads.map((text) => findAsked(text, facts));
  const seen = new Set<string>();
  return asked.flat().filter((fact) => {
    const key = `${formatWorkloadId(fact.id)} ${fact.path}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function findAsked(text: string, facts: ReleaseFacts): readonly DeclaredFact[] {
  const asked = parseWorkloadId(text);
  const found = facts.declared.filter((fact) => matchesWorkload(fact.id, asked));
  const ids = new Set(found.map((fact) => formatWorkloadId(fact.id)));
  if (ids.size > 1) {
    throw new SlipwayError("WORKLOAD_AMBIGUOUS", {
      detail: `"${text}" may be ${[...ids].join(" or ")}`,
      facts: { candidates: [...ids] },
    });
  }
  if (found.length > 0) return found;
  const running = [...(facts.running ?? [])].filter((id) => matchesWorkload(parseFull(id), asked));
  if (running.length > 0 && facts.ask.workloads.length > 1) return [];
  throw running.length > 0 ? notDeclared(text) : notFound(text, facts);
}

function notDeclared(text: string): SlipwayError {
  return new SlipwayError("WORKLOAD_NOT_DECLARED", {
    detail: `${text} runs in the cluster, but no manifest under the environment's paths declares it`,
    hint: "commit its manifest to the config repository, or widen the environment's git.paths",
  });
}

function notFound(text: string, facts: ReleaseFacts): SlipwayError {
  const name = parseWorkloadId(text).name;
  const near = facts.declared.map((fact) => shortName(fact.id)).filter((id) => id.endsWith(`/${name}`));
  return new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `"${text}" is neither declared in git nor running`,
    hint:
      near.length > 0 ? `did you mean ${near.join(" or ")}?` : "slipway list-services -a shows what there is",
  });
}

function parseFull(id: string): WorkloadId {
  const parsed = parseWorkloadId(id);
  return { namespace: parsed.namespace, kind: parsed.kind ?? "", name: parsed.name };
}

/** What was named and runs, but is not in git: told, not dropped. */
function absentSkips(facts: ReleaseFacts): readonly PlannedSkip[] {
  if (facts.ask.all) return [];
  return facts.ask.workloads
    .filter((text) => !facts.declared.some((fact) => matchesWorkload(fact.id, parseWorkloadId(text))))
    .map((workload) => ({
      kind: "skip",
      workload,
      container: "",
      path: undefined,
      from: "",
      reason: "not-declared",
    }));
}

interface ContainerCase {
  readonly facts: ReleaseFacts;
  readonly workload: DeclaredFact;
  readonly container: DeclaredFact["containers"][number];
  readonly exact: readonly ImageRef[];
  readonly several: boolean;
}

function decideContainer(c: ContainerCase): PlannedChange | PlannedSkip {
  const guard = guardReason(c);
  if (guard !== undefined) return skip(c, guard.reason, guard.detail);
  const current = tryParseImageRef(c.container.image);
  if (current === undefined) return skip(c, "not-an-image", `"${c.container.image}"`);
  const target = targetFor(c, current);
  if (target.kind === "none") return skip(c, target.reason, target.detail);
  if (target.image === c.container.image) return skip(c, "up-to-date");
  if (!c.container.editable) return skip(c, "not-editable", c.container.reason);
  if (c.workload.id.kind === "job") return skip(c, "immutable-kind", "a Job's template cannot change");
  return {
    kind: "change",
    workload: c.workload.id,
    container: c.container.name,
    path: c.workload.path,
    from: c.container.image,
    to: target.image,
  };
}

/** The order in which the first matching reason wins, as Flux had it: selection, cluster, lock, ignore. */
function guardReason(c: ContainerCase): { reason: SkipReason; detail?: string } | undefined {
  const { facts, workload } = c;
  const id = formatWorkloadId(workload.id);
  const namedOne = facts.ask.workloads.length > 0;
  const lifted = namedOne && facts.ask.override.includes("lock");
  if (facts.ask.exclude.some((text) => matchesWorkload(workload.id, parseWorkloadId(text)))) {
    return { reason: "excluded" };
  }
  const twins = facts.declared.filter((other) => formatWorkloadId(other.id) === id);
  if (twins.length > 1) {
    return { reason: "declared-twice", detail: twins.map((twin) => twin.path).join(" and ") };
  }
  if (facts.running !== undefined && !facts.running.has(id)) return { reason: "not-in-cluster" };
  if (workload.policies.locked && !lifted) {
    const detail = workload.policies.lockedMessage;
    return detail === undefined ? { reason: "locked" } : { reason: "locked", detail };
  }
  if (workload.policies.ignore && !lifted) return { reason: "ignored" };
  return undefined;
}

type Target =
  | { readonly kind: "image"; readonly image: string }
  | { readonly kind: "none"; readonly reason: SkipReason; readonly detail?: string };

function targetFor(c: ContainerCase, current: ImageRef): Target {
  if (c.exact.length > 0) return exactTarget(c, current);
  const id = formatWorkloadId(c.workload.id);
  const frozen = c.facts.resolved?.find((r) => r.workload === id && r.container === c.container.name);
  if (frozen !== undefined) return { kind: "image", image: frozen.image };
  // A re-plan may drop a change, never choose another image: what was not resolved then stays.
  if (c.facts.resolved !== undefined) return { kind: "none", reason: "up-to-date" };
  return latestTarget(c, current);
}

function exactTarget(c: ContainerCase, current: ImageRef): Target {
  const wanted = c.exact.find((ref) => repositoryKey(ref) === repositoryKey(current));
  if (wanted === undefined) return { kind: "none", reason: "different-image" };
  const known = c.facts.images.get(repositoryKey(current))?.find((image) => image.tag === wanted.tag);
  return inFormFound(current, { tag: wanted.tag, digest: wanted.digest ?? known?.digest });
}

/** SURFACE §1: the form found is the form written; a pinned digest needs the new one to be known. */
function inFormFound(
  current: ImageRef,
  wanted: { tag?: string | undefined; digest?: string | undefined },
): Target {
  const { tag, digest } = wanted;
  if (current.digest !== undefined && digest === undefined) {
    return { kind: "none", reason: "no-image-data", detail: `the digest of tag ${tag ?? ""} is not known` };
  }
  const to = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  return { kind: "image", image: formatImageRef(withTag(current, to)) };
}

function latestTarget(c: ContainerCase, current: ImageRef): Target {
  const filter = c.workload.policies.tags[c.container.name];
  if (filter === undefined && isMovingTag(current.tag)) {
    const cure = c.several ? "" : ": name the exact image";
    return { kind: "none", reason: "no-policy", detail: `its tag is not a version${cure}` };
  }
  const key = repositoryKey(current);
  const known = c.facts.images.get(key);
  if (known === undefined || known.length === 0)
    return { kind: "none", reason: "no-image-data", detail: key };
  const choice = chooseLatest(known, filter === undefined ? {} : { filter });
  if (choice.chosen === undefined) {
    return { kind: "none", reason: "no-eligible-image", detail: filter ?? "no dated image" };
  }
  return inFormFound(current, choice.chosen);
}

function skip(c: ContainerCase, reason: SkipReason, detail?: string): PlannedSkip {
  const base = {
    kind: "skip",
    workload: formatWorkloadId(c.workload.id),
    container: c.container.name,
    path: c.workload.path,
    from: c.container.image,
    reason,
  } as const;
  return detail === undefined ? base : { ...base, detail };
}

function requireUse(exact: readonly ImageRef[], decisions: readonly (PlannedChange | PlannedSkip)[]): void {
  for (const ref of exact) {
    const used = decisions.some((decision) => {
      const current = tryParseImageRef(decision.from);
      return current !== undefined && repositoryKey(current) === repositoryKey(ref);
    });
    if (used) continue;
    throw new SlipwayError("IMAGE_NOT_USED", {
      detail: `no chosen workload has a container of ${repositoryKey(ref)}`,
      hint: "slipway list-services shows each container's image",
    });
  }
}

/** The seed's line for a container that is left alone. */
export function skipLine(skipped: PlannedSkip): string {
  const name = shortName(skipped.workload);
  const detail = skipped.detail === undefined ? "" : ` (${skipped.detail})`;
  switch (skipped.reason) {
    case "up-to-date":
      return `Service ${name} image ${skipped.from} is already the latest one; skipping.`;
    case "not-declared":
      return `no resource definition file found for ${name}; skipping`;
    case "not-in-cluster":
      return `Service ${name} is declared but does not run in the cluster; skipping.`;
    case "declared-twice":
      return `multiple resource definition files found for ${name}: ${skipped.detail ?? ""}`;
    case "locked":
      return `Service ${name} is locked${detail}; skipping.`;
    case "ignored":
      return `Service ${name} is ignored by policy; skipping.`;
    case "held":
      return `Service ${name} is held${detail}; skipping.`;
    case "excluded":
      return `Service ${name} is excluded; skipping.`;
    case "different-image":
      return `Service ${name} container ${skipped.container} uses a different image; skipping.`;
    case "no-policy":
    case "no-image-data":
    case "no-eligible-image":
      return `Service ${name} image ${skipped.from}: ${reasonWords[skipped.reason]}${detail}; skipping.`;
    case "not-an-image":
      return `Service ${name} container ${skipped.container} has no readable image${detail}; skipping.`;
    case "not-editable":
      return `Service ${name} container ${skipped.container} cannot be edited safely${detail}; skipping.`;
    case "immutable-kind":
      return `Service ${name} cannot be changed in place${detail}; skipping.`;
    case "changed-since":
      return `Service ${name} container ${skipped.container} was changed since${detail}; skipping.`;
    default:
      return unreachable(skipped.reason);
  }
}

const reasonWords = {
  "no-policy": "there is no policy to choose a tag by",
  "no-image-data": "its registry has not been read yet",
  "no-eligible-image": "no tag is eligible",
} as const;
