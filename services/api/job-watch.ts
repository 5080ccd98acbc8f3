import type { Store } from "#common/store/store.ts";

/** Wakes whoever follows a job, by hints; a hint may be lost, so that everybody also looks from time to time. */
export interface JobWatch {
  follow(jobId: string): Follower;
  stop(): void;
}

export interface Follower {
  /** Resolves at a hint since the last call, after `timeoutMs`, or when the signal fires; never rejects. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Bellpush {
  rung: boolean;
  wake: (() => void) | undefined;
}

/** One listener on the store for all followers of this process. */
export function createJobWatch(store: Pick<Store, "onHint">): JobWatch {
  const followers = new Map<string, Set<Bellpush>>();
  const stop = store.onHint((jobIds) => {
    // An empty list: the connection was away, and anything may have happened.
    const moved = jobIds.length === 0 ? [...followers.keys()] : jobIds;
    for (const id of moved) followers.get(id)?.forEach(ring);
  });
  return {
    stop,
    follow: (jobId) => {
      const push: Bellpush = { rung: false, wake: undefined };
      const group = followers.get(jobId) ?? new Set();
      followers.set(jobId, group.add(push));
      return {
        next: (timeoutMs, signal) => nextRing(push, timeoutMs, signal),
        close: () => {
          group.delete(push);
          if (group.size === 0 && followers.get(jobId) === group) followers.delete(jobId);
        },
      };
    },
  };
}

function ring(push: Bellpush): void {
  push.rung = true;
  push.wake?.();
}

async function nextRing(push: Bellpush, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (!push.rung && !signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    const gone = (): void => resolve();
    push.wake = resolve;
    signal.addEventListener("abort", gone, { once: true });
    await promise;
    signal.removeEventListener("abort", gone);
    clearTimeout(timer);
    push.wake = undefined;
  }
  push.rung = false;
}
