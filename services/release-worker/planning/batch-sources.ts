import { everything } from "#common/domain/access.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { parsePlatform, type Platform } from "#common/domain/platform.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import { listJobs } from "#common/store/job-list.ts";
import { declaredAmong, declaredInFiles } from "#common/store/manifests.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { ListWorkloadsResponse, View, Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Repository } from "#proto/slipway/registry/v1/registry.ts";
import type { WorkerDeps } from "../deps.ts";
import type { IndexedBefore } from "./tip-broken.ts";
import { recallImages, type RecallAsk } from "./recall-images.ts";
import { findRivals } from "./rivals.ts";
import type { TipView } from "./tip-view.ts";

/** A cluster view older than this says nothing about what does not run. */
const freshMs = 10_000n;
/** Up to so many workloads are asked for one by one; more by one list. */
const maxSingle = 8;

/** Jobs of a workload that are looked through for what it ran before. */
const historyLimit = 100;

/** What a cluster runs, and can run. */
export interface RunningFacts {
  /**
   * Ids of what runs, at least of those asked for; undefined when the view is stale or the watcher is
   * away: not knowing is not "absent".
   */
  readonly ids: ReadonlySet<string> | undefined;
  /** Platforms of the nodes as they were last seen; empty when they are not known. */
  readonly nodes: readonly Platform[];
}

/** What the planner asks other services, each question once for all jobs of a batch. */
export interface FactSources {
  /** Of these workloads at least; undefined: of all. */
  running(environment: string, ids: readonly WorkloadId[] | undefined): Promise<RunningFacts>;
  /** What these workloads ran before, or run now, by `containerKey`. */
  recalled(asked: RecallAsk): Promise<ReadonlyMap<string, string>>;
  /** Of these workloads those that another environment declares too for the same object: both names. */
  rivals(environment: EnvironmentSettings, ids: readonly WorkloadId[]): Promise<ReadonlyMap<string, string>>;
  images(keys: readonly string[]): Promise<ReadonlyMap<string, Repository>>;
  /** What these files declared when the index last saw them. */
  indexed(environment: string, paths: readonly string[]): Promise<IndexedBefore>;
  /** By Postgres' clock. */
  now(): Promise<Date>;
  /** Asks the registry now. */
  refresh(key: string, tag: string): Promise<{ tagFound: boolean; repository: Repository | undefined }>;
}

type SourceDeps = Pick<WorkerDeps, "cluster" | "registry" | "settings" | "store" | "log">;

/** `views`: environments whose declarations are known as of the tip that is planned on. */
export function createFactSources(
  deps: SourceDeps,
  views: ReadonlyMap<string, Pick<TipView, "declared">> = new Map(),
): FactSources {
  const lists = new Map<string, Promise<ListWorkloadsResponse>>();
  const images = new Map<string, Promise<Repository | undefined>>();
  const list = (environment: string): Promise<ListWorkloadsResponse> => {
    const known = lists.get(environment) ?? deps.cluster.listWorkloads({ environment, namespace: "" });
    lists.set(environment, known);
    return known;
  };
  return {
    async running(environment, ids) {
      try {
        const single = ids !== undefined && ids.length <= maxSingle && !lists.has(environment);
        const found = single ? await runningOneByOne(deps, environment, ids) : undefined;
        return found ?? listed(await list(environment));
      } catch (error) {
        deps.log.warn("planning without a view of the cluster", { error, environment });
        return { ids: undefined, nodes: [] };
      }
    },
    recalled: (asked) =>
      recallImages(
        { history: historyOf(deps), live: async () => freshList(await list(asked.environment)) },
        asked,
      ),
    now: () => deps.store.now(),
    rivals: (environment, ids) =>
      findRivals(
        {
          environments: deps.settings.environments,
          declared: async (name, workloads) => {
            const view = views.get(name);
            if (view === undefined) return declaredAmong(deps.store.db, { environment: name, workloads });
            return new Set(view.declared().map((fact) => formatWorkloadId(fact.id)));
          },
          uids: (name, wanted) =>
            uidsOf({ deps, list: () => list(name) }, { environment: name, ids: wanted }),
        },
        { environment, ids },
      ),
    indexed: (environment, paths) => declaredInFiles(deps.store.db, { environment, paths }),
    async images(keys) {
      const missing = keys.filter((key) => !images.has(key));
      if (missing.length > 0) {
        const answer = deps.registry.listImages({ repositories: missing });
        for (const key of missing) {
          images.set(
            key,
            answer.then(({ repositories }) => repositories.find((one) => one.key === key)),
          );
        }
      }
      const found = await Promise.all(keys.map(async (key) => [key, await images.get(key)] as const));
      return new Map(
        found.flatMap(([key, repository]) => (repository === undefined ? [] : [[key, repository]])),
      );
    },
    async refresh(key, tag) {
      const { tagFound, repository } = await deps.registry.refresh({ repository: key, tag });
      if (repository !== undefined) images.set(key, Promise.resolve(repository));
      return { tagFound, repository };
    },
  };
}

