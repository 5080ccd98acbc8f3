import type { Workload } from "#common/contracts/http.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";
import type { HoldRow } from "#common/store/holds.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import { OwnerKind } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Owner, Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

import { notRunning, releaseState, unknownState } from "./release-state.ts";

export interface WorkloadFacts {
  readonly environment: string;
  /** What runs; undefined when nobody could tell. */
  readonly running: readonly Running[] | undefined;
  /** Whether what is not in `running` surely does not run. */
  readonly complete: boolean;
  readonly declared: readonly DeclaredRow[];
  readonly holds: readonly HoldRow[];
}

/** What runs joined with what is declared, in order of id. */
export function joinWorkloads(facts: WorkloadFacts): Workload[] {
  const running = new Map((facts.running ?? []).map((one) => [formatWorkloadId(one), one]));
  const declared = Map.groupBy(facts.declared, (row) => row.workload);
  const held = new Set(facts.holds.map((hold) => hold.workload));
  const ids = [...new Set([...running.keys(), ...declared.keys()])].sort(compareText);
  return ids.map((id) =>
    joinOne(facts, { id, runs: running.get(id), row: declared.get(id)?.[0], held: held.has(id) }),
  );
}

interface Pair {
  readonly id: string;
  readonly runs: Running | undefined;
  readonly row: DeclaredRow | undefined;
  readonly held: boolean;
}

function joinOne(facts: WorkloadFacts, pair: Pair): Workload {
  const { id, runs, row } = pair;
  const { namespace, kind = "", name } = parseWorkloadId(id);
  const absent = facts.complete ? notRunning : unknownState;
  return {
    id,
    environment: facts.environment,
    namespace,
    kind,
    name,
    containers: containersOf(runs, row),
    release: runs === undefined ? absent : releaseState(runs.rollout),
    policies: policiesOf(row, pair.held),
    declared: row === undefined ? null : { file: row.path, document: row.document, line: row.line },
    owner: ownerOf(runs?.owner),
    drift: runs !== undefined && row !== undefined && drifts(runs, row),
  };
}

function containersOf(runs: Running | undefined, row: DeclaredRow | undefined): Workload["containers"] {
  const declared = new Map((row?.containers ?? []).map((container) => [container.name, container]));
  if (runs === undefined) {
    return [...declared.values()].map(({ name, image, init }) => ({
      name,
      image,
      declaredImage: image,
      init,
    }));
  }
  return runs.containers.map(({ name, image, init }) => ({
    name,
    image,
    declaredImage: declared.get(name)?.image ?? null,
    init,
  }));
}

function policiesOf(row: DeclaredRow | undefined, held: boolean): string[] {
  const policies = row?.policies;
  return [
    policies?.automated === true ? ["automated"] : [],
    policies?.locked === true ? ["locked"] : [],
    policies?.ignore === true ? ["ignore"] : [],
    held || (policies?.hold ?? null) !== null ? ["hold"] : [],
  ].flat();
}

/** A container that only runs is no drift: clusters inject sidecars. */
function drifts(runs: Running, row: DeclaredRow): boolean {
  const running = new Map(runs.containers.map((container) => [container.name, container.image]));
  return row.containers.some((container) => running.get(container.name) !== container.image);
}

const ownerWords: Readonly<Record<OwnerKind, Workload["owner"]["kind"]>> = {
  [OwnerKind.OWNER_KIND_UNSPECIFIED]: "none",
  [OwnerKind.OWNER_KIND_NONE]: "none",
  [OwnerKind.OWNER_KIND_SLIPWAY]: "slipway",
  [OwnerKind.OWNER_KIND_FLUX]: "flux",
  [OwnerKind.OWNER_KIND_ARGO_CD]: "argo-cd",
  [OwnerKind.OWNER_KIND_HELM]: "helm",
  [OwnerKind.UNRECOGNIZED]: "none",
};

function ownerOf(owner: Owner | undefined): Workload["owner"] {
  if (owner === undefined) return { kind: "none", name: "" };
  return { kind: ownerWords[owner.kind], name: owner.name };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
