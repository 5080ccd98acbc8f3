import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from "@fastify/rate-limit";

import type { Budgets } from "./budgets.ts";

type Incr = Parameters<FastifyRateLimitStore["incr"]>;

/** The budgets as the plugin for rate limits asks for them. */
export function sharedBudgets(budgets: Budgets): FastifyRateLimitStoreCtor {
  return class SharedStore implements FastifyRateLimitStore {
    incr(...[key, done, , perMinute]: Incr): void {
      void take(budgets, { key, perMinute, done });
    }

    child(): FastifyRateLimitStore {
      return this;
    }
  };
}

/** The plugin counts up to a limit; only whether that is passed is known here. Budgets never reject. */
async function take(
  budgets: Budgets,
  { key, perMinute, done }: { key: string; perMinute: number; done: Incr[1] },
): Promise<void> {
  const { ok, retryMs } = await budgets.take(key, perMinute);
  done(null, { current: ok ? 1 : perMinute + 1, ttl: retryMs });
}
