import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { KubeApi } from "./kube-types.ts";

export interface ReadyzProbeDeps {
  readonly api: Pick<KubeApi, "request">;
  readonly everyMs?: number;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Whether the API server is there, asked on a connection of its own. */
export interface ReadyzProbe {
  start(): void;
  stop(): Promise<void>;
  /** Since the last good answer was asked for; Infinity before the first. */
  ageMs(): number;
  /** Called at each good answer after a failed one: open watches may hang on a server that drained. */
  onRecovered(listener: () => void): () => void;
  lastError(): unknown;
}

/** Asks `/readyz` again and again. */
export function createReadyzProbe(deps: ReadyzProbeDeps): ReadyzProbe {
  const clock = deps.clock ?? systemClock;
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  let running: Promise<void> | undefined;
  let goodAtMs: number | undefined;
  let lastError: unknown;

  const probe = async (): Promise<void> => {
    const askedAtMs = clock.monotonicMs();
    try {
      await askReadyz(deps, stopping.signal);
    } catch (error) {
      lastError = error;
      return;
    }
    const recovered = lastError !== undefined;
    lastError = undefined;
    goodAtMs = askedAtMs;
    if (recovered) for (const listener of listeners) listener();
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await probe();
      // The sleep ends early only when we stop.
      await clock.sleep(deps.everyMs ?? 2_000, stopping.signal).catch(() => undefined);
    }
  };
  return {
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    ageMs: () => (goodAtMs === undefined ? Infinity : clock.monotonicMs() - goodAtMs),
    onRecovered: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    lastError: () => lastError,
  };
}

async function askReadyz(deps: ReadyzProbeDeps, signal: AbortSignal): Promise<void> {
  const timeoutMs = deps.timeoutMs ?? 2_000;
  const answer = await deps.api.request({
    method: "GET",
    path: "/readyz",
    connection: "probe",
    timeoutMs,
    signal,
  });
  if (answer.status === 200) return;
  throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `/readyz answered ${answer.status}` });
}
