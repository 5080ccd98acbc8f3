import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import type { Clock } from "#common/kit/clock.ts";
import { warnRarely } from "#common/kit/log-rarely.ts";
import type { Log } from "#common/kit/log.ts";
import { coolRepositories } from "#common/store/image-claims.ts";
import { markAutomated } from "#common/store/image-uses.ts";
import * as images from "#common/store/images.ts";
import { wantedRepositories } from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** Reads what runs; the watcher's client fits. */
export interface RunningSource {
  listWorkloads(request: {
    readonly environment: string;
  }): Promise<{ readonly workloads: readonly Workload[] }>;
}

export interface WantedDeps {
  readonly store: Store;
  readonly running: RunningSource;
  readonly environments: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** What becomes automated is scanned within so long. */
  readonly shortestMs: number;
}

/** Keeps the store told which repositories somebody uses. */
export interface Wanted {
  /** Tells what is declared and what runs. */
  tell(): Promise<void>;
  /** Lets repositories go that nobody used for a day. */
  cool(): Promise<void>;
  /** The tags that run of a repository, as they were told last. */
  runningTags(key: string): ReadonlySet<string>;
}

const againEveryMs = 60_000;
const unwantedForMs = 24 * 3_600_000;
/** A listing that took long is asked for less often: at most a tenth of the time goes into it. */
const restPerListing = 10;

export function createWanted(deps: WantedDeps): Wanted {
  const toldAtMs = new Map<string, number>();
  let runningTags: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  const environments = deps.environments.map((environment) => createRunning(deps, environment));

  return {
    async tell() {
      const declared = await wantedRepositories(deps.store.db);
      const running = await Promise.all(environments.map((read) => read()));
      runningTags = mergeTags(running);
      const wanted = new Set([...declared, ...runningTags.keys()]);
      const nowMs = deps.clock.monotonicMs();
      for (const key of toldAtMs.keys()) if (!wanted.has(key)) toldAtMs.delete(key);
      const due = [...wanted].filter((key) => nowMs - (toldAtMs.get(key) ?? -Infinity) >= againEveryMs);
      await images.wantRepositories(deps.store.db, due);
      for (const key of due) toldAtMs.set(key, nowMs);
      await markAutomated(deps.store.db, deps.shortestMs);
    },
    runningTags: (key) => runningTags.get(key) ?? noTags,
    async cool() {
      const cooled = await coolRepositories(deps.store.db, unwantedForMs);
      if (cooled > 0) deps.log.info("repositories nobody uses are no longer scanned", { cooled });
    },
  };
}

/** The tags that run, by repository. */
type TagsByKey = ReadonlyMap<string, ReadonlySet<string>>;

const noTags: ReadonlySet<string> = new Set();

/** The repositories that run in an environment; while the watcher is away, those it told last. */
function createRunning(deps: WantedDeps, environment: string): () => Promise<TagsByKey> {
  const warn = warnRarely(deps.log, { everyMs: 60_000, clock: deps.clock });
  let last: TagsByKey = new Map();
  let notBeforeMs = -Infinity;
  return async () => {
    const startedMs = deps.clock.monotonicMs();
    if (startedMs < notBeforeMs) return last;
    try {
      last = tagsIn((await deps.running.listWorkloads({ environment })).workloads);
    } catch (error) {
      warn("the cluster watcher does not answer; declared images are scanned", { environment, error });
    }
    const endedMs = deps.clock.monotonicMs();
    notBeforeMs = endedMs + (endedMs - startedMs) * restPerListing;
    return last;
  };
}

function tagsIn(workloads: readonly Workload[]): TagsByKey {
  const tags = new Map<string, Set<string>>();
  for (const { image } of workloads.flatMap(({ containers }) => containers)) {
    const ref = tryParseImageRef(image);
    if (ref === undefined) continue;
    const key = repositoryKey(ref);
    const ofKey = tags.get(key) ?? new Set();
    if (ref.tag !== undefined) ofKey.add(ref.tag);
    tags.set(key, ofKey);
  }
  return tags;
}

function mergeTags(all: readonly TagsByKey[]): TagsByKey {
  const merged = new Map<string, ReadonlySet<string>>();
  for (const [key, tags] of all.flatMap((one) => [...one])) {
    merged.set(key, new Set([...tags, ...(merged.get(key) ?? noTags)]));
  }
  return merged;
}
