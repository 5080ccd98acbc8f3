import { createHash } from "node:crypto";
import type { ContainerResult } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { editImages, revertChanges, type ImageEdit } from "#common/domain/manifest.ts";
import {
  planRelease,
  shortName,
  type PlannedChange,
  type PlannedSkip,
  type ReleaseAsk,
} from "#common/domain/plan.ts";
import { skipLine } from "#common/domain/plan-words.ts";
import { formatWorkloadId, parseWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import type { JobSpec, RecordedChange, ResolvedImage, RolloutTarget } from "#common/store/schema.ts";
import type { WorkerDeps } from "../deps.ts";
import { readFacts } from "./read-facts.ts";
import type { TipView } from "./tip-view.ts";

/** What a job would do to a tip: the edited texts, each change with its bytes, and what was left alone. */
export interface JobPlan {
  readonly headline: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly changes: readonly RecordedChange[];
  readonly targets: readonly RolloutTarget[];
  readonly results: readonly ContainerResult[];
  readonly resolved: readonly ResolvedImage[];
  readonly updates: readonly WorkloadUpdate[];
  readonly skipLines: readonly string[];
  readonly hash: string;
}

/** The seed's line for a workload, and what it did to which file ("deploy/a.yaml +2 -2 (image, version label)"). */
export interface WorkloadUpdate {
  readonly text: string;
  readonly detail: string;
}

export interface PlanInput {
  readonly spec: JobSpec;
  readonly resolved: readonly ResolvedImage[] | null;
  /** For a rollback: the changes of the job that is undone. */
  readonly undo?: {
    readonly headline: string;
    readonly changes: readonly RecordedChange[];
    readonly short: string;
  };
}

type PlanDeps = Pick<WorkerDeps, "cluster" | "registry" | "log">;

/** Reads the facts, decides, and edits in memory; writes nothing. */
export async function planJob(deps: PlanDeps, view: TipView, input: PlanInput): Promise<JobPlan> {
  if (input.spec.kind === "rollback") return planRollback(view, input);
  const ask: ReleaseAsk = input.spec;
  const facts = await readFacts(deps, {
    environment: view.environment,
    ask,
    declared: view.declared(),
    resolved: input.resolved ?? undefined,
  });
  const plan = planRelease(facts);
  const edited = await editAll(view, plan.changes);
  const changes = plan.changes.filter((change) => !edited.refused.has(keyOf(change)));
  const refusals = plan.changes
    .filter((change) => edited.refused.has(keyOf(change)))
    .map((change) => ({
      ...toSkip(change),
      detail: edited.refused.get(keyOf(change)) ?? "",
    }));
  const skips = [...plan.skips, ...refusals];
  return {
    headline: plan.headline,
    ...edited,
    targets: targetsOf(changes),
    results: [...changes.map(changeResult), ...skips.filter(isWorthTelling).map(skipResult)],
    resolved: plan.resolved,
    updates: updatesOf(changes, edited.changes),
    skipLines: skips.filter(isWorthTelling).map(skipLine),
    hash: hashOf(edited.changes),
  };
}

/** In a release of one image, containers of other images are no news. */
function isWorthTelling(skip: PlannedSkip): boolean {
  return skip.reason !== "different-image" && skip.reason !== "excluded";
}

interface Edited {
  readonly texts: Map<string, string>;
  readonly changes: RecordedChange[];
  /** change key → why the editor refused it */
  readonly refused: Map<string, string>;
}

async function editAll(view: TipView, changes: readonly PlannedChange[]): Promise<Edited> {
  const edited: Edited = { texts: new Map(), changes: [], refused: new Map() };
  await view.prefetch(changes.map((change) => change.path));
  for (const [path, group] of groupBy(changes, (change) => change.path)) {
    const before = await view.readText(path);
    const after = editFile({ view, path, edited }, before, group);
    if (after !== before) edited.texts.set(path, after);
  }
  return edited;
}

interface FileEdit {
  readonly view: TipView;
  readonly path: string;
  readonly edited: Edited;
}

/** All changes of a file at once; where the editor refuses one, each by itself, so that the others go on. */
function editFile(file: FileEdit, text: string, group: readonly PlannedChange[]): string {
  const edits = group.map((change): ImageEdit => ({
    workload: change.workload,
    container: change.container,
    image: change.to,
  }));
  const options = { defaultNamespace: file.view.environment.defaultNamespace };
  const result = editImages(text, edits, options);
  if (result.ok) {
    file.edited.changes.push(...result.changes.map((source) => ({ ...source, path: file.path })));
    return result.text;
  }
  const [first] = group;
  if (group.length > 1) return group.reduce((before, change) => editFile(file, before, [change]), text);
  if (first !== undefined) file.edited.refused.set(keyOf(first), `${result.reason}: ${result.detail}`);
  return text;
}

/** Compare-and-set per change: what somebody changed since is left alone and named. */
async function planRollback(view: TipView, input: PlanInput): Promise<JobPlan> {
  const undo = input.undo;
  if (undo === undefined || undo.changes.length === 0) {
    throw new SlipwayError("JOB_NOT_ROLLBACKABLE", { detail: "it changed nothing in git" });
  }
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
    const result = revertChanges(before, changes, { defaultNamespace: view.environment.defaultNamespace });
    if (!result.ok) throw new SlipwayError("MANIFEST_NOT_EDITABLE", { detail: `${path}: ${result.detail}` });
    if (result.text !== before) texts.set(path, result.text);
    reverted.push(
      ...result.reverted.map((change) => ({ ...change, path, from: change.to, to: change.from })),
    );
    kept.push(...result.skipped.map((skipped) => ({ ...skipped.change, path })));
  }
  const images = reverted.filter((change) => change.field === "image").map(toPlannedChange);
  const skips = kept.filter((change) => change.field === "image").map(toChangedSince);
  return {
    headline: undo.headline,
    texts,
    changes: reverted,
    targets: targetsOf(images),
    results: [...images.map(changeResult), ...skips.map(skipResult)],
    resolved: [],
    updates: updatesOf(images, reverted),
    skipLines: skips.map(skipLine),
    hash: hashOf(reverted),
  };
}

