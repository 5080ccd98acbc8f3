import { setTimeout as sleepTimer } from "node:timers/promises";

/** Time as a dependency: the core never asks the process itself. */
export interface Clock {
  /** Wall time, for people and records; never for measuring. */
  now(): Date;
  /** Milliseconds that only rise, for measuring. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with an AbortError when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleepTimer(ms, undefined, signal === undefined ? undefined : { signal });
  },
};
