import type {
  KubeApi,
  KubeObject,
  KubeResource,
  KubeResponse,
  KubeWatchRequest,
  WatchEnd,
} from "#common/kit/kube-types.ts";

/** A cluster in memory: definitions, objects and rights that a test changes while it is watched. */
export interface FakeKubeApi {
  readonly api: KubeApi;
  define(apiVersion: string, kind: string, plural: string): void;
  /** Takes the definition and its objects away, as the API server does. */
  undefine(apiVersion: string, kind: string): void;
  /** Groups whose own server does not answer. */
  setUnread(...groups: readonly string[]): void;
  /** Answers new watches of a path so; open ones end. Undefined lets them in again. */
  refuse(path: string, status: number | undefined): void;
  put(path: string, object: KubeObject): void;
  /** Paths with an open watch. */
  watched(): readonly string[];
  discoveries(): number;
}

interface Watch {
  readonly request: KubeWatchRequest;
  readonly end: (end: WatchEnd) => void;
}

interface State {
  readonly resources: KubeResource[];
  readonly unread: Set<string>;
  readonly refused: Map<string, number>;
  readonly objects: Map<string, Map<string, KubeObject>>;
  readonly watches: Map<string, Set<Watch>>;
  version: number;
  discoveries: number;
}

export function createFakeKubeApi(): FakeKubeApi {
  const state: State = {
    resources: [],
    unread: new Set(),
    refused: new Map(),
    objects: new Map(),
    watches: new Map(),
    version: 0,
    discoveries: 0,
  };
  const { resources, unread, refused, objects, watches } = state;
  const tell = (path: string, type: "ADDED" | "DELETED", object: KubeObject): void => {
    for (const { request } of watches.get(path) ?? []) request.onEvent({ type, object });
  };
  const endAll = (path: string): void => watches.get(path)?.forEach(({ end }) => end({ kind: "closed" }));
  return {
    api: apiOf(state),
    define(apiVersion, kind, plural) {
      const prefix = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
      resources.push({ apiVersion, kind, plural, prefix, namespaced: true });
    },
    undefine(apiVersion, kind) {
      const at = resources.findIndex((one) => one.apiVersion === apiVersion && one.kind === kind);
      const [gone] = resources.splice(at, 1);
      if (gone !== undefined) endAll(`${gone.prefix}/${gone.plural}`);
    },
    setUnread(...groups) {
      unread.clear();
      for (const group of groups) unread.add(group);
    },
    refuse(path, status) {
      if (status === undefined) refused.delete(path);
      else refused.set(path, status);
      endAll(path);
    },
    put(path, object) {
      const { name = "" } = object.metadata;
      state.version += 1;
      const resourceVersion = String(state.version);
      const stored = { ...object, metadata: { ...object.metadata, resourceVersion } };
      const all = objects.get(path) ?? new Map<string, KubeObject>();
      objects.set(path, all.set(name, stored));
      tell(path, "ADDED", stored);
    },
    watched: () => [...watches].flatMap(([path, open]) => (open.size > 0 ? [path] : [])).toSorted(),
    discoveries: () => state.discoveries,
  };
}

function apiOf(state: State): KubeApi {
  return {
    server: "https://fake",
    defaultNamespace: "default",
    request: async (): Promise<KubeResponse> => ({ status: 200, body: "ok", headers: new Headers() }),
    discover: async () => {
      state.discoveries += 1;
      const known = state.resources.slice();
      const find = (apiVersion: string, kind: string) =>
        known.find((one) => one.apiVersion === apiVersion && one.kind === kind);
      return { resources: known, unread: new Set(state.unread), find };
    },
    watch: (request) => watch(state, request),
    objectPath: async () => "/",
    reloadCredentials: async () => undefined,
    close: async () => undefined,
  };
}

/** Everything there is, then what changes, until it is ended. */
async function watch(state: State, request: KubeWatchRequest): Promise<WatchEnd> {
  const { path } = request;
  const isServed = state.resources.some(
    (one) => path.startsWith(`${one.prefix}/`) && path.endsWith(`/${one.plural}`),
  );
  const status = state.refused.get(path) ?? (isServed ? undefined : 404);
  if (status !== undefined)
    return { kind: "error", status, error: new Error(`${status}: no ${path} for you`) };
  const ended = Promise.withResolvers<WatchEnd>();
  const one = { request, end: ended.resolve };
  const open = state.watches.get(path) ?? new Set<Watch>();
  state.watches.set(path, open.add(one));
  request.signal.addEventListener("abort", () => ended.resolve({ kind: "closed" }));
  request.onOpen?.();
  for (const object of state.objects.get(path)?.values() ?? []) request.onEvent({ type: "ADDED", object });
  const annotations = { "k8s.io/initial-events-end": "true" };
  const metadata = { resourceVersion: String(state.version), annotations };
  request.onEvent({ type: "BOOKMARK", object: { metadata } });
  const end = await ended.promise;
  open.delete(one);
  return end;
}
