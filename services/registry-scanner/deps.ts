import { SlipwayError } from "#common/domain/errors.ts";
import { parseRepositoryKey } from "#common/domain/image-ref.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";
import type { Store } from "#common/store/store.ts";
import type { ClientSource } from "./client-source.ts";
import type { HostBudget } from "./host-budget.ts";
import type { RepositoryRef } from "./oci/types.ts";
import type { ScanMemory } from "./scan-memory.ts";
import type { ScanCounts } from "./scan-metrics.ts";
import type { MoveRhythm, ScanRhythm } from "./schedule.ts";

/** What every scan needs. */
export interface ScanDeps {
  /** This scanner's own name, by which it claims. */
  readonly name: string;
  /** How long others leave alone what it has claimed, unless it renews that. */
  readonly claimMs: number;
  readonly store: Store;
  readonly clients: ClientSource;
  readonly budget: HostBudget;
  readonly memory: ScanMemory;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly trace: ((line: string) => void) | undefined;
  readonly rhythm: ScanRhythm;
  readonly moveRhythm: MoveRhythm;
  /** What runs of a repository, as the watcher told it last. */
  readonly runningTags: (key: string) => ReadonlySet<string>;
  readonly count: ScanCounts;
  /** Fires when the process stops. */
  readonly stopping: AbortSignal;
}

/** Where a repository is read: its canonical key taken apart. */
export function refOf(key: string): RepositoryRef {
  const { registry, repository } = parseRepositoryKey(key);
  return { host: registry, path: repository };
}

/** Whether a failure is the registry's or the name's, and not ours. */
export function isRegistryTrouble(error: unknown): error is SlipwayError {
  if (!(error instanceof SlipwayError)) return false;
  return error.code.startsWith("REGISTRY_") || error.code === "IMAGE_REF_INVALID";
}
