import type { Workload } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { toSlipwayError } from "#common/domain/errors.ts";
import { placeNow, readEvents } from "#common/store/events.ts";
import type { EventPage, EventRow } from "#common/store/events.ts";

import type { ApiDeps } from "../deps.ts";
import type { WorkloadLists, WorkloadsRead } from "../workload-lists.ts";

/** Something seen of cluster, git or registries; not kept, since the lists tell how things are. */
export type LiveChange = { readonly number: number } & Seen;

type Seen =
  | {
      readonly name: "workloads";
      readonly data: { readonly changed: readonly string[]; readonly more: boolean };
    }
  | { readonly name: "images"; readonly data: Readonly<Record<string, never>> }
  | { readonly name: "git"; readonly data: { readonly commit: string | null } };

/** What happens in an environment, read once for everybody in this process who follows it. */
export interface EnvironmentFeed {
  /** Stored events after a place: from memory where they are there, else from the store. */
  after(place: string): Promise<EventPage>;
  /** What was seen after a number; undefined where that is forgotten. */
  seenAfter(number: number): readonly LiveChange[] | undefined;
  readonly lastSeen: number;
  /** Resolves when there may be news, after `timeoutMs`, or when the signal fires; never rejects. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

type FeedDeps = Pick<ApiDeps, "store" | "clock" | "log"> & { readonly lists: WorkloadLists };

const lookEveryMs = 1_000;
const keptEvents = 1_000;
const keptChanges = 200;
const mostIds = 200;
const pageSize = 500;

/** The feeds of a process: each runs while somebody follows it. */
export function createEnvironmentFeeds(deps: FeedDeps) {
  const feeds = new Map<string, { feed: RunningFeed; followers: number }>();
  return {
    follow(environment: EnvironmentSettings): { feed: EnvironmentFeed; close: () => void } {
      const known = feeds.get(environment.name) ?? { feed: startFeed(deps, environment), followers: 0 };
      known.followers += 1;
      feeds.set(environment.name, known);
      return {
        feed: known.feed,
        close: () => {
          known.followers -= 1;
          if (known.followers > 0) return;
          known.feed.stop();
          feeds.delete(environment.name);
        },
      };
    },
  };
}

interface RunningFeed extends EnvironmentFeed {
  stop(): void;
}

interface FeedState {
  /** In order; everything after `floor` up to `head` is in it. */
  events: readonly EventRow[];
  floor: string | undefined;
  head: string | undefined;
  changes: readonly LiveChange[];
  lastSeen: number;
  read: WorkloadsRead | undefined;
}

function startFeed(deps: FeedDeps, environment: EnvironmentSettings): RunningFeed {
  const state: FeedState = {
    events: [],
    floor: undefined,
    head: undefined,
    changes: [],
    lastSeen: 0,
    read: undefined,
  };
  const stopping = new AbortController();
  let news = Promise.withResolvers<void>();
  let hint = new AbortController();
  const unlisten = deps.store.onHint(() => hint.abort());
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      hint = new AbortController();
      if (await look(deps, environment, state)) {
        news.resolve();
        news = Promise.withResolvers();
      }
      const woken = AbortSignal.any([stopping.signal, hint.signal]);
      await deps.clock.sleep(lookEveryMs, woken).catch(() => undefined); // woken: the loop's head goes on
    }
  };
  void run();
  return {
    get lastSeen() {
      return state.lastSeen;
    },
    after: async (place) =>
      fromMemory(state, place) ??
      readEvents(deps.store.db, { environment: environment.name, after: place, limit: pageSize }),
    seenAfter: (number) => {
      const first = state.changes[0]?.number ?? state.lastSeen + 1;
      return number < first - 1 ? undefined : state.changes.filter((change) => change.number > number);
    },
    next: (timeoutMs, signal) => firstOf(news.promise, timeoutMs, signal),
    stop: () => {
      stopping.abort();
      unlisten();
    },
  };
}

/** Whether anything is new; what cannot be read now is read at the next look. */
async function look(deps: FeedDeps, environment: EnvironmentSettings, state: FeedState): Promise<boolean> {
  try {
    const before = { head: state.head, seen: state.lastSeen };
    await lookAtEvents(deps, environment.name, state);
    lookAtLists(state, await deps.lists.read(environment));
    return state.head !== before.head || state.lastSeen !== before.seen;
  } catch (error) {
    deps.log.debug("an environment's news could not be read; they are tried again", {
      environment: environment.name,
      error: toSlipwayError(error),
    });
    return false;
  }
}

async function lookAtEvents({ store }: FeedDeps, environment: string, state: FeedState): Promise<void> {
  state.head ??= await placeNow(store.db);
  state.floor ??= state.head;
  const page = await readEvents(store.db, { environment, after: state.head, limit: pageSize });
  if (page.events.length === 0) return;
  const all = [...state.events, ...page.events];
  const dropped = all.slice(0, Math.max(0, all.length - keptEvents)).at(-1);
  state.events = all.slice(-keptEvents);
  state.floor = dropped?.place ?? state.floor;
  state.head = page.next;
}

function fromMemory({ events, floor, head }: FeedState, place: string): EventPage | undefined {
  if (floor === undefined || head === undefined || isBefore(place, floor)) return undefined;
  const news = events.filter((event) => isBefore(place, event.place));
  return { events: news, next: news.at(-1)?.place ?? place };
}

function isBefore(a: string, b: string): boolean {
  const [[aXid, aId], [bXid, bId]] = [numbersOf(a), numbersOf(b)];
  return aXid === bXid ? aId < bId : aXid < bXid;
}

function numbersOf(place: string): readonly [bigint, bigint] {
  const [xid = "0", id = "0"] = place.split("-", 2);
  return [BigInt(xid), BigInt(id)];
}

/** A workload about which nothing changed is the same object as before, and so is a list. */
function lookAtLists(state: FeedState, read: WorkloadsRead): void {
  const before = state.read;
  state.read = read;
  if (before === undefined) return;
  if (before.workloads !== read.workloads) {
    const ids = changedIds(before.workloads, read.workloads);
    const data = { changed: ids.slice(0, mostIds), more: ids.length > mostIds };
    if (ids.length > 0) addChange(state, { name: "workloads", data });
  }
  if (before.images.entries !== read.images.entries) addChange(state, { name: "images", data: {} });
  if (before.age.gitCommit !== read.age.gitCommit) {
    addChange(state, { name: "git", data: { commit: read.age.gitCommit } });
  }
}

function changedIds(before: readonly Workload[], now: readonly Workload[]): string[] {
  const known = new Map(before.map((one) => [one.id, one]));
  const changed = now.filter((one) => known.get(one.id) !== one).map((one) => one.id);
  const here = new Set(now.map((one) => one.id));
  return [...changed, ...before.flatMap((one) => (here.has(one.id) ? [] : [one.id]))];
}

function addChange(state: FeedState, change: Seen): void {
  state.lastSeen += 1;
  state.changes = [...state.changes, { ...change, number: state.lastSeen }].slice(-keptChanges);
}

async function firstOf(news: Promise<void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const gone = (): void => resolve();
  signal.addEventListener("abort", gone, { once: true });
  await Promise.race([news, promise]);
  signal.removeEventListener("abort", gone);
  clearTimeout(timer);
}
