import type { RegistrySettings } from "#common/contracts/settings.ts";
import type { Clock } from "#common/kit/clock.ts";
import { recordAnswer, recordRefusal, recordSilence, takeTokens } from "#common/store/registry-hosts.ts";
import type { Store } from "#common/store/store.ts";
import { createHostBudget } from "./host-budget.ts";
import type { HostBudget } from "./host-budget.ts";
import { createHostTokens } from "./host-tokens.ts";
import type { HostRate, HostRows } from "./host-tokens.ts";
import type { ScanCounts } from "./scan-metrics.ts";

const usualRate = 50;

/** What the settings allow each host; 50 requests a second where they say nothing. */
export function rateByHost(registries: readonly RegistrySettings[]): (host: string) => HostRate {
  const named = new Map(registries.map((registry) => [registry.host, registry]));
  return (host) => {
    const { requestsPerSecond = usualRate, requestBurst } = named.get(host) ?? {};
    const burst = requestBurst ?? Math.max(1, Math.ceil(2 * requestsPerSecond));
    return { requestsPerSecond, burst };
  };
}

export interface OpenBudget {
  readonly store: Pick<Store, "db">;
  readonly rateOf: (host: string) => HostRate;
  readonly clock: Clock;
  readonly count: Pick<ScanCounts, "taken">;
}

/** The budget of all hosts, by their rows in Postgres. */
export function openHostBudget({ store, rateOf, clock, count }: OpenBudget): HostBudget {
  return createHostBudget(createHostTokens({ rows: createHostRows(store, count), rateOf, clock }));
}

function createHostRows(store: Pick<Store, "db">, count: Pick<ScanCounts, "taken">): HostRows {
  const { db } = store;
  return {
    async take(ask) {
      const grant = await takeTokens(db, ask);
      if (grant.granted > 0) count.taken(ask, grant.granted);
      return grant;
    },
    refused: (refusal) => recordRefusal(db, refusal),
    silent: (host, forMs) => recordSilence(db, host, forMs),
    answered: (host) => recordAnswer(db, host),
  };
}