function historyOf({ store }: SourceDeps) {
  return async (environment: string, workload: string): Promise<readonly JobRow[]> =>
    (await listJobs(store.db, { environment, workload, within: everything, limit: historyLimit })).jobs;
}

function listed(answer: ListWorkloadsResponse): RunningFacts {
  const fresh = freshList(answer);
  return { ids: fresh && new Set(fresh.map(formatWorkloadId)), nodes: nodesIn(answer.view) };
}

function nodesIn(view: View | undefined): readonly Platform[] {
  return (view?.nodes?.platforms ?? []).map(parsePlatform);
}

function freshList({ view, workloads }: ListWorkloadsResponse): readonly Workload[] | undefined {
  return view !== undefined && view.complete && view.ageMs <= freshMs ? workloads : undefined;
}

/** Undefined where only a whole list can tell: one does not run, or the view is not fresh. */
async function runningOneByOne(
  deps: SourceDeps,
  environment: string,
  ids: readonly WorkloadId[],
): Promise<RunningFacts | undefined> {
  if (ids.length === 0) return undefined;
  try {
    const answers = await Promise.all(ids.map((id) => deps.cluster.getWorkload({ environment, ...id })));
    const fresh = answers.every(({ view }) => view !== undefined && view.complete && view.ageMs <= freshMs);
    return fresh ? { ids: new Set(ids.map(formatWorkloadId)), nodes: nodesIn(answers[0]?.view) } : undefined;
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "WORKLOAD_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Equal uids tell something however old the views are; what cannot be asked tells nothing. */
async function uidsOf(
  { deps, list }: { deps: SourceDeps; list: () => Promise<ListWorkloadsResponse> },
  { environment, ids }: { environment: string; ids: readonly WorkloadId[] },
): Promise<ReadonlyMap<string, string>> {
  try {
    const wanted = new Set(ids.map(formatWorkloadId));
    const seen =
      ids.length <= maxSingle
        ? await Promise.all(ids.map((id) => oneOrNothing(deps, environment, id)))
        : (await list()).workloads;
    const known = seen.filter((one) => one !== undefined && wanted.has(formatWorkloadId(one)));
    return new Map(known.flatMap((one) => (one?.uid ? [[formatWorkloadId(one), one.uid]] : [])));
  } catch (error) {
    deps.log.warn("planning without the objects of another environment", { error, environment });
    return new Map();
  }
}

async function oneOrNothing(
  { cluster }: SourceDeps,
  environment: string,
  id: WorkloadId,
): Promise<Workload | undefined> {
  try {
    return (await cluster.getWorkload({ environment, ...id })).workload;
  } catch (error) {
    const code = error instanceof SlipwayError ? error.code : undefined;
    if (code === "WORKLOAD_NOT_FOUND" || code === "WORKLOAD_STALE" || code === "NAMESPACE_OUTSIDE") {
      return undefined;
    }
    throw error;
  }
}
