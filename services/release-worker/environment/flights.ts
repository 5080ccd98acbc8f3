import { createSlots } from "#common/kit/slots.ts";
import type { JobRow } from "#common/store/schema.ts";

/** Jobs moved on at once; a cluster that answers slowly is not asked for more. */
const mostAtOnce = 16;

/** Jobs that are being moved on, each by one act at a time. */
export interface Flights {
  /** Ids of the jobs whose act has not ended, or not begun. */
  busy(): ReadonlySet<string>;
  /** An act for each; those over the limit begin when others have ended. */
  start(jobs: readonly JobRow[]): void;
  /** Resolves when no act is under way; never rejects. */
  all(): Promise<void>;
  /** Throws what an act threw since the last time. */
  rethrow(): void;
}

export function createFlights(act: (job: JobRow) => Promise<void>): Flights {
  const flights = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const slots = createSlots(mostAtOnce);
  const fly = async (job: JobRow): Promise<void> => {
    try {
      // Whoever failed ends the round: what has not begun by then is left to the next one.
      await slots.run("all", async () => {
        if (failures.length === 0) await act(job);
      });
    } catch (error) {
      failures.push(error);
    } finally {
      flights.delete(job.id);
    }
  };
  return {
    busy: () => new Set(flights.keys()),
    start: (jobs) => jobs.forEach((job) => flights.set(job.id, fly(job))),
    all: async () => void (await Promise.all(flights.values())),
    rethrow() {
      const [first] = failures.splice(0);
      if (first !== undefined) throw first;
    },
  };
}
