import type { Clock } from "#common/kit/clock.ts";
import { createInformer, type Informer, type InformerState } from "#common/kit/kube-informer.ts";
import type { KubeApi, KubeDiscovery, KubeObject, KubeResource } from "#common/kit/kube-types.ts";
import type { Log } from "#common/kit/log.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import type { LiveWorkloads, WorkloadSource } from "./live-workloads.ts";
import { projectPod, type ProjectedPod } from "./project-pod.ts";
import { blockedText, type CollectionFacts } from "./watch-view.ts";
import type { WatchedKind } from "./watched-kinds.ts";

export interface CollectionsDeps {
  readonly api: KubeApi;
  readonly kinds: readonly WatchedKind[];
  /** One watch each; undefined: one of all namespaces. */
  readonly namespaces: readonly string[] | undefined;
  readonly isSeen: (namespace: string) => boolean;
  readonly live: LiveWorkloads;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a collection that was seen stays told while the API server says no. */
  readonly refusedGraceMs?: number;
}

/** The watches of one cluster; they come and go with the definitions of their kinds. */
export interface WatchCollections {
  facts(): readonly CollectionFacts[];
  /** Opens what the cluster serves now, and closes the rest. */
  adjust(discovery: KubeDiscovery): Promise<void>;
  /** Notes which watches are good, given the age of the last good probe, and gives up refused ones. */
  note(probe: { readonly ageMs: number; readonly failing: boolean }): void;
  /** Whether the API server says of a watched kind that it does not serve it. */
  hasVanished(): boolean;
  reconnect(): void;
  stop(): Promise<void>;
}

interface Open {
  readonly kind: WatchedKind;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly informer: Informer<unknown>;
  goodAtMs: number;
  blocked: CollectionFacts["blocked"];
}

/** The API server may say no for a moment while it starts: it knows no rights yet, or waits for etcd. */
const refusedGraceMs = 10_000;
const troubledGraceMs = 60_000;

/** Watches nothing before `adjust`. */
export function createWatchCollections(deps: CollectionsDeps): WatchCollections {
  const open = new Map<string, Open>();
  const close = async (path: string, { informer }: Open): Promise<void> => {
    open.delete(path);
    informer.forget();
    await informer.stop();
  };
  return {
    facts: () => [...open.values()].map(factsOf),
    async adjust(discovery) {
      const wanted = wantedPaths(deps, discovery);
      const gone = [...open].filter(
        ([path, one]) => !wanted.has(path) && !isUnread(one.kind, discovery, wanted),
      );
      await Promise.all(gone.map(([path, one]) => close(path, one)));
      for (const [path, { kind, plural, namespace, apiVersion }] of wanted) {
        if (open.has(path)) continue;
        const informer = openInformer(deps, kind, path);
        open.set(path, { kind, plural, namespace, informer, goodAtMs: -Infinity, blocked: undefined });
        informer.start();
      }
    },
    note(probe) {
      const nowMs = deps.clock.monotonicMs();
      for (const one of open.values()) noteOne(one, { ...probe, nowMs, deps });
    },
    hasVanished: () => [...open.values()].some((one) => one.informer.state().refused?.status === 404),
    reconnect: () => open.forEach((one) => one.informer.reconnect()),
    async stop() {
      await Promise.all([...open.values()].map((one) => one.informer.stop()));
    },
  };
}

/** One collection of the API server that is told from. */
export interface Wanted {
  readonly kind: WatchedKind;
  readonly apiVersion: string;
  readonly plural: string;
  readonly namespace: string | undefined;
}

/** By path; kinds that the cluster does not serve have none. */
export function wantedPaths(
  { kinds, namespaces }: Pick<CollectionsDeps, "kinds" | "namespaces">,
  discovery: KubeDiscovery,
): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const kind of kinds) {
    const resource = resourceOf(kind, discovery);
    if (resource === undefined) continue;
    const { prefix, plural, apiVersion } = resource;
    for (const namespace of namespaces ?? [undefined]) {
      const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
      wanted.set(`${prefix}${within}/${plural}`, { kind, plural, namespace, apiVersion });
    }
  }
  return wanted;
}

/** The version that the server prefers; its order within a group says so. */
function resourceOf(kind: WatchedKind, discovery: KubeDiscovery): KubeResource | undefined {
  return discovery.resources.find(
    ({ apiVersion, kind: spelled, namespaced }) =>
      namespaced && spelled === kind.apiKind && groupOf(apiVersion) === kind.group,
  );
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? "" : apiVersion.slice(0, slash);
}

