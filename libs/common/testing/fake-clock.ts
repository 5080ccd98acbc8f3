import type { Clock } from "#common/kit/clock.ts";

/** A clock that stands still until the test moves it. */
export interface FakeClock extends Clock {
  /** Moves time on, waking every sleeper that is due, in order. */
  advance(ms: number): Promise<void>;
  /** How many sleepers wait. */
  sleeping(): number;
  /** Resolves as soon as somebody sleeps; at once when somebody does already. */
  untilSomeoneSleeps(): Promise<void>;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Makes a fake clock that begins at `start`. */
export function createFakeClock(start = new Date("2016-11-18T16:00:00Z")): FakeClock {
  let elapsedMs = 0;
  let sleepers: Sleeper[] = [];
  let waiting: (() => void)[] = [];

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortError(signal));
      const sleeper = { dueMs: elapsedMs + ms, wake: resolve };
      sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        sleepers = sleepers.filter((other) => other !== sleeper);
        reject(abortError(signal));
      });
      for (const tell of waiting.splice(0)) tell();
    });

  const advance = async (ms: number): Promise<void> => {
    const untilMs = elapsedMs + ms;
    for (;;) {
      const next = sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > untilMs) break;
      elapsedMs = next.dueMs;
      sleepers = sleepers.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    elapsedMs = untilMs;
    await settle();
  };

  return {
    now: () => new Date(start.getTime() + elapsedMs),
    monotonicMs: () => elapsedMs,
    sleep,
    advance,
    sleeping: () => sleepers.length,
    untilSomeoneSleeps: () =>
      sleepers.length > 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
  };
}

/** Lets everything that a woken sleeper set off run until it waits again. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function abortError(signal: AbortSignal): Error {
  return new DOMException("The operation was aborted", { name: "AbortError", cause: signal.reason });
}
