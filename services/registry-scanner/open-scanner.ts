import type { Settings } from "#common/contracts/settings.ts";
import { systemClock as clock } from "#common/kit/clock.ts";
import type { ProcessKit } from "#common/kit/process-kit.ts";
import type { Bell } from "#common/kit/queue.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import type { Store } from "#common/store/store.ts";
import type { ClientSource } from "./client-source.ts";
import { openHostBudget, rateByHost } from "./host-rows.ts";
import { createScanMemory } from "./scan-memory.ts";
import { createScanCounts } from "./scan-metrics.ts";
import { createScanner } from "./scanner.ts";
import type { Scanner } from "./scanner.ts";
import { claimMsOf, moveRhythm } from "./schedule.ts";
import { createWanted } from "./wanted.ts";
import type { RunningSource } from "./wanted.ts";

export interface OpenScanner {
  readonly settings: Settings;
  readonly kit: Pick<ProcessKit, "log" | "trace" | "metrics">;
  readonly store: Store;
  readonly bell: Bell;
  readonly clients: ClientSource;
  /** The watcher, which knows what runs. */
  readonly running: RunningSource;
}

/** The scanner of a process, as the settings want it. */
export function openScanner(o: OpenScanner): Scanner {
  const { settings, store, bell, clients, running } = o;
  const { log, trace, metrics } = o.kit;
  const shortestMs = settings.scanInterval;
  const rhythm = { shortestMs, longestMs: settings.scanIntervalLongest };
  const environments = settings.environments.map(({ name }) => name);
  const wanted = createWanted({ store, running, environments, clock, log, shortestMs });
  const count = createScanCounts(metrics);
  const deps = {
    name: newUuidV7(),
    claimMs: claimMsOf(rhythm),
    store,
    clients,
    budget: openHostBudget({ store, rateOf: rateByHost(settings.registries), clock, count }),
    memory: createScanMemory(),
    clock,
    random: Math.random,
    log,
    trace,
    rhythm,
    moveRhythm,
    runningTags: (key: string) => wanted.runningTags(key),
    count,
  };
  return createScanner({ deps, bell, wanted });
}
