import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { createKubeCache } from "./kube-cache.ts";
import type { InformerChange, KubeCache } from "./kube-cache.ts";
import { listPages } from "./kube-list.ts";
import type { KubeApi, KubeEvent, KubeObject, WatchEnd } from "./kube-types.ts";
import { pauseMs } from "./retry.ts";

export type { InformerChange } from "./kube-cache.ts";

export interface InformerDeps<T> {
  readonly api: KubeApi;
  /** The collection, as from `objectPath` without a name. */
  readonly path: string;
  /** Selectors. */
  readonly query?: Readonly<Record<string, string>>;
  /** Ask for metadata alone, for instance. */
  readonly accept?: string;
  /** Keeps of an object what is needed, as soon as it arrives; undefined for one that is none of ours. */
  project(object: KubeObject): T | undefined;
  /** `namespace/name` by default. */
  keyOf?(object: KubeObject): string;
  /** Told of each failure it gets over: of a connection, a projection, a subscriber. */
  onError?(error: unknown): void;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly delays?: Partial<InformerDelays>;
}

export interface InformerDelays {
  /** The pause before reconnecting; grows to `maxMs` while it keeps failing. */
  readonly reconnectMs: number;
  readonly maxMs: number;
  /** As `maxMs`, for what is forbidden or not served: it takes a person to change that. */
  readonly refusedMaxMs: number;
  /** The longest silence of an open watch. */
  readonly silenceMs: number;
  /** The longest silence while everything is told first: then there is always something to say. */
  readonly initialSilenceMs: number;
  /** How long the server keeps one watch open. */
  readonly watchSeconds: number;
}

export interface InformerState {
  /** Whether everything was seen once. */
  readonly synced: boolean;
  /** Whether a watch is open and complete now; only then are the items as fresh as the last probe. */
  readonly watchOpen: boolean;
  /** On the clock's monotonic scale. */
  readonly lastEventAtMs: number | undefined;
  readonly resyncs: number;
  /** Of the connection, a projection or a subscriber, since the watch was last open. */
  readonly lastError: unknown;
  /** The API server's own answer, while it is no to every try since the watch was last open. */
  readonly refused: InformerRefusal | undefined;
}

export interface InformerRefusal {
  readonly status: number;
  /** On the clock's monotonic scale. */
  readonly sinceMs: number;
}

/** A live, projected copy of one collection. */
export interface Informer<T> {
  start(): void;
  stop(): Promise<void>;
  /** Cuts the watch and opens it anew at once, from the last version. */
  reconnect(): void;
  /** Drops all items, telling so, and begins anew: what cannot be watched is not known any more. */
  forget(): void;
  items(): ReadonlyMap<string, T>;
  /** Changes from now on, in order; returns how to end it. */
  subscribe(listener: (change: InformerChange<T>) => void): () => void;
  /** Resolves after the first whole view; rejects when stopped before. */
  readonly synced: Promise<void>;
  state(): InformerState;
}

const delaysDefault: InformerDelays = {
  reconnectMs: 500,
  maxMs: 3_000,
  refusedMaxMs: 15_000,
  silenceMs: 90_000,
  initialSilenceMs: 10_000,
  watchSeconds: 300,
};

/**
 * Silent connections in a row after which the version itself is doubted: one of the future (a
 * cluster restored from a backup) hangs for ever. Silence alone is no fault: a collection without
 * events since the API server started waits minutes for its first bookmark.
 */
const silentAtMost = 2;

interface Loop<T> {
  readonly deps: InformerDeps<T>;
  readonly delays: InformerDelays;
  readonly cache: KubeCache<T>;
  readonly clock: Clock;
  /** Where to go on; undefined asks for everything. */
  version: string | undefined;
  /** Older API servers refuse the initial events of a watch. */
  watchList: boolean;
  watchOpen: boolean;
  lastEventAtMs: number | undefined;
  lastError: unknown;
  refused: InformerRefusal | undefined;
  failures: number;
  silent: number;
  resyncs: number;
  connection: AbortController;
}

/** Watches one collection for good: complete view first, then each change; survives cuts, 410 and 401. */
export function createInformer<T>(deps: InformerDeps<T>): Informer<T> {
  const first = Promise.withResolvers<void>();
  // Nobody has to wait for it; whoever does still hears of the rejection.
  first.promise.catch(() => undefined);
  const stopping = new AbortController();
  const loop = newLoop(deps, () => first.resolve());
  let running: Promise<void> | undefined;
  return {
    start: () => {
      running ??= run(loop, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      loop.connection.abort();
      await running;
      first.reject(new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `stopped watching ${deps.path}` }));
    },
    reconnect: () => loop.connection.abort(),
    forget: () => {
      loop.version = undefined;
      loop.watchOpen = false;
      loop.cache.clear();
      loop.connection.abort();
    },
    items: () => loop.cache.items,
    subscribe: (listener) => loop.cache.subscribe(listener),
    synced: first.promise,
    state: () => ({
      synced: loop.cache.synced(),
      watchOpen: loop.watchOpen,
      lastEventAtMs: loop.lastEventAtMs,
      resyncs: loop.resyncs,
      lastError: loop.lastError,
      refused: loop.refused,
    }),
  };
}

function newLoop<T>(deps: InformerDeps<T>, onSynced: () => void): Loop<T> {
  const onError = (error: unknown): void => {
    loop.lastError = error;
    deps.onError?.(error);
  };
  const loop: Loop<T> = {
    deps,
    delays: { ...delaysDefault, ...deps.delays },
    cache: createKubeCache({ ...cacheDeps(deps), onError, onSynced }),
    clock: deps.clock ?? systemClock,
    version: undefined,
    watchList: true,
    watchOpen: false,
    lastEventAtMs: undefined,
    lastError: undefined,
    refused: undefined,
    failures: 0,
    silent: 0,
    resyncs: 0,
    connection: new AbortController(),
  };
  return loop;
}

