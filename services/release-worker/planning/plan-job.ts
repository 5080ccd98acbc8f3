import type { ContainerResult } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { changedImage } from "#common/domain/manifest.ts";
import {
  type DeclaredFact,
  planRelease,
  shortName,
  type PlannedChange,
  type PlannedSkip,
  type ReleaseAsk,
  type ReleaseFacts,
  type ReleasePlan,
} from "#common/domain/plan.ts";
import { containerKey, type ResolvedChoice } from "#common/domain/plan-choice.ts";
import type { ChosenContainers } from "#common/domain/plan-only.ts";
import { skipLine } from "#common/domain/plan-words.ts";
import type { Policies } from "#common/domain/policy.ts";
import { formatWorkloadId, parseWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { JobSpec, RecordedChange, RolloutTarget } from "#common/store/schema.ts";
import { changeKey, editPlan } from "./edit-plan.ts";
import { hashOf } from "./plan-hash.ts";
import { planPolicies } from "./plan-policies.ts";
import {
  isPolicyChange,
  policyChangedSince,
  policyResult,
  policySkipLine,
  policyTargets,
  policyUpdates,
} from "./policy-words.ts";
import type { JobPlan, WorkloadUpdate } from "./job-plan.ts";
import { readFacts, type FactDeps } from "./read-facts.ts";
import { revertFile } from "./revert-file.ts";
import { brokenFiles, lastReadable } from "./tip-broken.ts";
import { isRolledOut } from "./rolled-out.ts";
import type { TipView } from "./tip-view.ts";

export interface PlanInput {
  readonly spec: JobSpec;
  readonly resolved: readonly ResolvedChoice[] | null;
  /** Of what automation decided: what may have changed since. */
  readonly automation?: Pick<ReleaseFacts, "held"> & NonNullable<ReleaseFacts["automation"]>;
  /** For a rollback: the changes of the job that is undone. */
  readonly undo?: {
    readonly headline: string;
    readonly changes: readonly RecordedChange[];
    readonly short: string;
  };
}

/** Reads the facts, decides, and edits in memory; writes nothing. */
export async function planJob(deps: FactDeps, view: TipView, input: PlanInput): Promise<JobPlan> {
  if (input.spec.kind === "rollback") return planRollback(view, input);
  if (input.spec.kind === "policy") return planPolicies(view, input.spec);
  if (input.spec.kind !== "release") {
    throw new SlipwayError("INTERNAL", { detail: `a ${input.spec.kind} has no plan of git` });
  }
  const ask: ReleaseAsk = input.spec;
  const facts = await readFacts(deps, {
    environment: view.environment,
    ask,
    declared: view.declared(),
    resolved: input.resolved ?? undefined,
  });
  const { automation } = input;
  const whole = {
    ...facts,
    ...(automation && { held: automation.held, automation }),
    declared: [...facts.declared, ...(await brokenFacts(deps, view))],
  };
  const plan = planRelease({ ...whole, running: withUnwatched(whole) });
  const { edited, changes, refusals } = await editTogether(view, { plan, only: input.spec.only });
  const skips = [...plan.skips, ...refusals];
  return {
    headline: plan.headline,
    ...edited,
    targets: targetsOf(view, changes),
    results: [...changes.map(changeResult), ...skips.filter(isWorthTelling).map(skipResult)],
    resolved: plan.resolved,
    updates: updatesOf(changes, edited.changes),
    skipLines: skips.filter(isWorthTelling).map(skipLine),
    hash: hashOf(edited.changes),
  };
}

interface Edited {
  readonly edited: Awaited<ReturnType<typeof editPlan>>;
  readonly changes: readonly PlannedChange[];
  readonly refusals: readonly PlannedSkip[];
}

/** Edits what was planned. Where one of a group cannot move, the others of it wait, and all is edited without them. */
async function editTogether(
  view: TipView,
  { plan, only }: { readonly plan: ReleasePlan; readonly only: ChosenContainers | undefined },
): Promise<Edited> {
  const first = await editAll(view, plan.changes);
  const waiting = groupsThatWait(only, [...plan.skips, ...first.refusals]);
  const groupOf = new Map(only?.containers.map((one) => [containerKey(one), one.group]));
  const waits = (change: PlannedChange): boolean => waiting.has(groupOf.get(changeKeyOf(change)) ?? "");
  const left = plan.changes.filter(waits);
  if (left.length === 0) return first;
  const rest = await editAll(
    view,
    plan.changes.filter((change) => !waits(change)),
  );
  const told = left.map((change) => ({ ...toSkip(change), reason: "group-waits" as const }));
  return { ...rest, refusals: [...rest.refusals, ...told] };
}

async function editAll(view: TipView, planned: readonly PlannedChange[]): Promise<Edited> {
  const edited = await editPlan(view, planned);
  const refused = planned.filter((change) => edited.refused.has(changeKey(change)));
  return {
    edited,
    changes: planned.filter((change) => !edited.refused.has(changeKey(change))),
    refusals: refused.map((change) => ({
      ...toSkip(change),
      detail: edited.refused.get(changeKey(change)) ?? "",
    })),
  };
}

/** Groups of which one container does not become what was chosen for it. */
function groupsThatWait(
  only: ChosenContainers | undefined,
  skips: readonly PlannedSkip[],
): ReadonlySet<string> {
  const grouped = only?.containers.filter(({ group }) => group !== undefined) ?? [];
  if (grouped.length === 0) return new Set();
  const left = new Set(skips.filter(({ reason }) => reason !== "up-to-date").map(containerKey));
  return new Set(grouped.filter((one) => left.has(containerKey(one))).flatMap(({ group }) => group ?? []));
}

function changeKeyOf({ workload, container }: PlannedChange): string {
  return containerKey({ workload: formatWorkloadId(workload), container });
}

/** Workloads whose files cannot be read any more: told why they are left alone, and left alone. */
async function brokenFacts({ sources }: FactDeps, view: TipView): Promise<readonly DeclaredFact[]> {
  const paths = brokenFiles(view.files).map((file) => file.path);
  if (paths.length === 0) return [];
  const before = await sources.indexed(view.environment.name, paths);
  return lastReadable(view.files, before).map((row) => {
    const { automated, locked, ignore, tags } = row.policies;
    return {
      id: fullId(row.workload),
      path: row.path,
      policies: { automated, locked, ignore, tags },
      containers: row.containers.map(({ name, image }) => ({ name, image, editable: false })),
      broken: faultText(row),
    };
  });
}

/** `deploy/cart.yaml line 7: …` */
function faultText({ path, fault }: DeclaredRow): string {
  const line = fault?.line ?? undefined;
  return `${path}${line === undefined ? "" : ` line ${line}`}: ${fault?.message ?? "cannot be read"}`;
}

/** No watcher sees a HelmRelease or a custom kind: that they do not show says nothing. */
function withUnwatched({ running, declared }: ReleaseFacts): ReadonlySet<string> | undefined {
  if (running === undefined) return undefined;
  const unwatched = declared.filter((fact) => !isRolledOut(fact)).map((fact) => formatWorkloadId(fact.id));
  return unwatched.length === 0 ? running : new Set([...running, ...unwatched]);
}

/** In a release of one image, containers of other images are no news. */
function isWorthTelling(skip: PlannedSkip): boolean {
  return skip.reason !== "different-image" && skip.reason !== "excluded";
}

/** Compare-and-set per change: what somebody changed since is left alone and named. */
async function planRollback(view: TipView, input: PlanInput): Promise<JobPlan> {
  const undo = input.undo;
  if (undo === undefined || undo.changes.length === 0) {
    throw new SlipwayError("JOB_NOT_ROLLBACKABLE", { detail: "it changed nothing in git" });
  }
  const force = input.spec.override.includes("changed-since");
  const texts = new Map<string, string>();
  const reverted: RecordedChange[] = [];
  const kept: RecordedChange[] = [];
  await view.prefetch(undo.changes.map((change) => change.path).filter((path) => view.files.has(path)));
  for (const [path, changes] of groupBy(undo.changes, (change) => change.path)) {
    if (!view.files.has(path)) {
      kept.push(...changes);
      continue;
    }
    const before = await view.readText(path);
    view.noteParse(path);
    const result = revertFile(view, { path, text: before, force }, changes);
    if (result.text !== before) texts.set(path, result.text);
    reverted.push(...result.reverted.map(turnedRound));
    kept.push(...result.skipped);
  }
  const images = reverted.flatMap(toPlannedChange);
  const policies = reverted.filter(isPolicyChange);
  const skips = kept.flatMap(toChangedSince);
  const keptPolicies = kept.filter(isPolicyChange);
  return {
    headline: undo.headline,
    texts,
    changes: reverted,
    targets: [...targetsOf(view, images), ...policyTargets(view, policies)],
    results: [
      ...images.map(changeResult),
      ...policies.map(policyResult),
      ...skips.map(skipResult),
      ...keptPolicies.map(policyChangedSince),
    ],
    resolved: [],
    updates: [...updatesOf(images, reverted), ...policyUpdates(policies)],
    skipLines: [...skips.map(skipLine), ...keptPolicies.map(policySkipLine)],
    hash: hashOf(reverted),
  };
}

/** What takes a change back, as a change that can itself be taken back. */
function turnedRound(change: RecordedChange): RecordedChange {
  const { from: to, to: from, image, annotation } = change;
  return {
    ...change,
    from,
    to,
    ...(annotation === undefined ? {} : { annotation: { from: annotation.to, to: annotation.from } }),
    ...(image === undefined ? {} : { image: { from: image.to, to: image.from } }),
  };
}

function toPlannedChange(change: RecordedChange): readonly PlannedChange[] {
  const image = changedImage(change);
  if (image === undefined) return [];
  const { workload, container, path, declaredIn = path } = change;
  return [{ kind: "change", workload: fullId(workload), container, path: declaredIn, ...image }];
}

function toChangedSince(change: RecordedChange): readonly PlannedSkip[] {
  const image = changedImage(change);
  if (image === undefined) return [];
  const { workload, container, path } = change;
  return [{ kind: "skip", workload, container, path, from: image.to, reason: "changed-since" }];
}

function toSkip(change: PlannedChange): PlannedSkip {
  const workload = formatWorkloadId(change.workload);
  const { container, path, from } = change;
  return { kind: "skip", workload, container, path, from, reason: "not-editable" };
}

function fullId(text: string): WorkloadId {
  const parsed = parseWorkloadId(text);
  return { namespace: parsed.namespace, kind: parsed.kind ?? "", name: parsed.name };
}

/** What is to be watched; a HelmRelease, say, is done with once it is committed. */
function targetsOf(view: TipView, changes: readonly PlannedChange[]): RolloutTarget[] {
  const watched = changes.filter(({ workload, container, path }) =>
    view.isRolledOut({ workload: formatWorkloadId(workload), container, path }),
  );
  if (watched.length === 0) return [];
  const declared = new Map(view.declared().map((fact) => [formatWorkloadId(fact.id), fact.policies]));
  return [...groupBy(watched, (change) => formatWorkloadId(change.workload))].map(([workload, group]) => ({
    workload,
    path: group[0]?.path ?? "",
    images: Object.fromEntries(group.map((change) => [change.container, change.to])),
    applied: false,
    uid: null,
    generation: null,
    verdict: "pending",
    reason: null,
    spentMs: 0,
    ...rolloutRules(declared.get(workload)),
  }));
}

function rolloutRules(policies: Policies | undefined): Pick<RolloutTarget, "deadlineMs" | "autoRollback"> {
  const { deadlineMs, autoRollback } = policies ?? {};
  return {
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(autoRollback === undefined ? {} : { autoRollback }),
  };
}

function updatesOf(changes: readonly PlannedChange[], edits: readonly RecordedChange[]): WorkloadUpdate[] {
  return [...groupBy(changes, (change) => formatWorkloadId(change.workload))].map(([workload, group]) => {
    const images = group.map((change) => `${change.container} (${change.from} -> ${change.to})`).join(", ");
    const own = edits.filter((edit) => edit.workload === workload);
    const files = [...groupBy(own, (edit) => edit.path)].map(([path, lines]) => {
      const what = new Set(lines.map((line) => (line.field.startsWith("/") ? "version label" : "image")));
      return `${path} +${lines.length} -${lines.length} (${[...what].join(", ")})`;
    });
    return {
      text: `Update ${group.length} images(s) in the resource definition file for ${shortName(workload)}: ${images}.`,
      detail: files.join(", "),
    };
  });
}

function changeResult(change: PlannedChange): ContainerResult {
  return {
    workload: formatWorkloadId(change.workload),
    container: change.container,
    from: change.from,
    to: change.to,
    result: "change",
    reason: null,
    detail: change.detail ?? null,
    file: change.path,
  };
}

function skipResult(skip: PlannedSkip): ContainerResult {
  return {
    workload: skip.workload,
    container: skip.container,
    from: skip.from,
    to: null,
    result: "skip",
    reason: skip.reason,
    detail: skip.detail ?? null,
    file: skip.path ?? null,
  };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, key);
}
