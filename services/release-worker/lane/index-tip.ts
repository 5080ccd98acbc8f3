import { tryParseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import type { DeclaredWorkload } from "#common/domain/manifest.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { wakeAutomation } from "#common/store/automation-wakes.ts";
import * as lanes from "#common/store/lanes.ts";
import * as manifests from "#common/store/manifests.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { DeclaredPoliciesRow } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";
import { brokenFiles, lastReadable } from "../planning/tip-broken.ts";
import type { TipFile, TipView } from "../planning/tip-view.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * Moves the projection of every environment of the lane to a commit (CORRECTNESS 12: only the
 * lane holder, in a fenced transaction). Only files whose blob is new are written.
 */
export async function saveViews(tx: Db, context: LaneContext, views: readonly TipView[]): Promise<void> {
  for (const view of views) await saveView(tx, context.lane.id, view);
  const commit = views[0]?.commit;
  if (commit !== undefined) await lanes.moveTip(tx, { laneId: context.lane.id, tip: commit });
}

async function saveView(tx: Db, laneId: string, view: TipView): Promise<void> {
  const environment = view.environment.name;
  const known = new Map(
    (await manifests.indexedFiles(tx, environment)).map((file) => [file.path, file.blobOid] as const),
  );
  const removedPaths = [...known.keys()].filter((path) => !view.files.has(path));
  const kept = await keptRows(tx, view, removedPaths);
  // What a broken file held may be declared elsewhere by now: its rows are made anew each time.
  const changed = [...view.files.values()].filter(
    (file) => known.get(file.path) !== file.oid || file.manifest.faults.length > 0,
  );
  if (changed.length + removedPaths.length > 0) {
    await wakeAutomation(tx, { environment, why: `git at ${view.commit.slice(0, 7)}` });
  }
  await manifests.replaceDeclared(tx, {
    environment,
    laneId,
    commit: view.commit,
    changedPaths: changed.map((file) => file.path),
    removedPaths,
    rows: [...changed.flatMap(rowsOf), ...kept],
    faults: [...view.files.values()].flatMap(faultsOf),
  });
}

/** What broken files declared when they could last be read; nobody asks where nothing is broken. */
async function keptRows(tx: Db, view: TipView, removed: readonly string[]): Promise<readonly DeclaredRow[]> {
  const broken = brokenFiles(view.files);
  if (broken.length === 0) return [];
  const environment = view.environment.name;
  const paths = [...broken.map((file) => file.path), ...removed];
  return lastReadable(view.files, await manifests.declaredInFiles(tx, { environment, paths }));
}

function rowsOf(file: TipFile) {
  return file.manifest.workloads.map((declared) => ({
    workload: formatWorkloadId(declared.id),
    path: file.path,
    document: declared.document,
    line: declared.line,
    blob_oid: file.oid,
    containers: declared.containers.map((container) => ({
      name: container.name,
      image: container.image,
      init: container.init,
      editable: container.editable,
      reason: container.reason ?? null,
    })),
    policies: policiesRow(declared),
    labels: declared.labels ?? {},
    repositories: [...new Set(declared.containers.flatMap((container) => keysOf(container.image)))],
  }));
}

function policiesRow({ policies, policyFaults = [] }: DeclaredWorkload): DeclaredPoliciesRow {
  const row = { ...policies, hold: policies.hold ?? null };
  return policyFaults.length === 0 ? row : { ...row, faults: policyFaults.map((fault) => fault.message) };
}

function keysOf(image: string): string[] {
  const ref = tryParseImageRef(image);
  return ref === undefined ? [] : [repositoryKey(ref)];
}

function faultsOf(file: TipFile) {
  return file.manifest.faults.map((fault) => ({
    path: file.path,
    line: fault.line ?? null,
    message: fault.message,
  }));
}