function toPlannedChange(change: RecordedChange): PlannedChange {
  return {
    kind: "change",
    workload: fullId(change.workload),
    container: change.container,
    path: change.path,
    from: unquote(change.from),
    to: unquote(change.to),
  };
}

function toChangedSince(change: RecordedChange): PlannedSkip {
  const { workload, container, path } = change;
  return { kind: "skip", workload, container, path, from: unquote(change.to), reason: "changed-since" };
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

/** Source bytes of an image scalar as its value: images hold no character that quoting escapes. */
function unquote(source: string): string {
  return source.replace(/^(["'])(.*)\1$/s, "$2");
}

function targetsOf(changes: readonly PlannedChange[]): RolloutTarget[] {
  return [...groupBy(changes, (change) => formatWorkloadId(change.workload))].map(([workload, group]) => ({
    workload,
    path: group[0]?.path ?? "",
    images: Object.fromEntries(group.map((change) => [change.container, change.to])),
    applied: false,
    uid: null,
    generation: null,
    verdict: "pending",
    reason: null,
    spentMs: 0,
  }));
}

function updatesOf(changes: readonly PlannedChange[], edits: readonly RecordedChange[]): WorkloadUpdate[] {
  return [...groupBy(changes, (change) => formatWorkloadId(change.workload))].map(([workload, group]) => {
    const images = group.map((change) => `${change.container} (${change.from} -> ${change.to})`).join(", ");
    const own = edits.filter((edit) => edit.workload === workload);
    const files = [...groupBy(own, (edit) => edit.path)].map(([path, lines]) => {
      const what = new Set(lines.map((line) => (line.field === "image" ? "image" : "version label")));
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
    detail: null,
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

function keyOf(change: PlannedChange): string {
  return `${formatWorkloadId(change.workload)} ${change.container} ${change.path}`;
}

/** Two plans with one hash change the same bytes, wherever the tip is by then. */
function hashOf(changes: readonly RecordedChange[]): string {
  return createHash("sha256").update(JSON.stringify(changes)).digest("hex");
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, key);
}
