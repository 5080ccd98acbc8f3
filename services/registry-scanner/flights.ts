/** Merges equal work: per key one runs, and at most one more waits for it, shared by all who came meanwhile. */
export interface Flights<T> {
  /** A result of work that began after this call. */
  fresh(key: string, work: () => Promise<T>): Promise<T>;
  /** Starts the work unless the key is busy; undefined then. */
  unlessBusy(key: string, work: () => Promise<T>): Promise<T> | undefined;
  busy(): number;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
}

interface Flight<T> {
  readonly running: Promise<T>;
  next?: Promise<T>;
}

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>();

  function start(key: string, work: () => Promise<T>): Promise<T> {
    const running = work();
    const flight: Flight<T> = { running };
    flights.set(key, flight);
    const landed = (): void => {
      if (flight.next === undefined) flights.delete(key);
    };
    running.then(landed, landed);
    return running;
  }

  function afterwards(key: string, flight: Flight<T>, work: () => Promise<T>): Promise<T> {
    const begin = (): Promise<T> => start(key, work);
    // What ended badly is told to whoever asked for it; the one who waits only wanted the end.
    flight.next ??= flight.running.then(begin, begin);
    return flight.next;
  }

  return {
    fresh(key, work) {
      const flight = flights.get(key);
      return flight === undefined ? start(key, work) : afterwards(key, flight, work);
    },
    unlessBusy: (key, work) => (flights.has(key) ? undefined : start(key, work)),
    busy: () => flights.size,
    async idle() {
      while (flights.size > 0) {
        await Promise.allSettled([...flights.values()].map((flight) => flight.next ?? flight.running));
      }
    },
  };
}
