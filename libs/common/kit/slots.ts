/** Lets so many pieces of work run at a time for each key; the rest waits in order. */
export interface Slots {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

/** Makes slots: `perKey` at a time. Keys without work take no memory. */
export function createSlots(perKey: number): Slots {
  const lanes = new Map<string, Lane>();

  async function enter(key: string): Promise<Lane> {
    const lane = lanes.get(key) ?? { running: 0, waiting: [] };
    lanes.set(key, lane);
    // Whoever leaves hands its place over, so that nobody slips in before those who wait.
    if (lane.running >= perKey) await new Promise<void>((resolve) => lane.waiting.push(resolve));
    else lane.running += 1;
    return lane;
  }

  function leave(key: string, lane: Lane): void {
    const next = lane.waiting.shift();
    if (next !== undefined) return next();
    lane.running -= 1;
    if (lane.running === 0) lanes.delete(key);
  }

  return {
    async run(key, work) {
      const lane = await enter(key);
      try {
        return await work();
      } finally {
        leave(key, lane);
      }
    },
  };
}
