import type { Clock } from "#common/kit/clock.ts";

/** Answers that are costly to get, kept for a while; who asks meanwhile shares one question. */
export interface Kept<T> {
  get(key: string, o: { readonly fresh: boolean; readonly signal: AbortSignal }): Promise<T>;
}

export interface KeptOptions<T> {
  readonly ask: (key: string, fresh: boolean) => Promise<T>;
  readonly clock: Clock;
  readonly keptMs: number;
  readonly failedMs: number;
  /** A credential that stays refused is read anew no more often than this. */
  readonly anewEveryMs: number;
}

interface Entry<T> {
  readonly answer: Promise<T>;
  readonly untilMs: number;
  /** No refusal makes it be asked for anew before. */
  readonly notAnewBeforeMs: number;
}

const limit = 10_000;

/** Failures are kept too, for less long: one that hangs must not hang each of a thousand callers. */
export function createKept<T>(o: KeptOptions<T>): Kept<T> {
  const entries = new Map<string, Entry<T>>();

  function askNow(key: string, fresh: boolean): Promise<T> {
    const nowMs = o.clock.monotonicMs();
    const answer = o.ask(key, fresh);
    const notAnewBeforeMs = fresh ? nowMs + o.anewEveryMs : (entries.get(key)?.notAnewBeforeMs ?? nowMs);
    if (entries.size >= limit) entries.clear();
    const entry = { answer, notAnewBeforeMs, untilMs: nowMs + o.keptMs };
    entries.set(key, entry);
    answer.catch(() => {
      const untilMs = o.clock.monotonicMs() + o.failedMs;
      if (entries.get(key) === entry) entries.set(key, { ...entry, untilMs, notAnewBeforeMs: untilMs });
    });
    return answer;
  }

  return {
    async get(key, { fresh, signal }) {
      const nowMs = o.clock.monotonicMs();
      const known = entries.get(key);
      const isGood = known !== undefined && nowMs < known.untilMs;
      const anew = fresh && (known === undefined || nowMs >= known.notAnewBeforeMs);
      return abortable(isGood && !anew ? known.answer : askNow(key, fresh), signal);
    },
  };
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([aborted.promise, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
