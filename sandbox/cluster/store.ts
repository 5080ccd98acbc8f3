import type { ResourceKind } from "./kinds.ts";
import { controllerUid, type KubeObject } from "./object.ts";

/** One change of one object. */
export interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  /** The object before the change, when there was one. */
  readonly previous: KubeObject | undefined;
}

/** An object found through its controller. */
export interface Owned {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
}

/** All objects in memory, with one version counter and a bounded history of changes. */
export interface Store {
  /** The version of the last change. */
  version(): number;
  get(kind: ResourceKind, namespace: string, name: string): KubeObject | undefined;
  /** Objects ordered by namespace and name; of all namespaces when none is given. */
  list(kind: ResourceKind, namespace?: string): readonly KubeObject[];
  /** The objects whose controller has this uid. */
  ownedBy(uid: string): readonly Owned[];
  /** Writes the object under the next version and tells the listeners. */
  put(kind: ResourceKind, object: KubeObject): KubeObject;
  /** Removes the object; its last state goes out under the next version. */
  remove(kind: ResourceKind, object: KubeObject): KubeObject;
  /** The changes after a version, or undefined when the history does not reach back that far. */
  since(version: number): readonly Change[] | undefined;
  /** The oldest version a watch can go on from. */
  oldest(): number;
  /** Forgets the history, as the compaction of a real store does. */
  forget(): void;
  subscribe(listener: (change: Change) => void): () => void;
}

/** A store that remembers the last `historyLimit` changes. */
export function createStore({ historyLimit }: { readonly historyLimit: number }): Store {
  const tables = new Map<ResourceKind, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  const owned = new Map<string, Map<string, Owned>>();
  let history: Change[] = [];
  let version = 100;
  let oldest = version;

  const table = (kind: ResourceKind): Map<string, KubeObject> => {
    const found = tables.get(kind) ?? new Map<string, KubeObject>();
    tables.set(kind, found);
    return found;
  };
  const record = (change: Change): void => {
    history.push(change);
    if (history.length > historyLimit) oldest = history.shift()?.version ?? oldest;
    reindex(owned, change);
    for (const listener of listeners) listener(change);
  };

  return {
    version: () => version,
    oldest: () => oldest,
    get: (kind, namespace, name) => table(kind).get(storageKey(namespace, name)),
    list(kind, namespace) {
      const all = [...table(kind)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
      return namespace === undefined ? all : all.filter((one) => one.metadata.namespace === namespace);
    },
    ownedBy: (uid) => [...(owned.get(uid)?.values() ?? [])],
    put(kind, object) {
      const key = storageKey(object.metadata.namespace ?? "", object.metadata.name);
      const previous = table(kind).get(key);
      version += 1;
      const stored = withVersion(object, version);
      table(kind).set(key, stored);
      record({
        version,
        type: previous === undefined ? "ADDED" : "MODIFIED",
        kind,
        object: stored,
        previous,
      });
      return stored;
    },
    remove(kind, object) {
      const key = storageKey(object.metadata.namespace ?? "", object.metadata.name);
      const previous = table(kind).get(key);
      version += 1;
      table(kind).delete(key);
      const last = withVersion(object, version);
      record({ version, type: "DELETED", kind, object: last, previous });
      return last;
    },
    since: (from) => (from < oldest ? undefined : history.filter((change) => change.version > from)),
    forget() {
      history = [];
      version += 1; // So that the version of the last change is too old as well.
      oldest = version;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Keeps the index from a controller's uid to what it owns. */
function reindex(owned: Map<string, Map<string, Owned>>, { type, kind, object, previous }: Change): void {
  const before = previous === undefined ? undefined : controllerUid(previous);
  const after = type === "DELETED" ? undefined : controllerUid(object);
  if (before !== undefined && before !== after) {
    const siblings = owned.get(before);
    siblings?.delete(object.metadata.uid);
    if (siblings?.size === 0) owned.delete(before);
  }
  if (after === undefined) return;
  const siblings = owned.get(after) ?? new Map<string, Owned>();
  owned.set(after, siblings.set(object.metadata.uid, { kind, object }));
}

function storageKey(namespace: string, name: string): string {
  return `${namespace}\0${name}`;
}

function withVersion(object: KubeObject, version: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
