import { SlipwayError } from "./errors.ts";
import { repositoryKey, sameRepository, tryParseImageRef, type ImageRef } from "./image-ref.ts";
import { readExact } from "./plan-exact.ts";
import { narrowed, type ChosenContainers } from "./plan-only.ts";
import { choiceOf, chosenDigest, chosenTarget, containerKey, type ResolvedChoice } from "./plan-choice.ts";
import {
  exactTarget,
  filterOf,
  latestTarget,
  recalledTarget,
  ruleOf,
  type Target,
  type TargetReason,
} from "./plan-target.ts";
import type { Platform } from "./platform.ts";
import type { Policies } from "./policy.ts";
import type { KnownImage } from "./tag-filter.ts";
import { finderOf, type Finder } from "./workload-finder.ts";
import {
  formatWorkloadId,
  matchesWorkload,
  parseWorkloadId,
  type AskedWorkload,
  type WorkloadId,
} from "./workload.ts";

/** Why a container was left alone: one reason each, from this closed list. */
export type SkipReason =
  | "excluded"
  | "not-in-cluster"
  | "not-declared"
  | "manifest-broken"
  | "declared-twice"
  | "two-environments"
  | "locked"
  | "ignored"
  | "held"
  | "not-automated"
  | "group-waits"
  | "refused"
  | "up-to-date"
  | "not-editable"
  | "immutable-kind"
  | TargetReason;

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
  /** What is wrong with the file, where it cannot be read any more: the rest is what it declared when it could. */
  readonly broken?: string | undefined;
}

/** latest: the newest eligible · previous: what ran before the last release · running: what the cluster runs now. */
export type ImageSelect = "latest" | "previous" | "running";

export interface ImageSelection {
  readonly select?: ImageSelect;
  readonly exact?: readonly string[];
}

export interface ReleaseAsk {
  readonly workloads: readonly string[];
  readonly all: boolean;
  readonly exclude: readonly string[];
  readonly images: ImageSelection;
  readonly override: readonly string[];
  readonly only?: ChosenContainers | undefined;
}

export interface ReleaseFacts {
  readonly ask: ReleaseAsk;
  readonly declared: readonly DeclaredFact[];
  /** Formatted ids of what runs; undefined when the cluster's view is not known well enough to tell. */
  readonly running: ReadonlySet<string> | undefined;
  /** Repository key → what exists there; absent when never scanned. */
  readonly images: ReadonlyMap<string, readonly KnownImage[]>;
  /** What the cluster's nodes can run; absent or empty where that is not known. */
  readonly nodes?: readonly Platform[];
  /** `containerKey` → the image that ran before, or runs now: what `previous` and `running` select. */
  readonly recalled?: ReadonlyMap<string, string>;
  /** Formatted id → the two environments that declare it for the same object of one cluster. */
  readonly rivals?: ReadonlyMap<string, string>;
  /** `containerKey` → why it is held; given by automation only, since people may release under a hold. */
  readonly held?: ReadonlyMap<string, string> | undefined;
  /** What counts for automation alone. */
  readonly automation?: AutomationFacts | undefined;
  /** By Postgres' clock: what a minimum age counts to. */
  readonly now?: Date | undefined;
  /** What was chosen when the job was planned first: never chosen anew (CORRECTNESS 13). */
  readonly resolved?: readonly ResolvedChoice[] | undefined;
}

export interface AutomationFacts {
  /** Formatted id → why the API server refused it, when this job was planned before. */
  readonly refused: ReadonlyMap<string, string>;
}

export interface PlannedChange {
  readonly kind: "change";
  readonly workload: WorkloadId;
  readonly container: string;
  readonly path: string;
  readonly from: string;
  readonly to: string;
  /** For people: why this image. */
  readonly detail?: string;
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
  /** What was chosen per container, to be frozen with the job. */
  readonly resolved: readonly ResolvedChoice[];
}

/**
 * Decides what a release changes: pure, total over its facts, one reason per container left alone.
 * Throws WORKLOAD_NOT_FOUND, WORKLOAD_AMBIGUOUS, WORKLOAD_NOT_DECLARED, IMAGE_NOT_USED or
 * IMAGE_REF_INVALID when the request as a whole cannot be meant.
 */
