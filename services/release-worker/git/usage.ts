/** What runs in a cache, and when it was used last. */
export interface Usage {
  /** An act that waits for nobody but must end before the cache is closed. */
  tracked<T>(run: Promise<T>): Promise<T>;
  /** The same for an act that counts as use. */
  used<T>(run: Promise<T>): Promise<T>;
  /** Since when nothing was used, in milliseconds; undefined while anything runs. */
  idleMs(): number | undefined;
  /** Ends when everything that runs now has ended, well or not. */
  settled(): Promise<void>;
}

export function createUsage(): Usage {
  const running = new Set<Promise<unknown>>();
  let usedAt = performance.now();
  const tracked = async <T>(run: Promise<T>): Promise<T> => {
    running.add(run);
    try {
      return await run;
    } finally {
      running.delete(run);
    }
  };
  return {
    tracked,
    async used(run) {
      try {
        return await tracked(run);
      } finally {
        usedAt = performance.now();
      }
    },
    idleMs: () => (running.size === 0 ? performance.now() - usedAt : undefined),
    async settled() {
      await Promise.allSettled(running);
    },
  };
}
