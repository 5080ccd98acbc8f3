import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";

export interface RetryOptions {
  /** How often `fn` is called at most, the first time included. */
  readonly attempts: number;
  /** The first pause; doubled each time. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Share of the pause that is random, 0 to 1 (default 0.5), so that many callers spread out. */
  readonly jitter?: number;
  readonly signal?: AbortSignal;
  /** Whether this error is worth another try; by default each is. */
  readonly when?: (error: unknown) => boolean;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Calls `fn` until it succeeds, gives up with its last error. */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const clock = options.clock ?? systemClock;
  for (let attempt = 1; ; attempt += 1) {
    try {
      options.signal?.throwIfAborted();
      return await fn(attempt);
    } catch (error) {
      const over = attempt >= options.attempts || options.signal?.aborted === true;
      if (over || options.when?.(error) === false) throw error;
    }
    await clock.sleep(pauseMs(attempt, options), options.signal);
  }
}

/** The pause after a failed attempt: doubled each time, capped, partly random. */
export function pauseMs(
  attempt: number,
  options: Pick<RetryOptions, "baseMs" | "maxMs" | "jitter" | "random">,
): number {
  const { baseMs, maxMs, jitter = 0.5, random = Math.random } = options;
  const fullMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return fullMs * (1 - jitter) + fullMs * jitter * random();
}

/**
 * The work's own result, or UNAVAILABLE after `ms`. A function is given a signal that fires then;
 * a bare promise goes on unheard.
 */
export async function withDeadline<T>(
  work: Promise<T> | ((signal: AbortSignal) => Promise<T>),
  ms: number,
  what = "the work",
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const error = new SlipwayError("UNAVAILABLE", { detail: `${what} took more than ${ms} ms` });
    reject(error);
    controller.abort(error);
  }, ms);
  try {
    return await Promise.race([typeof work === "function" ? work(controller.signal) : work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface PollOptions {
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** What is waited for, for the error. */
  readonly what?: string;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** Asks again and again until the answer is neither undefined nor false; UNAVAILABLE when time is up. */
export async function pollUntil<T>(
  fn: () => Promise<T | undefined | false> | T | undefined | false,
  options: PollOptions,
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const untilMs = clock.monotonicMs() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await fn();
    if (answer !== undefined && answer !== false) return answer;
    if (clock.monotonicMs() >= untilMs) break;
    await clock.sleep(options.everyMs, options.signal);
  }
  const detail = `${options.what ?? "the condition"} did not come true within ${options.timeoutMs} ms`;
  throw new SlipwayError("UNAVAILABLE", { detail });
}
