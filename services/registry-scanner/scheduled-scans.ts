import { SlipwayError } from "#common/domain/errors.ts";
import { warnRarely } from "#common/kit/log-rarely.ts";
import type { RepositoryRow } from "#common/store/images.ts";
import type { ScanDeps } from "./deps.ts";
import type { Flights } from "./flights.ts";
import { scanRepository } from "./scan-repository.ts";
import { reasonToScan } from "./schedule.ts";

/** Scans that were claimed or rung, each in line for a place at its host. */
export interface ScheduledScans {
  /** Puts a repository in line, once; one that was rung waits for no other of the schedule. */
  add(row: RepositoryRow, rung: boolean): void;
  /** Those in line or running. */
  keys(): readonly string[];
  size(host: string): number;
  idle(): Promise<void>;
}

interface Waiting {
  row: RepositoryRow;
  rung: boolean;
  begun: boolean;
}

export interface LineOptions {
  readonly deps: ScanDeps;
  readonly flights: Flights<void>;
  /** A scan of this host ended. */
  readonly onEnd: (host: string) => void;
}

/** Whoever asks for a repository that only waits in line overtakes it: the line holds no flight. */
export function createScheduledScans({ deps, flights, onEnd }: LineOptions): ScheduledScans {
  const waiting = new Map<string, Waiting>();
  const running = new Map<Promise<void>, RepositoryRow>();
  const sizes = new Map<string, number>();
  const warn = warnRarely(deps.log, { everyMs: 10_000, clock: deps.clock });

  async function begin(mine: Waiting): Promise<void> {
    if (mine.begun || deps.stopping.aborted) return;
    mine.begun = true;
    const { row, rung } = mine;
    waiting.delete(row.key);
    const { scanned_at: scannedAt, failures, read_all: listed } = row;
    const reason = reasonToScan({ listed, rung, scannedAt, failures });
    const scan = (): Promise<void> => scanRepository(deps, { row, reason });
    // A ring tells of what a scan that runs already may have missed.
    await (rung ? flights.fresh(row.key, scan) : flights.unlessBusy(row.key, scan));
  }

  /** What Postgres does to us stays claimed, and is due again when the claim ends. */
  function onFailure({ key }: RepositoryRow, error: unknown): void {
    const away = error instanceof SlipwayError && error.code === "STORE_UNAVAILABLE";
    if (away) warn("scanning pauses while Postgres is away", { repository: key, error });
    else deps.log.error("a scan failed", { repository: key, error });
  }

  async function scanInTurn(mine: Waiting): Promise<void> {
    const { row } = mine;
    const scan = (): Promise<void> => begin(mine);
    try {
      await (mine.rung ? deps.budget.asked(row.host, scan) : deps.budget.scan(row.host, scan));
    } catch (error) {
      onFailure(row, error);
    }
  }

  function run(mine: Waiting): void {
    const { row } = mine;
    const scanned = scanInTurn(mine);
    running.set(scanned, row);
    sizes.set(row.host, (sizes.get(row.host) ?? 0) + 1);
    void scanned.finally(() => {
      running.delete(scanned);
      const left = (sizes.get(row.host) ?? 1) - 1;
      if (left > 0) sizes.set(row.host, left);
      else sizes.delete(row.host);
      onEnd(row.host);
    });
  }

  return {
    keys: () => [...running.values()].map(({ key }) => key),
    size: (host) => sizes.get(host) ?? 0,
    idle: async () => void (await Promise.all(running.keys())),
    add(row, rung) {
      const before = waiting.get(row.key);
      if (before !== undefined) {
        before.row = row;
        if (!rung || before.rung) return;
        before.rung = true;
        return run(before);
      }
      const mine = { row, rung, begun: false };
      waiting.set(row.key, mine);
      run(mine);
    },
  };
}
