import type { Workload } from "#common/contracts/http.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import { filterOf, ruleOf } from "#common/domain/plan-target.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { HoldRow } from "#common/store/holds.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import { OwnerKind } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Owner, Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

import { newestOf } from "./newest.ts";
import type { ImageEntries, ImageEntry } from "./newest.ts";
import { notRunning, releaseState, unknownState } from "./release-state.ts";

export interface WorkloadFacts {
  readonly environment: string;
  /** What runs, by id; undefined when nobody could tell. */
  readonly running: ReadonlyMap<string, Running> | undefined;
  /** Whether what is not in `running` surely does not run. */
  readonly complete: boolean;
  /** By id; of several places the first counts. */
  readonly declared: ReadonlyMap<string, readonly DeclaredRow[]>;
  /** Automatic holds, by workload: those automation has to leave alone. */
  readonly held: ReadonlyMap<string, readonly HoldRow[]>;
  /** Whether the environment releases anything by itself. */
  readonly automation: "on" | "off";
  readonly images: ImageEntries;
  /** Only where something hangs on the age of images, and then not finer than that should be noticed. */
  readonly now?: Date | undefined;
  /** Whether the environment has to do with a namespace. */
  readonly sees: (namespace: string) => boolean;
}

/** What runs joined with what is declared and with what could run, in order of id. */
export function joinWorkloads(facts: WorkloadFacts): readonly Workload[] {
  return createJoiner()(facts);
}

/** Joins again and again: a workload about which nothing changed is the same object as before. */
export function createJoiner(): (facts: WorkloadFacts) => readonly Workload[] {
  let before: ReadonlyMap<string, Joined> = new Map();
  return (facts) => {
    const joined = new Map(
      idsOf(facts).map((id) => {
        const pair = pairOf(facts, id);
        const known = before.get(id);
        return [id, known !== undefined && isSame(known, pair, facts) ? known : joinOne(facts, pair)];
      }),
    );
    before = joined;
    return [...joined.values()].map(({ workload }) => workload);
  };
}

/** Every image repository that the containers of these facts come from. */
export function repositoriesOf({ running, declared }: Pick<WorkloadFacts, "running" | "declared">): string[] {
  const images = new Set<string>();
  for (const { containers } of running?.values() ?? []) for (const { image } of containers) images.add(image);
  for (const [row] of declared.values()) for (const { image } of row?.containers ?? []) images.add(image);
  return [...new Set([...images].flatMap((image) => keyOf(image) ?? []))];
}

interface Pair {
  readonly id: string;
  readonly runs: Running | undefined;
  readonly row: DeclaredRow | undefined;
  readonly holds: readonly HoldRow[] | undefined;
  readonly complete: boolean;
  readonly now: Date | undefined;
}

interface Joined extends Pair {
  readonly workload: Workload;
  /** What the newest images were chosen from. */
  readonly chosenFrom: readonly (readonly [key: string, entry: ImageEntry | undefined])[];
}

function idsOf({ running, declared, sees }: WorkloadFacts): string[] {
  const seen = new Map<string, boolean>();
  const ids = [...new Set([...(running?.keys() ?? []), ...declared.keys()])].filter((id) => {
    const namespace = id.slice(0, id.indexOf(":"));
    const answer = seen.get(namespace) ?? sees(namespace);
    seen.set(namespace, answer);
    return answer;
  });
  return ids.sort(compareText);
}

function pairOf({ running, declared, held, complete, now }: WorkloadFacts, id: string): Pair {
  const row = declared.get(id)?.[0];
  const ages = row?.policies.minAgeMs !== undefined;
  return { id, runs: running?.get(id), row, holds: held.get(id), complete, now: ages ? now : undefined };
}

function isSame(known: Joined, pair: Pair, { images }: WorkloadFacts): boolean {
  return (
    known.runs === pair.runs &&
    known.row === pair.row &&
    known.holds === pair.holds &&
    known.complete === pair.complete &&
    known.now?.getTime() === pair.now?.getTime() &&
    known.chosenFrom.every(([key, entry]) => images.get(key) === entry)
  );
}

function joinOne(facts: WorkloadFacts, pair: Pair): Joined {
  const { id, runs, row } = pair;
  const { namespace, kind = "", name } = parseWorkloadId(id);
  const absent = facts.complete ? notRunning : unknownState;
  const containers = containersOf(facts.images, pair);
  const keys = new Set(containers.flatMap(({ image }) => keyOf(image) ?? []));
  const workload: Workload = {
    id,
    environment: facts.environment,
    namespace,
    kind,
    name,
    containers,
    release: runs === undefined ? absent : releaseState(runs.rollout),
    labels: runs?.labels ?? {},
    policies: policiesOf(row, pair.holds !== undefined),
    ...policyMarks(pair, facts.automation),
    declared: declaredIn(row),
    owner: ownerOf(runs?.owner),
    drift: runs !== undefined && row !== undefined && drifts(runs, row),
  };
  return { ...pair, workload, chosenFrom: [...keys].map((key) => [key, facts.images.get(key)]) };
}

function declaredIn(row: DeclaredRow | undefined): Workload["declared"] {
  if (row === undefined) return null;
  return { file: row.path, document: row.document, line: row.line, problem: row.fault };
}

function keyOf(image: string): string | undefined {
  const ref = tryParseImageRef(image);
  return ref === undefined ? undefined : repositoryKey(ref);
}

function containersOf(images: ImageEntries, { runs, row, now }: Pair): Workload["containers"] {
  const declared = new Map((row?.containers ?? []).map((container) => [container.name, container.image]));
  const found = runs?.containers ?? row?.containers ?? [];
  return found.map(({ name, image, init }) => ({
    name,
    image,
    declaredImage: declared.get(name) ?? null,
    init,
    ...newestOf({
      image,
      filter: row && filterOf(row.policies, name),
      rule: row && ruleOf(row.policies, now),
      entries: images,
    }),
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

/** Who locked it, what holds it, and what is wrong with its policies: only where there is something to tell. */
function policyMarks(
  { row, holds = [] }: Pair,
  automation: "on" | "off",
): Pick<Workload, "automation" | "lock" | "holds" | "policyFaults"> {
  const policies = row?.policies;
  const { lockedBy = null, lockedMessage = null, faults = [] } = policies ?? {};
  const own = policies?.hold ?? null;
  const all = [
    ...(own === null ? [] : [{ container: null, reason: own, since: null, job: null }]),
    ...holds.map(({ container, reason, since, job_id: job }) => ({
      container,
      reason,
      since: since.toISOString(),
      job,
    })),
  ];
  return {
    ...(policies?.automated === true && { automation }),
    ...(policies?.locked === true && { lock: { by: lockedBy, message: lockedMessage } }),
    ...(all.length > 0 && { holds: all }),
    ...(faults.length > 0 && { policyFaults: [...faults] }),
  };
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
