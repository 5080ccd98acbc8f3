import { sql } from "kysely";

import type { Db } from "./db.ts";

/** What may be asked of registry hosts: one row each, for all scanners together. */

export interface TokenAsk {
  readonly host: string;
  readonly requestsPerSecond: number;
  readonly burst: number;
  readonly want: number;
  /** So many must be left; below zero it is what may be taken in advance. */
  readonly atLeast: number;
}

export interface TokenGrant {
  /** 0 to `want`. */
  readonly granted: number;
  /** When there was none: how long until there may be one. */
  readonly waitMs: number;
  /** The host answered 429 and is to be left alone for so long; 0: it is not. */
  readonly leftAloneMs: number;
  /** The host is silent and is asked by nobody but people for so long; 0: it is not. */
  readonly silentMs: number;
  /** It refused or was silent, and has not answered since. */
  readonly troubled: boolean;
}

/** Takes requests out of a host's budget, as many as there are; they are never given back. */
export async function takeTokens(db: Db, ask: TokenAsk): Promise<TokenGrant> {
  const first = await tryTake(db, ask);
  if (first !== undefined) return first;
  await addHost(db, ask);
  const second = await tryTake(db, ask);
  return second ?? { granted: 0, waitMs: 100, leftAloneMs: 0, silentMs: 0, troubled: false };
}

async function tryTake(db: Db, ask: TokenAsk): Promise<TokenGrant | undefined> {
  const { host, requestsPerSecond: rate, burst, want, atLeast } = ask;
  // The time is read after the row's lock was got: whoever waited for it must not reckon with an older one.
  const { rows } = await sql<TokenGrant>`
    with locked as materialized (select * from registry_hosts where host = ${host} for update),
    timed as materialized (select locked.*, clock_timestamp() as now from locked),
    filled as materialized (
      select timed.*, least(${burst}::float8, tokens
          + ${rate}::float8 * greatest(0, extract(epoch from now - refilled_at))::float8) as filled,
        coalesce(left_alone_until > now, false) as alone
      from timed),
    given as materialized (
      select filled.*, case when alone then 0
        else greatest(0, least(${want}::float8, floor(filled - ${atLeast}::float8))) end as granted
      from filled)
    update registry_hosts h
    set tokens = g.filled - g.granted, refilled_at = greatest(h.refilled_at, g.now),
      requests = h.requests + g.granted::bigint, requests_per_second = ${rate}, burst = ${burst}
    from given g where h.host = g.host
    returning g.granted,
      greatest(0, (${atLeast}::float8 + 1 - (g.filled - g.granted)) / ${rate}::float8 * 1000) as "waitMs",
      greatest(0, coalesce(extract(epoch from h.left_alone_until - g.now) * 1000, 0))::float8 as "leftAloneMs",
      greatest(0, coalesce(extract(epoch from h.silent_until - g.now) * 1000, 0))::float8 as "silentMs",
      h.refusals > 0 or h.silent_until is not null as troubled`.execute(db);
  return rows[0];
}

async function addHost(
  db: Db,
  { host, requestsPerSecond, burst }: Pick<TokenAsk, "host" | "requestsPerSecond" | "burst">,
): Promise<void> {
  await sql`insert into registry_hosts (host, requests_per_second, burst, tokens)
    values (${host}, ${requestsPerSecond}, ${burst}, ${burst}) on conflict do nothing`.execute(db);
}

export interface Refusal {
  readonly host: string;
  /** As the host said it; without a word 5 s, doubled with each refusal in a row up to 5 minutes. */
  readonly forMs?: number;
}

const firstPauseMs = 5_000;
const longestPauseMs = 300_000;
const longestRefusalMs = 86_400_000;

/** The host answered 429: every scanner leaves it alone. Tells for how long. */
export async function recordRefusal(db: Db, { host, forMs }: Refusal): Promise<number> {
  const said = forMs === undefined ? null : Math.min(longestRefusalMs, forMs);
  const { rows } = await sql<{ ms: number }>`
    update registry_hosts set refusals = refusals + 1,
      left_alone_until = greatest(left_alone_until, clock_timestamp() + interval '1 millisecond' * coalesce(
        ${said}::float8, least(${longestPauseMs}::float8, ${firstPauseMs} * power(2, least(refusals, 10)))))
    where host = ${host}
    returning (extract(epoch from left_alone_until - clock_timestamp()) * 1000)::float8 as ms`.execute(db);
  return Math.max(0, rows[0]?.ms ?? said ?? firstPauseMs);
}

/** The host was silent several times in a row: the schedule asks it nothing for so long. */
export async function recordSilence(db: Db, host: string, forMs: number): Promise<void> {
  await sql`update registry_hosts
    set silent_until = clock_timestamp() + ${forMs} * interval '1 millisecond'
    where host = ${host}`.execute(db);
}

/** The host answers again. */
export async function recordAnswer(db: Db, host: string): Promise<void> {
  await sql`update registry_hosts set refusals = 0, silent_until = null
    where host = ${host} and (refusals > 0 or silent_until is not null)`.execute(db);
}
