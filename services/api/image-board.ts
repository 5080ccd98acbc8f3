import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";
import { imageFingerprints, repositoryFacts } from "#common/store/image-facts.ts";
import type { Fingerprint } from "#common/store/image-facts.ts";
import type { Store } from "#common/store/store.ts";

import type { ImageEntries, ImageEntry } from "./read-model/newest.ts";

/** What exists in image repositories, with how long ago that was read. */
export interface ImagesRead {
  /** The same object as before while nothing changed, and so is each entry. */
  readonly entries: ImageEntries;
  /** By key: when each was scanned, and what was wrong then. */
  readonly states: ReadonlyMap<string, Fingerprint>;
  readonly ageMs: number;
}

/** The image metadata of an environment, kept in memory and compared with the store's again and again. */
export interface ImageBoard {
  read(keys: readonly string[]): Promise<ImagesRead>;
}

export interface ImageBoardDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Facts younger than this are told as they are. */
const freshMs = 1_000;
/** Older ones are read anew before they are told; in between that goes on behind the answer. */
const oldMs = 5_000;
/** Reading takes at most this share of the time. */
const shareOfTime = 10;
/** Repositories asked for in one statement. */
const atATime = 1_000;

interface State {
  entries: Map<string, ImageEntry>;
  prints: ReadonlyMap<string, Fingerprint>;
  /** Every key that `entries` was asked for, found or not; and the list that they were asked by. */
  keys: ReadonlySet<string>;
  askedBy: readonly string[];
  readAtMs: number;
  tookMs: number;
  reading: Promise<void> | undefined;
}

export function createImageBoard(deps: ImageBoardDeps): ImageBoard {
  const state: State = {
    entries: new Map(),
    prints: new Map(),
    keys: new Set(),
    askedBy: [],
    readAtMs: -Infinity,
    tookMs: 0,
    reading: undefined,
  };
  const now = () => deps.clock.monotonicMs();
  const refresh = (keys: readonly string[]): Promise<void> => {
    state.reading ??= readAnew(deps, state, keys).finally(() => {
      state.reading = undefined;
    });
    return state.reading;
  };
  return {
    async read(keys) {
      // A reading that is under way may be about other keys: then one of ours follows it.
      for (let turn = 0; turn < 2 && !isUsable(state, keys, now()); turn += 1) await refresh(keys);
      if (isDue(state, now())) {
        refresh(keys).catch((error: unknown) => deps.log.warn("image facts could not be read", { error }));
      }
      return {
        entries: state.entries,
        states: state.prints,
        ageMs: Math.max(0, Math.round(now() - state.readAtMs)),
      };
    },
  };
}

function isUsable(state: State, keys: readonly string[], nowMs: number): boolean {
  if (nowMs - state.readAtMs >= oldMs) return false;
  return state.askedBy === keys || keys.every((key) => state.keys.has(key));
}

function isDue({ readAtMs, tookMs }: State, nowMs: number): boolean {
  return nowMs - readAtMs > Math.max(freshMs, tookMs * shareOfTime);
}

async function readAnew(deps: ImageBoardDeps, state: State, keys: readonly string[]): Promise<void> {
  const { store, clock } = deps;
  const beganMs = clock.monotonicMs();
  const prints = new Map<string, Fingerprint>();
  const entries = new Map<string, ImageEntry>();
  for (const some of chunks(keys)) {
    const found = await imageFingerprints(store.db, some);
    const changed = found.filter(({ key, print }) => print !== state.prints.get(key)?.print);
    const facts =
      changed.length === 0
        ? undefined
        : await repositoryFacts(
            store.db,
            changed.map(({ key }) => key),
          );
    for (const print of found) {
      const { key } = print;
      const entry = facts?.get(key) ?? state.entries.get(key);
      // Wanted no more since the fingerprint was read: as if it had never been.
      if (entry === undefined) continue;
      entries.set(key, entry);
      prints.set(key, print);
    }
  }
  if (!isEqual(entries, state.entries)) state.entries = entries;
  const tookMs = clock.monotonicMs() - beganMs;
  Object.assign(state, { prints, keys: new Set(keys), askedBy: keys, readAtMs: beganMs, tookMs });
}

function isEqual(a: ImageEntries, b: ImageEntries): boolean {
  return a.size === b.size && [...a].every(([key, entry]) => b.get(key) === entry);
}

function* chunks(keys: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < keys.length; from += atATime) yield keys.slice(from, from + atATime);
}
