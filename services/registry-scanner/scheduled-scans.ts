import type { RepositoryRow } from "#common/store/images.ts";
import type { ScanDeps } from "./deps.ts";
import type { Flights } from "./flights.ts";
import { scanRepository } from "./scan-repository.ts";
import { reasonToScan } from "./schedule.ts";

/** Scans that were claimed or rung, each in line for a place at its host. */
export interface ScheduledScans {
  /** Puts a repository in line, once. */
  add(row: RepositoryRow, rung: boolean): void;
  /** How many are in line or run. */
  size(): number;
  idle(): Promise<void>;
}

interface Waiting {
  rung: boolean;
}

/** Whoever asks for a repository that only waits in line overtakes it: the line holds no flight. */
export function createScheduledScans(deps: ScanDeps, flights: Flights<void>): ScheduledScans {
  const waiting = new Map<string, Waiting>();
  const running = new Set<Promise<void>>();

  async function scanInTurn(row: RepositoryRow, mine: Waiting): Promise<void> {
    // By the key's first part alone: a key that is no name must end as a problem of its repository.
    const host = row.key.slice(0, row.key.indexOf("/"));
    try {
      await deps.budget.scan(host, async () => {
        waiting.delete(row.key);
        const facts = { rung: mine.rung, scannedAt: row.scanned_at, failures: row.failures };
        const scan = (): Promise<void> => scanRepository(deps, { row, reason: reasonToScan(facts) });
        // A ring tells of what a scan that runs already may have missed.
        await (mine.rung ? flights.fresh(row.key, scan) : flights.unlessBusy(row.key, scan));
      });
    } catch (error) {
      deps.log.error("a scan failed", { repository: row.key, error });
    }
  }

  return {
    size: () => running.size,
    idle: async () => void (await Promise.all(running)),
    add(row, rung) {
      const before = waiting.get(row.key);
      if (before !== undefined) {
        before.rung ||= rung;
        return;
      }
      const mine = { rung };
      waiting.set(row.key, mine);
      const scanned = scanInTurn(row, mine);
      running.add(scanned);
      void scanned.finally(() => running.delete(scanned));
    },
  };
}