export function planRelease(facts: ReleaseFacts): ReleasePlan {
  const { only } = facts.ask;
  const exact = readExact(facts.ask.images.exact ?? [], { several: only !== undefined });
  const chosen = chooseWorkloads(facts);
  const release: Release = {
    facts,
    exact,
    several: facts.ask.all || chosen.length > 1,
    excluded: facts.ask.exclude.map((text) => parseWorkloadId(text)),
    pathsOf: Map.groupBy(readable(facts.declared), (fact) => formatWorkloadId(fact.id)),
    frozen: new Map(facts.resolved?.map((choice) => [containerKey(choice), choice])),
  };
  const cases = chosen.flatMap((workload) =>
    workload.containers.map((container) => ({ ...release, workload, container })),
  );
  const decided = (only === undefined ? cases : narrowed(cases, only)).map(decideContainer);
  const decisions = decided.map(({ decision }) => decision);
  const missing = absentSkips(facts);
  if (exact.length > 0) requireUse(exact, decisions);
  const changes = decisions.filter((decision) => decision.kind === "change");
  return {
    headline: headlineOf(facts.ask),
    changes,
    skips: [...decisions.filter((decision) => decision.kind === "skip"), ...missing],
    resolved: facts.resolved ?? decided.flatMap(({ of, target }) => choiceOf(of, target)),
  };
}

