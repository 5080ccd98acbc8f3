import type { KubeObject } from "./kube-types.ts";

export type InformerChange<T> =
  | { readonly type: "upsert"; readonly key: string; readonly item: T }
  | { readonly type: "delete"; readonly key: string };

export interface KubeCacheDeps<T> {
  /** Undefined for an object that is none of ours: nothing of it is kept. */
  project(object: KubeObject): T | undefined;
  keyOf(object: KubeObject): string;
  onError(error: unknown): void;
  /** Called at the end of the first resync. */
  onSynced(): void;
}

/** The projected objects of one collection, and who wants to hear of changes. */
export interface KubeCache<T> {
  readonly items: ReadonlyMap<string, T>;
  upsert(object: KubeObject): void;
  remove(object: KubeObject): void;
  /** From here on every object is expected to be told again. */
  beginResync(): void;
  /** What was not told since is gone. */
  endResync(): void;
  resyncing(): boolean;
  synced(): boolean;
  /** Drops everything, and is no longer whole. */
  clear(): void;
  subscribe(listener: (change: InformerChange<T>) => void): () => void;
}

/** Makes an empty cache. A failing projection or listener is told to `onError` and stops nothing. */
export function createKubeCache<T>(deps: KubeCacheDeps<T>): KubeCache<T> {
  const items = new Map<string, T>();
  const versions = new Map<string, string | undefined>();
  const listeners = new Set<(change: InformerChange<T>) => void>();
  let seen: Set<string> | undefined;
  let synced = false;

  const tell = (change: InformerChange<T>): void => {
    for (const listener of listeners) guarded(deps, () => listener(change));
  };
  const drop = (key: string): void => {
    versions.delete(key);
    if (items.delete(key)) tell({ type: "delete", key });
  };
  const upsert = (object: KubeObject): void => {
    const key = deps.keyOf(object);
    seen?.add(key);
    const version = object.metadata.resourceVersion;
    // A resync tells everything again; who listens hears only what changed.
    if (version !== undefined && versions.get(key) === version) return;
    guarded(deps, () => {
      const item = deps.project(object);
      if (item === undefined) return drop(key);
      versions.set(key, version);
      items.set(key, item);
      tell({ type: "upsert", key, item });
    });
  };
  return {
    items,
    upsert,
    remove: (object) => drop(deps.keyOf(object)),
    beginResync: () => {
      seen = new Set();
    },
    endResync: () => {
      const told = seen;
      seen = undefined;
      if (told === undefined) return;
      for (const key of items.keys()) if (!told.has(key)) drop(key);
      if (synced) return;
      synced = true;
      deps.onSynced();
    },
    resyncing: () => seen !== undefined,
    synced: () => synced,
    clear: () => {
      synced = false;
      seen = undefined;
      for (const key of items.keys()) drop(key);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function guarded<T>(deps: KubeCacheDeps<T>, act: () => void): void {
  try {
    act();
  } catch (error) {
    deps.onError(error);
  }
}
