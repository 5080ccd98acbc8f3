import { instantText } from "./instant-text.ts";
import { formatImageRef, repositoryKey, tryParseImageRef, type ImageRef } from "./image-ref.ts";
import { filterOf, latestTarget, nodesThatCount, ruleOf, type TargetReason } from "./plan-target.ts";
import type { Platform } from "./platform.ts";
import type { Policies } from "./policy.ts";
import { filterFault, type KnownImage } from "./tag-filter.ts";
import { chooseLatest, isMovingTag, type Candidate, type ChoiceRule } from "./tag.ts";
import { formatWorkloadId, type WorkloadId } from "./workload.ts";

/** Why nothing of a workload moves by itself, in the order in which people should hear it. */
export const stopReasons = [
  "not-declared",
  "automation-off",
  "not-automated",
  "policy-invalid",
  "manifest-broken",
  "declared-twice",
  "not-in-cluster",
  "ignored",
  "locked",
  "held",
  "frozen",
  "window-closed",
  "rolling-out",
  "cluster-stale",
  "group-waits",
] as const;
export type StopReason = (typeof stopReasons)[number];

export interface Stop {
  readonly reason: StopReason;
  readonly detail?: string;
  readonly until?: Date;
}

/** A gate that is closed now: freezes and windows are looked up by whoever asks. */
export interface ClosedGate {
  readonly gate: "freeze" | "window";
  readonly reason: string;
  readonly until?: Date | undefined;
}

/** What is known of one image repository. */
export interface RepositoryFact {
  readonly images: readonly KnownImage[];
  /** Since the last scan that was answered; undefined where there was none. */
  readonly ageMs: number | undefined;
}

/** Everything that decides over one workload. */
export interface DecideFacts {
  readonly workload: {
    readonly id: WorkloadId;
    /** The environment's rules and the annotations together. */
    readonly policies: Policies;
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly editable: boolean;
      readonly reason?: string | null | undefined;
    }[];
    /** Git does not declare it: then there is nothing that could be changed. */
    readonly isUndeclared?: boolean;
    readonly broken?: string | undefined;
    /** Other places that declare it too. */
    readonly twins?: readonly string[];
  };
  /** What is wrong with what is written: it is never guessed at. */
  readonly policyFaults: readonly string[];
  readonly automation: "on" | "off";
  /** Undefined where the cluster's view cannot tell. */
  readonly running: boolean | undefined;
  readonly clusterAgeMs: number | undefined;
  /** What the cluster's nodes can run; absent or empty where that is not known. */
  readonly nodes?: readonly Platform[];
  /** By canonical key; absent when never scanned. */
  readonly repositories: ReadonlyMap<string, RepositoryFact>;
  /** Automatic holds, by container. */
  readonly holds: ReadonlyMap<string, { readonly image: string; readonly reason: string }>;
  readonly gates: readonly ClosedGate[];
  /** A job that rolls the workload out, where there is one. */
  readonly rollingOut?: string | undefined;
  /** What automation tried before in vain, by container. */
  readonly tries?: ReadonlyMap<string, Try> | undefined;
  readonly now: Date;
  readonly limits: DecideLimits;
}

/** An image that automation brought before, and that is not there. */
export interface Try {
  readonly image: string;
  readonly job: string;
  readonly why: string;
  /** It is not tried once more, until a person says so. */
  readonly over: boolean;
  readonly againAt: Date;
}

/** Facts that are older decide nothing. */
export interface DecideLimits {
  readonly clusterAgeMs: number;
  readonly imagesAgeMs: number;
}

export const usualLimits: DecideLimits = { clusterAgeMs: 60_000, imagesAgeMs: 3_600_000 };

/** What becomes of one container: why it moves or stays. */
export type ContainerReason =
  | "newer-image"
  | "up-to-date"
  | "held"
  | "tried-before"
  | "images-stale"
  | "not-editable"
  | "immutable-kind"
  | Extract<TargetReason, "not-an-image" | "no-policy" | "no-image-data" | "no-eligible-image">;

