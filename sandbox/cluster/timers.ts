/** Pending acts that end with their owner. */
export interface Timers {
  /** Runs the act once after a while. */
  after(ms: number, act: () => void): void;
  /** Drops everything that is pending. */
  clear(): void;
}

/** Timers; a fault in an act goes to `onError`. */
export function createTimers(onError: (error: unknown) => void): Timers {
  const pending = new Set<NodeJS.Timeout>();
  return {
    after(ms, act) {
      const timer = setTimeout(() => {
        pending.delete(timer);
        try {
          act();
        } catch (error) {
          onError(error);
        }
      }, ms);
      pending.add(timer);
    },
    clear() {
      for (const timer of pending) clearTimeout(timer);
      pending.clear();
    },
  };
}
