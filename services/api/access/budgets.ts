import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";
import type { BudgetAsk, BudgetShare } from "#common/store/rate-budgets.ts";

/** How many requests somebody may still make, shared by every API process. */
export interface Budgets {
  /** Takes one. */
  take(key: string, perMinute: number): Promise<Taken>;
  /** How long to wait, when this process knows already that nothing is left. */
  waitMs(key: string): number;
}

export interface Taken {
  readonly ok: boolean;
  /** Until one is there again; 0 when `ok`. */
  readonly retryMs: number;
}

export interface BudgetDeps {
  /** The shared account. */
  readonly ask: (ask: BudgetAsk) => Promise<BudgetShare>;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

/** A process takes this share of a minute's budget at once, so that few requests cost a statement. */
const shareOfMinute = 20;
/** What was taken and not used is given up after so long. */
const leaseMs = 60_000;
const mostKeys = 10_000;
/** More turns mean that others in this process are always faster. */
const mostTurns = 50;

interface Lease {
  left: number;
  untilMs: number;
  emptyUntilMs: number;
  asking: Promise<void> | undefined;
}

export function createBudgets(deps: BudgetDeps): Budgets {
  const leases = new Map<string, Lease>();
  const leaseOf = (key: string): Lease => {
    const known = leases.get(key);
    if (known !== undefined) return known;
    if (leases.size >= mostKeys) leases.clear();
    const lease = { left: 0, untilMs: 0, emptyUntilMs: 0, asking: undefined };
    leases.set(key, lease);
    return lease;
  };
  const waitMs = (lease: Lease | undefined): number =>
    lease === undefined ? 0 : Math.max(0, lease.emptyUntilMs - deps.clock.monotonicMs());
  return {
    waitMs: (key) => waitMs(leases.get(key)),
    take: async (key, perMinute) => {
      const lease = leaseOf(key);
      for (let turn = 0; turn < mostTurns; turn += 1) {
        if (lease.untilMs > deps.clock.monotonicMs() && lease.left >= 1) {
          lease.left -= 1;
          return { ok: true, retryMs: 0 };
        }
        const retryMs = waitMs(lease);
        if (retryMs > 0) return { ok: false, retryMs };
        lease.asking ??= renew(deps, lease, { key, perMinute }).finally(() => {
          lease.asking = undefined;
        });
        await lease.asking;
      }
      return { ok: false, retryMs: 1_000 };
    },
  };
}

async function renew(
  deps: BudgetDeps,
  lease: Lease,
  { key, perMinute }: { key: string; perMinute: number },
): Promise<void> {
  const want = Math.max(1, Math.floor(perMinute / shareOfMinute));
  const { granted, retryMs } = await shareOf(deps, { key, perMinute, want });
  const nowMs = deps.clock.monotonicMs();
  lease.left = granted;
  lease.untilMs = nowMs + leaseMs;
  lease.emptyUntilMs = granted > 0 ? 0 : nowMs + Math.max(1, retryMs);
}

// Without the account nobody is slowed down: what needs Postgres is refused for that reason already.
async function shareOf(deps: BudgetDeps, ask: BudgetAsk): Promise<BudgetShare> {
  try {
    return await deps.ask(ask);
  } catch (error) {
    deps.log.debug("the budget of requests could not be read", { error });
    return { granted: ask.want, retryMs: 0 };
  }
}