export interface ContainerDecision {
  readonly container: string;
  readonly image: string;
  readonly filter: string | undefined;
  readonly reason: ContainerReason;
  readonly detail?: string;
  /** What it is to become, or would become if nothing stopped it. */
  readonly to?: string;
  /** The hold that has to be set on it. */
  readonly toHold?: { readonly job: string; readonly why: string };
  /** Every tag with its reason, best first; empty where nothing is known of the repository. */
  readonly candidates: readonly Candidate[];
  readonly imagesAgeMs: number | undefined;
}

export interface Decision {
  readonly workload: string;
  /** Empty where it may move. */
  readonly stops: readonly Stop[];
  readonly containers: readonly ContainerDecision[];
}

/** What automation does with a workload, and why: pure, and the one place where that is decided. */
export function decide(facts: DecideFacts): Decision {
  return {
    workload: formatWorkloadId(facts.workload.id),
    stops: stopsOf(facts),
    containers: facts.workload.containers.map((container) => decideContainer(facts, container)),
  };
}

/** Containers that move now. */
export function movesOf({
  stops,
  containers,
}: Decision): readonly (ContainerDecision & { readonly to: string })[] {
  if (stops.length > 0) return [];
  return containers.flatMap((one) =>
    one.reason === "newer-image" && one.to !== undefined ? [{ ...one, to: one.to }] : [],
  );
}

/**
 * Workloads of one group move together or not at all: where one of them would move and may not, the
 * others wait. One that has nothing to move holds up nobody.
 */
export function decideTogether(
  decided: readonly { readonly group: string | undefined; readonly decision: Decision }[],
): readonly Decision[] {
  const blocked = new Map<string, string>();
  for (const { group, decision } of decided) {
    if (group !== undefined && isBlocked(decision)) blocked.set(group, decision.workload);
  }
  return decided.map(({ group, decision }) => {
    const by = group === undefined ? undefined : blocked.get(group);
    if (by === undefined || by === decision.workload || decision.stops.length > 0) return decision;
    return {
      ...decision,
      stops: [{ reason: "group-waits", detail: `${by} of the group ${group ?? ""} may not move` }],
    };
  });
}

function isBlocked({ stops, containers }: Decision): boolean {
  return containers.some(
    ({ to, reason }) => to !== undefined && (stops.length > 0 || reason !== "newer-image"),
  );
}

function stopsOf(facts: DecideFacts): readonly Stop[] {
  const found = [
    ...ownStops(facts),
    ...facts.gates.map(({ gate, reason, until }) =>
      stop(gate === "freeze" ? "frozen" : "window-closed", reason, until),
    ),
    ...clusterStops(facts),
  ];
  return found.toSorted((a, b) => stopReasons.indexOf(a.reason) - stopReasons.indexOf(b.reason));
}

function ownStops({ workload, policyFaults, automation }: DecideFacts): readonly Stop[] {
  const { policies, broken, twins = [] } = workload;
  const bad = [
    ...policyFaults,
    ...Object.values(policies.tags).flatMap((filter) => filterFault(filter) ?? []),
  ];
  return [
    workload.isUndeclared === true ? [stop("not-declared")] : [],
    automation === "off" ? [stop("automation-off")] : [],
    policies.automated ? [] : [stop("not-automated")],
    bad.length > 0 ? [stop("policy-invalid", [...new Set(bad)].join("; "))] : [],
    broken === undefined ? [] : [stop("manifest-broken", broken)],
    twins.length > 0 ? [stop("declared-twice", twins.join(" and "))] : [],
    policies.ignore ? [stop("ignored")] : [],
    policies.locked ? [stop("locked", lockWords(policies))] : [],
    policies.hold === undefined ? [] : [stop("held", policies.hold)],
  ].flat();
}

function clusterStops({ running, clusterAgeMs, rollingOut, limits }: DecideFacts): readonly Stop[] {
  const isStale = running === undefined || clusterAgeMs === undefined || clusterAgeMs > limits.clusterAgeMs;
  return [
    isStale ? [stop("cluster-stale", "the cluster's view is too old, or not complete")] : [],
    running === false ? [stop("not-in-cluster")] : [],
    rollingOut === undefined ? [] : [stop("rolling-out", rollingOut)],
  ].flat();
}

/** Who locked a workload, and why. */
export function lockWords({
  lockedBy,
  lockedMessage,
}: Pick<Policies, "lockedBy" | "lockedMessage">): string | undefined {
  const words = [lockedBy === undefined ? [] : [`by ${lockedBy}`], lockedMessage ?? []].flat();
  return words.length === 0 ? undefined : words.join(": ");
}

