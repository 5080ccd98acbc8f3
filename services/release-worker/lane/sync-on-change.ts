import { splitDocuments } from "#common/domain/manifest-yaml.ts";
import { changedHeadline } from "#common/domain/sync-words.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import { getLane } from "#common/store/lanes.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import type { Db } from "#common/store/store.ts";
import { objectIds } from "../environment/sync-objects.ts";
import { isReachable } from "../knows-commit.ts";
import type { TipFile, TipView } from "../planning/tip-view.ts";
import { saveViews } from "./index-tip.ts";
import type { LaneContext } from "./lane-context.ts";

/** More than so many are named together: then everything is compared. */
const maxNamed = 1_000;

/** What people changed in an environment that applies what they push. */
export interface PeoplesChange {
  readonly environment: string;
  readonly commit: string;
  /** Undefined: too much, or not to be told. */
  readonly ids: readonly string[] | undefined;
}

/**
 * Moves the projection to a tip that people pushed. Where the environment wants it, the sync of what
 * they changed is accepted in the same transaction: once for each tip, and never for a push of ours.
 */
export async function followTip(context: LaneContext, tip: string): Promise<void> {
  const { deps, lane, lease } = context;
  const recorded = (await getLane(deps.store.db, lane.id))?.tip ?? undefined;
  const views = await viewsAt(context, tip);
  const changes = await peoplesChanges(context, { from: recorded, views });
  await deps.store.fenced(lease, async (tx) => {
    await saveViews(tx, context, views);
    await acceptSyncs(tx, context, changes);
  });
}

/** Before something of ours is put on a base that people pushed: later nobody could tell it from ours. */
export async function followBase(context: LaneContext, base: string): Promise<void> {
  if (!context.environments.some(appliesChanges)) return;
  const recorded = (await getLane(context.deps.store.db, context.lane.id))?.tip;
  if (recorded !== base) await followTip(context, base);
}

/** What is different in the views since a commit, for each environment that applies what people push. */
export async function peoplesChanges(
  context: LaneContext,
  { from, views }: { readonly from: string | undefined; readonly views: readonly TipView[] },
): Promise<readonly PeoplesChange[]> {
  const changes: PeoplesChange[] = [];
  for (const view of views) {
    // The first sight of a branch is where changes begin to count.
    if (from === undefined || from === view.commit || !appliesChanges(view.environment)) continue;
    const ids = await changedIds(context, from, view);
    if (ids !== undefined && ids.length === 0) continue;
    changes.push({ environment: view.environment.name, commit: view.commit, ids });
  }
  return changes;
}

/** Inside the transaction that moves the tip. */
export async function acceptSyncs(
  tx: Db,
  context: LaneContext,
  changes: readonly PeoplesChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const { deps, lane } = context;
  const revision = await saveSettingsRevision(tx, deps.settings);
  for (const { environment, commit, ids } of changes) {
    const id = deps.newId();
    const isAll = ids === undefined || ids.length > maxNamed;
    const headline = ids === undefined ? `Sync: ${commit.slice(0, 7)}` : changedHeadline(ids.length, commit);
    const what = { workloads: isAll ? [] : ids, all: isAll, namespace: null, override: [] };
    await acceptJob(tx, {
      job: {
        id,
        kind: "sync",
        environment,
        lane_id: lane.id,
        settings_revision: revision,
        phase: "queued",
        priority: 2,
        origin: "automation",
        headline,
        spec: JSON.stringify({ kind: "sync", ...what }),
        requested_by: "slipway",
      },
      audit: {
        principal: "slipway",
        operation: "createSync",
        environment,
        jobId: id,
        outcome: "accepted",
        detail: { headline },
      },
    });
  }
}

function appliesChanges({ mode, sync }: TipView["environment"]): boolean {
  return mode === "apply" && sync === "on-change";
}

function viewsAt(context: LaneContext, commit: string): Promise<readonly TipView[]> {
  return Promise.all(context.environments.map((environment) => context.tips.read(commit, environment)));
}

/** Ids of what a view declares otherwise than the commit did; undefined after a rewrite of the branch. */
async function changedIds(
  context: LaneContext,
  from: string,
  view: TipView,
): Promise<readonly string[] | undefined> {
  if (!(await isReachable(context.git, from, view.commit))) return undefined;
  const before = await context.tips.read(from, view.environment);
  const changed = [...view.files.values()].filter((file) => before.files.get(file.path)?.oid !== file.oid);
  const known = changed.map((file) => file.path);
  await view.prefetch(known);
  await before.prefetch(known.filter((path) => before.files.has(path)));
  const isBuilt = [...view.files.values()].some((file) => file.manifest.kustomization !== undefined);
  const ids = new Set<string>();
  for (const file of changed) {
    const own = isBuilt ? allIds(file) : await documentIds(before, view, file);
    for (const id of own) ids.add(id);
  }
  return [...ids].toSorted();
}

/** What kustomize makes of a file changes with others: all of it is looked at. */
function allIds({ manifest }: TipFile): readonly string[] {
  return manifest.workloads.map((declared) => formatWorkloadId(declared.id));
}

/** Of a file with many documents only those whose text is new. */
async function documentIds(before: TipView, view: TipView, file: TipFile): Promise<readonly string[]> {
  const { path, manifest } = file;
  const old = before.files.has(path) ? documentsOf(await before.readText(path)) : [];
  const known = new Set(old);
  const isNew = documentsOf(await view.readText(path)).map((text) => !known.has(text));
  const workloads = manifest.workloads.filter((declared) => isNew[declared.document - 1] === true);
  const others = objectIds(await view.readText(path), {
    isWanted: (document) => isNew[document - 1] === true,
    defaultNamespace: view.environment.defaultNamespace,
  });
  return [...workloads.map((declared) => formatWorkloadId(declared.id)), ...others];
}

/** Without their marker: a document put before them changes nothing about the others. */
function documentsOf(text: string): string[] {
  return splitDocuments(text).map(({ source }) => source.replace(/^---[^\n]*\n?/, "").trim());
}
