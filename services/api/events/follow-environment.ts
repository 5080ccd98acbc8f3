import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isPlaceKept, placeNow } from "#common/store/events.ts";
import type { EventRow } from "#common/store/events.ts";

import type { ApiDeps } from "../deps.ts";
import type { EnvironmentFeed, LiveChange } from "./environment-feed.ts";
import { seenNews } from "./seen-news.ts";
import { frame, longestStreamMs, startPulse, writeFrames } from "./sse-writer.ts";
import type { Listener } from "./sse-writer.ts";

const lookEveryMs = 5_000;

export interface FollowedEnvironment extends Listener {
  readonly environment: string;
  readonly feed: EnvironmentFeed;
  /** Nothing is told of what lies beyond. */
  readonly sees: Reach;
  /** Where the client goes on from. */
  readonly from: Begin;
}

export interface Begin {
  readonly place: string;
  /** Whether the client has missed nothing that is not sent now. */
  readonly complete: boolean;
}

/** Where a stream begins: where the client was, or now. CURSOR_INVALID for what is no place at all. */
export async function beginAt(
  { store }: Pick<ApiDeps, "store">,
  environment: string,
  lastEventId: string | undefined,
): Promise<Begin> {
  if (lastEventId === undefined) return { place: await placeNow(store.db), complete: false };
  const kept = await isPlaceKept(store.db, environment, lastEventId);
  return kept ? { place: lastEventId, complete: true } : { place: await placeNow(store.db), complete: false };
}

/**
 * Writes an environment's events until nobody listens. What is stored carries an id and is never skipped
 * after it; what was only seen (workloads, images, git) says which lists to read again.
 */
export async function followEnvironment(
  deps: Pick<ApiDeps, "clock" | "log" | "store">,
  f: FollowedEnvironment,
): Promise<void> {
  const untilMs = deps.clock.monotonicMs() + longestStreamMs;
  const at = { place: f.from.place, seen: f.feed.lastSeen };
  const stopPulse = startPulse(f);
  try {
    const ready = { environment: f.environment, complete: f.from.complete };
    await writeFrames(f, frame({ id: at.place, name: "ready", data: ready }));
    while (!f.signal.aborted && deps.clock.monotonicMs() < untilMs) {
      // Asked for before the news are read: what comes in between wakes at once.
      const next = f.feed.next(lookEveryMs, f.signal);
      while (await tellNews(deps, f, at));
      await next;
    }
  } finally {
    stopPulse();
  }
}

/** True when there may be more at once. */
async function tellNews(
  deps: Pick<ApiDeps, "log" | "store">,
  f: FollowedEnvironment,
  at: { place: string; seen: number },
): Promise<boolean> {
  if (f.signal.aborted) return false;
  try {
    const page = await f.feed.after(at.place);
    const seen = f.feed.seenAfter(at.seen);
    const live: readonly LiveChange[] = seen ?? [
      { number: f.feed.lastSeen, name: "workloads", data: { changed: [], more: true } },
    ];
    const told = await seenNews(deps, f, { events: page.events, changes: live });
    const frames = [...told.events.map(eventFrame), ...told.changes.map((change) => frame(change))];
    await writeFrames(f, frames.join(""));
    at.place = page.next;
    at.seen = live.at(-1)?.number ?? at.seen;
    return page.events.length > 0;
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== "unavailable") throw error;
    deps.log.debug("a followed environment could not be read; it is tried again", { error });
    return false;
  }
}

function eventFrame({ place, kind, jobId, at, data }: EventRow): string {
  const time = { at: at.toISOString() };
  if (jobId === null) return frame({ id: place, name: kind, data: { ...time, ...data } });
  return frame({ id: place, name: "job", data: { id: jobId, ...time, ...data } });
}