function stop(reason: StopReason, detail?: string, until?: Date): Stop {
  return { reason, ...(detail === undefined ? {} : { detail }), ...(until === undefined ? {} : { until }) };
}

type Container = DecideFacts["workload"]["containers"][number];

function decideContainer(facts: DecideFacts, container: Container): ContainerDecision {
  const { policies } = facts.workload;
  const { name, image } = container;
  const filter = filterOf(policies, name);
  const current = tryParseImageRef(image);
  const told = { container: name, image, filter, candidates: [], imagesAgeMs: undefined };
  if (current === undefined) return { ...told, reason: "not-an-image" };
  const key = repositoryKey(current);
  const repository = facts.repositories.get(key);
  const known = repository?.images ?? [];
  const rule = {
    ...ruleOf(policies, facts.now),
    nodes: nodesThatCount(current, known, facts.nodes),
    ...(policies.allowDowngrade === true ? {} : { notBelow: current.tag }),
  };
  return {
    ...told,
    candidates: candidatesOf({ current, filter, rule, images: known }),
    imagesAgeMs: repository?.ageMs,
    ...outcomeOf(facts, container, { current, filter, rule, images: new Map([[key, known]]) }),
  };
}

interface Asked {
  readonly current: ImageRef;
  readonly filter: string | undefined;
  readonly rule: Omit<ChoiceRule, "filter">;
}

/** A container that follows nothing, or a filter nobody can read, has no candidates. */
function candidatesOf(asked: Asked & { readonly images: readonly KnownImage[] }): readonly Candidate[] {
  const { current, filter, rule, images } = asked;
  const isLost = filter === undefined ? isMovingTag(current.tag) : filterFault(filter) !== undefined;
  if (isLost) return [];
  return chooseLatest(images, { ...rule, filter }).candidates;
}

type Outcome = Pick<ContainerDecision, "reason" | "detail" | "to" | "toHold">;

function outcomeOf(
  facts: DecideFacts,
  container: Container,
  ask: Asked & { readonly images: ReadonlyMap<string, readonly KnownImage[]> },
): Outcome {
  const target = latestTarget(ask, { several: true });
  if (target.kind === "none") return noTarget(target.reason, target.detail, ask);
  const { image: to, detail } = target;
  const why = detail === undefined ? {} : { detail };
  if (to === container.image) return { reason: "up-to-date", ...why };
  if (!container.editable)
    return { reason: "not-editable", detail: container.reason ?? "it cannot be edited", to };
  if (facts.workload.id.kind === "job")
    return { reason: "immutable-kind", detail: "a Job's template cannot change" };
  const hold = facts.holds.get(container.name);
  if (hold !== undefined) return { reason: "held", detail: `${hold.reason} (not to ${hold.image})`, to };
  const ageMs = facts.repositories.get(repositoryKey(ask.current))?.ageMs;
  if (ageMs === undefined || ageMs > facts.limits.imagesAgeMs) {
    return { reason: "images-stale", detail: "its registry was read too long ago", to };
  }
  return triedOf(facts, container.name, to) ?? { reason: "newer-image", to, ...why };
}

/** One that failed is not brought again and again. */
function triedOf({ tries, now }: DecideFacts, container: string, to: string): Outcome | undefined {
  const tried = tries?.get(container);
  if (tried?.image !== to) return undefined;
  if (tried.over)
    return { reason: "held", detail: tried.why, to, toHold: { job: tried.job, why: tried.why } };
  if (tried.againAt.getTime() <= now.getTime()) return undefined;
  return { reason: "tried-before", detail: `${tried.why}; again at ${instantText(tried.againAt)}`, to };
}

function noTarget(reason: TargetReason, detail: string | undefined, { current, rule }: Asked): Outcome {
  const known = ["no-policy", "no-image-data", "not-an-image"] as const;
  const told = known.find((one) => one === reason) ?? "no-eligible-image";
  const below =
    told === "no-eligible-image" && rule.notBelow !== undefined ? ", and nothing below it may be chosen" : "";
  const why = detail === undefined ? formatImageRef(current) : detail;
  return { reason: told, detail: `${why}${below}` };
}
