import { expired, statusBody } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { shaped, type Shape } from "./negotiate.ts";
import type { KubeObject } from "./object.ts";
import type { Match } from "./selectors.ts";
import type { Change, Store } from "./store.ts";

/** A watch request. */
export interface WatchRequest {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly match: Match;
  readonly shape: Shape;
  /** Go on after this version; undefined means: first everything that exists. */
  readonly from: number | undefined;
  /** Whether the client takes bookmarks. */
  readonly bookmarks: boolean;
  /** Whether the end of the initial events is marked by a bookmark (a watch-list). */
  readonly markInitialEnd: boolean;
  readonly timeoutMs: number;
}

/** Where the events go: one line of JSON each. */
export interface WatchSink {
  write(line: string): void;
  end(): void;
  onClose(listener: () => void): void;
}

/** Carries changes to all open watches. */
export interface WatchHub {
  open(request: WatchRequest, sink: WatchSink): void;
  /** Ends every watch as its timeout would. */
  endAll(): void;
  size(): number;
}

/** A hub over a store; quiet watches get a bookmark every `bookmarkEveryMs`. */
export function createWatchHub(deps: { readonly store: Store; readonly bookmarkEveryMs: number }): WatchHub {
  const open = new Set<() => void>();
  return {
    open(request, sink) {
      const close = startWatch(deps, request, sink);
      open.add(close);
      sink.onClose(() => {
        open.delete(close);
        close();
      });
    },
    endAll() {
      for (const close of open) close();
      open.clear();
    },
    size: () => open.size,
  };
}

function startWatch(
  { store, bookmarkEveryMs }: { store: Store; bookmarkEveryMs: number },
  request: WatchRequest,
  sink: WatchSink,
): () => void {
  const send = (event: JsonObject): void => sink.write(`${JSON.stringify(event)}\n`);
  if (!sendBacklog(store, request, send)) {
    sink.end();
    return () => undefined;
  }
  const mark = (): void => {
    if (request.bookmarks) send(bookmark(request, store.version(), false));
  };
  const unsubscribe = store.subscribe((change) => {
    const event = eventFor(request, change);
    if (event !== undefined) send(event);
  });
  const ticks = setInterval(mark, bookmarkEveryMs);
  const close = (): void => {
    clearInterval(ticks);
    clearTimeout(timeout);
    unsubscribe();
    sink.end();
  };
  const timeout = setTimeout(() => {
    mark();
    close();
  }, request.timeoutMs);
  return close;
}

/** What the client has missed, or all that exists; false when the version asked for is forgotten. */
function sendBacklog(store: Store, request: WatchRequest, send: (event: JsonObject) => void): boolean {
  if (request.from === undefined) {
    for (const object of store.list(request.kind, request.namespace).filter(request.match)) {
      send({ type: "ADDED", object: shaped(object, request.shape) });
    }
    if (request.markInitialEnd) send(bookmark(request, store.version(), true));
    return true;
  }
  const missed = store.since(request.from);
  if (missed === undefined) {
    const error = expired(`too old resource version: ${request.from} (${store.oldest()})`);
    send({ type: "ERROR", object: statusBody(error) });
    return false;
  }
  for (const change of missed) {
    const event = eventFor(request, change);
    if (event !== undefined) send(event);
  }
  return true;
}

/** A change as this watch sees it: an object that stops matching is deleted for it, one that starts is added. */
function eventFor(request: WatchRequest, change: Change): JsonObject | undefined {
  if (change.kind !== request.kind || (request.from !== undefined && change.version <= request.from))
    return undefined;
  if (request.namespace !== undefined && change.object.metadata.namespace !== request.namespace)
    return undefined;
  const was = change.previous !== undefined && request.match(change.previous);
  const is = change.type !== "DELETED" && request.match(change.object);
  if (!was && !is) return undefined;
  const type = was && is ? "MODIFIED" : is ? "ADDED" : "DELETED";
  return { type, object: shaped(change.object, request.shape) };
}

function bookmark({ kind, shape }: WatchRequest, version: number, endsInitial: boolean): JsonObject {
  const annotations = endsInitial ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  const metadata = { resourceVersion: String(version), ...annotations };
  const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata } as unknown as KubeObject;
  return { type: "BOOKMARK", object: shaped(object, shape) };
}