/** A kind that is missing where the server cannot tell everything may be there still. */
function isUnread(kind: WatchedKind, discovery: KubeDiscovery, wanted: ReadonlyMap<string, Wanted>): boolean {
  return discovery.unread.has(kind.group) && ![...wanted.values()].some((one) => one.kind === kind);
}

function sourceOf({ kinds }: CollectionsDeps, kind: WatchedKind): WorkloadSource {
  const first = kinds.find((other) => other.kind === kind.kind);
  return { kind: kind.kind, behind: first === kind ? "" : kind.group };
}

function openInformer(deps: CollectionsDeps, kind: WatchedKind, path: string): Informer<unknown> {
  const { api, clock, live, isSeen } = deps;
  const source = sourceOf(deps, kind);
  const isOurs = (object: KubeObject): boolean => isSeen(object.metadata.namespace ?? "");
  const onError = (error: unknown): void => deps.log.debug("a watch was cut", { error, path });
  if (kind.group === "" && kind.apiKind === "Pod")
    return openPods(deps, source, { kind, path, isOurs, onError });
  const project = (object: KubeObject): Workload | undefined =>
    isOurs(object) ? kind.project(object) : undefined;
  const informer = createInformer({ api, path, clock, onError, project });
  informer.subscribe((change) => live.onWorkload(source, change));
  return informer;
}

/** Of a pod: itself where nothing controls it, and what is wrong with it; nothing of one that is well. */
interface PodNews {
  readonly workload: Workload | undefined;
  readonly pod: ProjectedPod;
}

function openPods(
  { api, clock, live }: CollectionsDeps,
  source: WorkloadSource,
  o: {
    kind: WatchedKind;
    path: string;
    isOurs: (object: KubeObject) => boolean;
    onError: (error: unknown) => void;
  },
): Informer<PodNews> {
  const project = (object: KubeObject): PodNews | undefined => {
    if (!o.isOurs(object)) return undefined;
    const workload = o.kind.project(object);
    const projected = projectPod(object);
    const { namespace, name } = object.metadata;
    const pod = workload === undefined ? projected : { ...projected, workload: `${namespace}:pod/${name}` };
    return workload === undefined && pod.trouble === undefined ? undefined : { workload, pod };
  };
  const informer = createInformer({ api, path: o.path, clock, onError: o.onError, project });
  informer.subscribe((change) => {
    const { key } = change;
    const item = change.type === "upsert" ? change.item.workload : undefined;
    live.onWorkload(source, item === undefined ? { type: "delete", key } : { type: "upsert", key, item });
    live.onPod(change.type === "delete" ? change : { ...change, item: change.item.pod });
  });
  return informer;
}

function noteOne(
  one: Open,
  o: { nowMs: number; ageMs: number; failing: boolean; deps: CollectionsDeps },
): void {
  const state = one.informer.state();
  if (state.watchOpen) one.goodAtMs = Math.max(one.goodAtMs, o.nowMs - o.ageMs);
  const wasBlocked = one.blocked !== undefined;
  one.blocked = blockOf(state, { ...o, wasBlocked });
  if (one.blocked === undefined || wasBlocked) return;
  // What is told must be fresh: it is not known any more.
  if (state.synced) one.informer.forget();
  one.goodAtMs = -Infinity;
  o.deps.log.warn(blockedText(factsOf(one)));
}

function blockOf(
  state: InformerState,
  o: { nowMs: number; failing: boolean; wasBlocked: boolean; deps: CollectionsDeps },
): CollectionFacts["blocked"] {
  const { refused, lastError: error } = state;
  if (refused === undefined || refused.status === 401 || (o.failing && !o.wasBlocked)) return undefined;
  const isFinal = refused.status === 403 || refused.status === 404;
  const graceMs = isFinal ? (o.deps.refusedGraceMs ?? refusedGraceMs) : troubledGraceMs;
  const lasts = o.nowMs - refused.sinceMs >= graceMs;
  return o.wasBlocked || !state.synced || lasts ? { status: refused.status, error } : undefined;
}

function factsOf({ kind, plural, namespace, informer, goodAtMs, blocked }: Open): CollectionFacts {
  const { synced, watchOpen: open, lastError: error } = informer.state();
  return { kind: kind.kind, plural, namespace, synced, open, blocked, goodAtMs, error };
}