function cacheDeps<T>(deps: InformerDeps<T>) {
  return {
    project: (object: KubeObject) => deps.project(object),
    keyOf: (object: KubeObject) => deps.keyOf?.(object) ?? defaultKey(object),
  };
}

function defaultKey({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? `${metadata.name}` : `${metadata.namespace}/${metadata.name}`;
}

async function run<T>(loop: Loop<T>, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    loop.connection = new AbortController();
    const signal = AbortSignal.any([stopping, loop.connection.signal]);
    const asked = (): boolean => loop.connection.signal.aborted;
    const end = await connect(loop, signal).catch(toEnd);
    loop.watchOpen = false;
    if (stopping.aborted) return;
    if (asked()) continue;
    await afterEnd(loop, end).catch((error: unknown) => note(loop, error));
    // The pause ends early when somebody stops or reconnects us, which the loop then sees.
    await loop.clock.sleep(nextPauseMs(loop), signal).catch(() => undefined);
  }
}

function toEnd(error: unknown): WatchEnd {
  const status = error instanceof SlipwayError ? error.facts?.["status"] : undefined;
  return {
    kind: "error",
    error: error instanceof Error ? error : new Error(String(error)),
    ...(typeof status === "number" && { status }),
  };
}

function note<T>(loop: Loop<T>, error: unknown): void {
  loop.lastError = error;
  loop.failures += 1;
  loop.deps.onError?.(error);
}

function nextPauseMs<T>(loop: Loop<T>): number {
  const { reconnectMs: baseMs, maxMs: ordinaryMs, refusedMaxMs } = loop.delays;
  const status = loop.refused?.status;
  const maxMs = status === 403 || status === 404 ? refusedMaxMs : ordinaryMs;
  return pauseMs(Math.max(1, loop.failures), { baseMs, maxMs, random: loop.deps.random ?? Math.random });
}

async function afterEnd<T>(loop: Loop<T>, end: WatchEnd): Promise<void> {
  switch (end.kind) {
    case "closed":
      return;
    case "gone":
      loop.version = undefined;
      return;
    case "unauthorized":
      note(loop, new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `401 for ${loop.deps.path}` }));
      return loop.deps.api.reloadCredentials();
    case "error":
      if (loop.version === undefined && loop.watchList && isRefused(end.status)) loop.watchList = false;
      else noteRefusal(loop, end.status);
      if (end.silent !== true || loop.cache.resyncing()) note(loop, end.error);
      if (loop.silent >= silentAtMost) loop.version = undefined;
  }
}

function noteRefusal<T>(loop: Loop<T>, status: number | undefined): void {
  const sinceMs = loop.refused?.sinceMs ?? loop.clock.monotonicMs();
  loop.refused = status === undefined || status < 400 ? undefined : { status, sinceMs };
}

function noteOpen<T>(loop: Loop<T>): void {
  loop.watchOpen = true;
  loop.failures = 0;
  loop.lastError = undefined;
  loop.refused = undefined;
}

/** 400 and 422 are how servers without watch-list answer `sendInitialEvents`. */
function isRefused(status: number | undefined): boolean {
  return status === 400 || status === 422;
}

/** One connection: everything first when there is no version to go on from. */
async function connect<T>(loop: Loop<T>, signal: AbortSignal): Promise<WatchEnd> {
  const everything = loop.version === undefined;
  if (everything) {
    loop.resyncs += 1;
    loop.silent = 0;
    loop.cache.beginResync();
    if (!loop.watchList) {
      loop.version = await listPages(loop.deps, { signal, onObject: (object) => loop.cache.upsert(object) });
      loop.cache.endResync();
    }
  }
  return openWatch(loop, signal, everything && loop.watchList);
}

async function openWatch<T>(loop: Loop<T>, signal: AbortSignal, initial: boolean): Promise<WatchEnd> {
  const start: Record<string, string> = initial
    ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
    : { resourceVersion: loop.version ?? "" };
  let heard = false;
  const end = await loop.deps.api.watch({
    path: loop.deps.path,
    query: {
      ...loop.deps.query,
      ...start,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(loop.delays.watchSeconds),
    },
    ...(loop.deps.accept === undefined ? {} : { accept: loop.deps.accept }),
    signal,
    silenceMs: () => (loop.cache.resyncing() ? loop.delays.initialSilenceMs : loop.delays.silenceMs),
    onOpen: () => {
      if (!initial) noteOpen(loop);
    },
    onEvent: (event) => {
      heard = true;
      onEvent(loop, event);
    },
  });
  if (heard || end.kind !== "error") loop.silent = 0;
  else if (end.silent === true) loop.silent += 1;
  return end;
}

function onEvent<T>(loop: Loop<T>, event: KubeEvent): void {
  // The rest of a chunk that came before we hung up: the next connection tells it again.
  if (loop.connection.signal.aborted) return;
  loop.lastEventAtMs = loop.clock.monotonicMs();
  if (event.type === "DELETED") loop.cache.remove(event.object);
  else if (event.type !== "BOOKMARK") loop.cache.upsert(event.object);
  else if (event.object.metadata.annotations?.["k8s.io/initial-events-end"] === "true") {
    loop.cache.endResync();
    noteOpen(loop);
  }
  // Until the view is whole, its version is nothing to go on from.
  if (!loop.cache.resyncing()) loop.version = event.object.metadata.resourceVersion ?? loop.version;
}