/** "Release latest images to sock-shop/front-end", as the seed's log words it. */
export function headlineOf(ask: ReleaseAsk): string {
  const exact = ask.images.exact ?? [];
  const images = exact.length === 0 ? `${ask.images.select ?? "latest"} images` : exact.join(", ");
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

function chooseWorkloads(facts: ReleaseFacts): readonly DeclaredFact[] {
  if (facts.ask.all) return facts.declared;
  const finder = finderOf(facts.declared);
  const asked = facts.ask.workloads.map((text) => findAsked(text, facts, finder));
  const seen = new Set<string>();
  return asked.flat().filter((fact) => {
    const key = `${formatWorkloadId(fact.id)} ${fact.path}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function findAsked(text: string, facts: ReleaseFacts, find: Finder<DeclaredFact>): readonly DeclaredFact[] {
  const asked = parseWorkloadId(text);
  const found = find(asked);
  const ids = new Set(found.map((fact) => formatWorkloadId(fact.id)));
  if (ids.size > 1) {
    throw new SlipwayError("WORKLOAD_AMBIGUOUS", {
      detail: `"${text}" may be ${[...ids].join(" or ")}`,
      hint: `name one of them: ${[...ids].join(", ")}`,
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
  const there = [
    ...facts.declared.map((fact) => shortName(fact.id)),
    ...[...(facts.running ?? [])].map(shortName),
  ];
  const near = [...new Set(there.filter((id) => id.endsWith(`/${name}`)))].slice(0, 5);
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
  const find = finderOf(facts.declared);
  return facts.ask.workloads
    .filter((text) => find(parseWorkloadId(text)).length === 0)
    .map((workload) => ({
      kind: "skip",
      workload,
      container: "",
      path: undefined,
      from: "",
      reason: "not-declared",
    }));
}

/** What holds for the whole release, looked up once. */
interface Release {
  readonly facts: ReleaseFacts;
  readonly exact: readonly ImageRef[];
  readonly several: boolean;
  readonly excluded: readonly AskedWorkload[];
  readonly pathsOf: ReadonlyMap<string, readonly DeclaredFact[]>;
  readonly frozen: ReadonlyMap<string, ResolvedChoice>;
}

interface ContainerCase extends Release {
  readonly workload: DeclaredFact;
  readonly container: DeclaredFact["containers"][number];
  /** The image it was chosen with, where git declares another one by now. */
  readonly changedFrom?: string | undefined;
}

interface Reason {
  readonly reason: SkipReason;
  readonly detail?: string | undefined;
}

interface Decided {
  readonly of: { readonly workload: string; readonly container: string };
  readonly decision: PlannedChange | PlannedSkip;
  /** What was found for it; undefined when it was left alone before anything was looked for. */
  readonly target: Target | undefined;
}

/** The first matching reason wins, in Flux's order: selection, cluster, named image, lock, ignore. */
function decideContainer(c: ContainerCase): Decided {
  const of = { workload: formatWorkloadId(c.workload.id), container: c.container.name };
  const current = tryParseImageRef(c.container.image);
  const guard = reasonOfSelection(c) ?? reasonOfImage(c, current) ?? reasonOfFile(c) ?? reasonOfPolicy(c);
  if (guard !== undefined) return { of, decision: skip(c, guard.reason, guard.detail), target: undefined };
  if (current === undefined) {
    return { of, decision: skip(c, "not-an-image", `"${c.container.image}"`), target: undefined };
  }
  const target = targetFor(c, current);
  return { of, decision: decideTarget(c, target), target };
}

function decideTarget(c: ContainerCase, target: Target): PlannedChange | PlannedSkip {
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
    ...(target.detail === undefined ? {} : { detail: target.detail }),
  };
}

function reasonOfSelection(c: ContainerCase): Reason | undefined {
  const { facts, workload, excluded, pathsOf } = c;
  const id = formatWorkloadId(workload.id);
  if (excluded.some((asked) => matchesWorkload(workload.id, asked))) return { reason: "excluded" };
  const twins = pathsOf.get(id) ?? [];
  if (twins.length > 1) {
    return { reason: "declared-twice", detail: twins.map((twin) => twin.path).join(" and ") };
  }
  if (c.changedFrom !== undefined) return { reason: "changed-since", detail: `it was ${c.changedFrom}` };
  const rival = facts.rivals?.get(id);
  if (rival !== undefined) return { reason: "two-environments", detail: rival };
  const absent = facts.running !== undefined && !facts.running.has(id);
  return absent ? { reason: "not-in-cluster" } : undefined;
}

function reasonOfImage({ exact }: ContainerCase, current: ImageRef | undefined): Reason | undefined {
  if (exact.length === 0 || current === undefined) return undefined;
  return exact.some((ref) => sameRepository(ref, current)) ? undefined : { reason: "different-image" };
}

/** Nothing is planned on what can no longer be read. */
function reasonOfFile({ workload }: ContainerCase): Reason | undefined {
  return workload.broken === undefined ? undefined : { reason: "manifest-broken", detail: workload.broken };
}

function readable(declared: readonly DeclaredFact[]): readonly DeclaredFact[] {
  return declared.filter((fact) => fact.broken === undefined);
}

function reasonOfPolicy({ facts, workload, container }: ContainerCase): Reason | undefined {
  const { policies } = workload;
  const lifted = !facts.ask.all && facts.ask.override.includes("lock");
  if (policies.locked && !lifted) return { reason: "locked", detail: policies.lockedMessage };
  if (policies.ignore && !lifted) return { reason: "ignored" };
  const id = formatWorkloadId(workload.id);
  const hold = facts.held?.get(containerKey({ workload: id, container: container.name }));
  if (hold !== undefined) return { reason: "held", detail: hold };
  return facts.automation && reasonOfAutomation(facts.automation, workload);
}

/** What may have changed since automation decided: git and the API server have the last word. */
function reasonOfAutomation(
  { refused }: AutomationFacts,
  { id, policies }: DeclaredFact,
): Reason | undefined {
  if (policies.hold !== undefined) return { reason: "held", detail: policies.hold };
  if (!policies.automated) return { reason: "not-automated" };
  const refusal = refused.get(formatWorkloadId(id));
  return refusal === undefined ? undefined : { reason: "refused", detail: refusal };
}

function targetFor(c: ContainerCase, current: ImageRef): Target {
  const { facts, workload, container } = c;
  const { policies } = workload;
  const rule = { ...ruleOf(policies, facts.now), nodes: facts.nodes };
  const ask = { current, filter: filterOf(policies, container.name), images: facts.images, rule };
  const key = containerKey({ workload: formatWorkloadId(workload.id), container: container.name });
  const frozen = c.frozen.get(key);
  const wanted = c.exact.find((ref) => sameRepository(ref, current));
  if (wanted !== undefined) {
    const anyTag = facts.ask.override.includes("filter");
    return exactTarget(ask, wanted, { anyTag, digest: chosenDigest(wanted, frozen) });
  }
  // A re-plan may drop a change, never choose another image: what had none then stays as it is.
  if (facts.resolved !== undefined) return chosenTarget(current, frozen);
  const { select = "latest" } = facts.ask.images;
  if (select !== "latest") return recalledTarget(current, facts.recalled?.get(key), select);
  return latestTarget(ask, { several: c.several });
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
  const refs = decisions.flatMap((decision) => tryParseImageRef(decision.from) ?? []);
  const used = new Set(refs.map(repositoryKey));
  for (const ref of exact) {
    if (used.has(repositoryKey(ref))) continue;
    throw new SlipwayError("IMAGE_NOT_USED", {
      detail: `no chosen workload has a container of ${repositoryKey(ref)}`,
      hint: "slipway list-services shows each container's image",
    });
  }
}
