import type { Workload } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { holdsOf } from "#common/store/holds.ts";
import type { HoldRow } from "#common/store/holds.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

import type { ClusterViews } from "./cluster-views.ts";
import { createImageBoard } from "./image-board.ts";
import type { ImageBoard, ImageBoardDeps, ImagesRead } from "./image-board.ts";
import { ageOf } from "./read-model/age.ts";
import type { Age, ViewFacts } from "./read-model/age.ts";
import { withRules } from "./read-model/policies.ts";
import { createJoiner, repositoriesOf } from "./read-model/workloads.ts";
import type { WorkloadFacts } from "./read-model/workloads.ts";
import { readCluster, readGit } from "./views.ts";
import type { ViewDeps } from "./views.ts";

export interface WorkloadsRead {
  /** In order of id. */
  readonly workloads: readonly Workload[];
  readonly age: Age;
  /** What the list was made of. */
  readonly facts: WorkloadFacts;
  readonly images: ImagesRead;
}

/** Lists of workloads, from facts that are kept in memory as long as they still hold. */
export interface WorkloadLists {
  /** Everything that runs or is declared in an environment, with its age. */
  read(environment: EnvironmentSettings): Promise<WorkloadsRead>;
}

export type ListDeps = ViewDeps & ImageBoardDeps & { readonly views: ClusterViews };

/** One list per environment, made when it is first asked for. */
export function createWorkloadLists(deps: ListDeps): WorkloadLists {
  const lists = new Map<string, EnvironmentList>();
  return {
    async read(environment) {
      const list = lists.get(environment.name) ?? createList(deps);
      lists.set(environment.name, list);
      return readList(deps, list, environment);
    },
  };
}

interface EnvironmentList {
  readonly board: ImageBoard;
  readonly join: (facts: WorkloadFacts) => readonly Workload[];
  declared: Declared | undefined;
  held: Held;
  /** Image repositories of everything that runs and is declared, and what they were read from. */
  wanted: {
    readonly from: unknown;
    readonly version: number;
    readonly rows: unknown;
    readonly keys: readonly string[];
  };
  last: Listed | undefined;
}

interface Declared {
  /** Of the index it was read from. */
  readonly index: string;
  /** With the policies that count. */
  readonly rows: ReadonlyMap<string, readonly DeclaredRow[]>;
  /** Whether any of them hangs on the age of images. */
  readonly ages: boolean;
}

interface Held {
  readonly text: string;
  readonly rows: ReadonlyMap<string, readonly HoldRow[]>;
}

interface Listed {
  readonly facts: WorkloadFacts;
  readonly version: number;
  readonly workloads: readonly Workload[];
}

function createList(deps: ListDeps): EnvironmentList {
  return {
    board: createImageBoard(deps),
    join: createJoiner(),
    declared: undefined,
    held: { text: "", rows: new Map() },
    wanted: { from: undefined, version: 0, rows: undefined, keys: [] },
    last: undefined,
  };
}

async function readList(
  deps: ListDeps,
  list: EnvironmentList,
  environment: EnvironmentSettings,
): Promise<WorkloadsRead> {
  const { store } = deps;
  const [cluster, git, held, now] = await Promise.all([
    runningOf(deps, environment.name),
    readGit(deps, environment),
    heldIn(deps, list, environment.name),
    store.now(),
  ]);
  const declared = await declaredAt(deps, list, { environment, index: git.index });
  const ages = list.declared?.ages === true;
  const images = await list.board.read(keysOf(list, cluster, declared));
  const facts: WorkloadFacts = {
    environment: environment.name,
    running: cluster.running,
    complete: cluster.view?.complete ?? false,
    declared,
    held,
    automation: environment.automation ?? "off",
    images: images.entries,
    now: ages ? new Date(Math.floor(now.getTime() / ageStepMs) * ageStepMs) : undefined,
    sees: (namespace) => isNamespaceSeen(environment.namespaces, namespace),
  };
  const workloads = joined(list, facts, cluster.version);
  return { workloads, facts, images, age: { ...ageOf(cluster, git, now), imagesMs: images.ageMs } };
}

/** How finely the age of images is noticed. */
const ageStepMs = 60_000;

type RunningFacts = ViewFacts & {
  readonly running: ReadonlyMap<string, Running> | undefined;
  readonly version: number;
};

/** From the stream; before its first word, and only then, the watcher is asked for a list. */
async function runningOf(deps: ListDeps, environment: string): Promise<RunningFacts> {
  const heard = deps.views.heard(environment);
  if (heard !== undefined) {
    return { running: heard.workloads, version: heard.version, view: heard.view };
  }
  const { workloads, ...facts } = await readCluster(deps, { environment, namespace: "" });
  const running = workloads && new Map(workloads.map((one) => [formatWorkloadId(one), one]));
  return { ...facts, running, version: 0 };
}

/** Read anew only where the index moved: until then no row can be another one. */
async function declaredAt(
  { store }: ListDeps,
  list: EnvironmentList,
  at: { environment: EnvironmentSettings; index: string },
): Promise<Declared["rows"]> {
  if (list.declared?.index === at.index) return list.declared.rows;
  const found = await declaredWorkloads(store.db, at.environment.name);
  const effective = found.map((row) => withRules(row, at.environment.policies ?? []));
  const rows = Map.groupBy(effective, (row) => row.workload);
  const ages = effective.some(({ policies }) => policies.minAgeMs !== undefined);
  list.declared = { index: at.index, rows, ages };
  return rows;
}

async function heldIn(
  { store }: ListDeps,
  list: EnvironmentList,
  environment: string,
): Promise<Held["rows"]> {
  const holds = await holdsOf(store.db, environment);
  const text = JSON.stringify(holds);
  if (text !== list.held.text) list.held = { text, rows: Map.groupBy(holds, (hold) => hold.workload) };
  return list.held.rows;
}

function keysOf(
  list: EnvironmentList,
  { running, version }: RunningFacts,
  rows: Declared["rows"],
): readonly string[] {
  const { wanted } = list;
  if (wanted.from === running && wanted.version === version && wanted.rows === rows) return wanted.keys;
  const keys = repositoriesOf({ running, declared: rows });
  list.wanted = { from: running, version, rows, keys };
  return keys;
}

/** The list as it was, when nothing it is made of has changed. */
function joined(list: EnvironmentList, facts: WorkloadFacts, version: number): readonly Workload[] {
  const { last } = list;
  const isSame =
    last !== undefined &&
    last.version === version &&
    last.facts.running === facts.running &&
    last.facts.complete === facts.complete &&
    last.facts.declared === facts.declared &&
    last.facts.held === facts.held &&
    last.facts.now?.getTime() === facts.now?.getTime() &&
    last.facts.images === facts.images;
  if (isSame) return last.workloads;
  const workloads = list.join(facts);
  list.last = { facts, version, workloads };
  return workloads;
}
