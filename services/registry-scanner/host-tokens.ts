import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Refusal, TokenAsk, TokenGrant } from "#common/store/registry-hosts.ts";

/** On whose behalf a registry is asked: people, and whoever waits as they do, come before the schedule. */
export type AskedBy = "schedule" | "person";

/** The rows of hosts, as the store keeps them for all scanners. */
export interface HostRows {
  take(ask: TokenAsk): Promise<TokenGrant>;
  refused(refusal: Refusal): Promise<number>;
  silent(host: string, forMs: number): Promise<void>;
  answered(host: string): Promise<void>;
}

/** How many requests a host may get from all scanners together. */
export interface HostRate {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

export interface HostTokensDeps {
  readonly rows: HostRows;
  readonly rateOf: (host: string) => HostRate;
  readonly clock: Clock;
}

export interface Turn {
  readonly host: string;
  readonly by: AskedBy;
  /** Of the call that waits. */
  readonly signal: AbortSignal;
}

/** Counts requests out of the budgets of hosts. */
export interface HostTokens {
  /** Waits for one request's turn; throws while the host is left alone. */
  take(turn: Turn): Promise<void>;
  /** The host answered 429. */
  refused(host: string, retryAfterMs: number | undefined): Promise<void>;
  silent(host: string, forMs: number): Promise<void>;
  answered(host: string): Promise<void>;
}

/** What the schedule leaves of a burst, for people who ask meanwhile. */
const reservedShare = 4;
/** A batch is what a host may get in so long: a process that dies takes no more with it. */
const batchMs = 500;
const longestPauseMs = 2_000;
const longestTurnMs = 60_000;
const hostLimit = 1_000;

interface Pool {
  left: number;
  batch: number;
  takenAtMs: number;
  waiting: number;
  filling: Promise<void> | undefined;
}

interface HostState {
  readonly pools: Readonly<Record<AskedBy, Pool>>;
  refusedUntilMs: number;
  silentUntilMs: number;
  troubled: boolean;
}

/** Requests come out of the store in batches, which grow while they are used up as fast as they come. */
export function createHostTokens(deps: HostTokensDeps): HostTokens {
  const states = new Map<string, HostState>();
  const stateOf = (host: string): HostState => {
    const known = states.get(host);
    if (known !== undefined) return known;
    if (states.size >= hostLimit) states.clear();
    const fresh = newState();
    states.set(host, fresh);
    return fresh;
  };
  return {
    take: (turn) => take(deps, stateOf(turn.host), turn),
    async refused(host, retryAfterMs) {
      const state = stateOf(host);
      state.troubled = true;
      dropBatches(state);
      const ms = await deps.rows.refused({
        host,
        ...(retryAfterMs !== undefined && { forMs: retryAfterMs }),
      });
      state.refusedUntilMs = Math.max(state.refusedUntilMs, deps.clock.monotonicMs() + ms);
    },
    async silent(host, forMs) {
      const state = stateOf(host);
      state.troubled = true;
      state.silentUntilMs = deps.clock.monotonicMs() + forMs;
      await deps.rows.silent(host, forMs);
    },
    async answered(host) {
      const state = stateOf(host);
      if (!state.troubled) return;
      state.troubled = false;
      state.silentUntilMs = 0;
      await deps.rows.answered(host);
    },
  };
}

async function take(deps: HostTokensDeps, state: HostState, turn: Turn): Promise<void> {
  const pool = state.pools[turn.by];
  const untilMs = deps.clock.monotonicMs() + longestTurnMs;
  pool.waiting += 1;
  try {
    while (!(await takeNow(deps, state, turn))) {
      if (deps.clock.monotonicMs() >= untilMs || isOutOfTime(turn.signal)) throw usedUp(turn.host);
      turn.signal.throwIfAborted();
    }
  } finally {
    pool.waiting -= 1;
  }
}

async function takeNow(deps: HostTokensDeps, state: HostState, turn: Turn): Promise<boolean> {
  const nowMs = deps.clock.monotonicMs();
  throwWhileLeftAlone(state, turn, nowMs);
  const pool = state.pools[turn.by];
  // What nobody used meanwhile is not kept: other scanners go by the row, which has long filled again.
  if (nowMs - pool.takenAtMs > 2 * batchMs) pool.left = 0;
  if (pool.left >= 1) {
    pool.left -= 1;
    return true;
  }
  pool.filling ??= fill(deps, state, turn).finally(() => {
    pool.filling = undefined;
  });
  await pool.filling;
  return false;
}

async function fill(deps: HostTokensDeps, state: HostState, { host, by }: Turn): Promise<void> {
  const { clock } = deps;
  const rate = deps.rateOf(host);
  const pool = state.pools[by];
  const reserved = by === "person" ? -rate.burst : Math.floor(rate.burst / reservedShare);
  const want = nextBatch(pool, { rate, room: rate.burst - reserved, nowMs: clock.monotonicMs() });
  const grant = await deps.rows.take({ host, ...rate, want, atLeast: reserved });
  const nowMs = clock.monotonicMs();
  state.refusedUntilMs = nowMs + grant.leftAloneMs;
  state.silentUntilMs = nowMs + grant.silentMs;
  state.troubled = grant.troubled;
  Object.assign(pool, { left: grant.granted, batch: want, takenAtMs: nowMs });
  if (grant.granted > 0 || grant.leftAloneMs > 0) return;
  await clock.sleep(Math.min(longestPauseMs, Math.max(5, Math.ceil(grant.waitMs))));
}

function nextBatch(
  pool: Pool,
  { rate, room, nowMs }: { readonly rate: HostRate; readonly room: number; readonly nowMs: number },
): number {
  const most = Math.min((rate.requestsPerSecond * batchMs) / 1000, room);
  const usedUpAtOnce = nowMs - pool.takenAtMs < batchMs;
  const wanted = usedUpAtOnce ? Math.max(pool.waiting, pool.batch * 2) : pool.waiting;
  return Math.max(1, Math.floor(Math.min(wanted, most)));
}

function throwWhileLeftAlone(state: HostState, { host, by }: Turn, nowMs: number): void {
  if (state.refusedUntilMs > nowMs) throw leftAlone(host, state.refusedUntilMs - nowMs);
  if (by === "schedule" && state.silentUntilMs > nowMs) throw silent(host);
}

function isOutOfTime({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof Error && reason.name === "TimeoutError";
}

function newState(): HostState {
  const pool = (): Pool => ({ left: 0, batch: 1, takenAtMs: -Infinity, waiting: 0, filling: undefined });
  const pools = { schedule: pool(), person: pool() };
  return { pools, refusedUntilMs: 0, silentUntilMs: 0, troubled: false };
}

function dropBatches(state: HostState): void {
  for (const pool of Object.values(state.pools)) pool.left = 0;
}

function leftAlone(host: string, forMs: number): SlipwayError {
  return new SlipwayError("REGISTRY_RATE_LIMITED", {
    detail: `${host} wants no requests for another ${Math.ceil(forMs / 1000)} s`,
    facts: { host, retryAfterMs: forMs, notAsked: true },
  });
}

function silent(host: string): SlipwayError {
  const detail = `${host} did not answer several times in a row and is left alone for a moment`;
  return new SlipwayError("REGISTRY_UNAVAILABLE", { detail, facts: { host, notAsked: true } });
}

function usedUp(host: string): SlipwayError {
  return new SlipwayError("REGISTRY_RATE_LIMITED", {
    detail: `so many requests wait for ${host} that this one did not get its turn`,
    hint: `Raise requestsPerSecond of ${host}, if the registry allows it`,
    facts: { host, notAsked: true, budget: true },
  });
}
