import { createLocalJWKSet, errors } from "jose";
import type { FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from "jose";

import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";

/** An issuer's public keys, read when they are needed and kept while the issuer is away. */
export interface KeySet {
  /** The key that a header names; UNAVAILABLE when it is not known and the issuer cannot be asked. */
  find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key>;
}

export interface KeySetDeps {
  readonly issuer: string;
  readonly read: (issuer: string) => Promise<JSONWebKeySet>;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

/** Older keys are read again behind the answer; what an issuer withdrew counts until then. */
const freshMs = 10 * 60_000;
/** Keys that could not be confirmed for so long count no more. */
const longestMs = 24 * 3_600_000;
/** Names of keys come from whoever asks: an issuer is asked at most so often. */
const pauseMs = 30_000;

type Key = Awaited<ReturnType<ReturnType<typeof createLocalJWKSet>>>;

interface State {
  known: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly atMs: number } | undefined;
  triedAtMs: number;
  failure: unknown;
  reading: Promise<void> | undefined;
}

export function createKeySet(deps: KeySetDeps): KeySet {
  const state: State = { known: undefined, triedAtMs: -Infinity, failure: undefined, reading: undefined };
  const refresh = (): Promise<void> => {
    state.reading ??= readAnew(deps, state).finally(() => {
      state.reading = undefined;
    });
    return state.reading;
  };
  const mayAsk = (): boolean =>
    state.reading !== undefined || deps.clock.monotonicMs() - state.triedAtMs >= pauseMs;
  return {
    find: async (header, token) => {
      const ageMs = state.known === undefined ? Infinity : deps.clock.monotonicMs() - state.known.atMs;
      if (ageMs >= freshMs && mayAsk()) {
        const reading = refresh();
        if (ageMs >= longestMs) await reading;
      }
      const found = await findKnown(deps, state, { header, token });
      if (found !== undefined) return found;
      // A new key: issuers begin to sign with one before everybody has read it.
      if (mayAsk()) await refresh();
      const again = await findKnown(deps, state, { header, token });
      if (again !== undefined) return again;
      if (state.failure === undefined) throw new errors.JWKSNoMatchingKey();
      throw new SlipwayError("ISSUER_UNAVAILABLE", { detail: deps.issuer, cause: state.failure });
    },
  };
}

async function findKnown(
  deps: KeySetDeps,
  { known }: State,
  asked: { header: JWSHeaderParameters; token: FlattenedJWSInput },
): Promise<Key | undefined> {
  if (known === undefined || deps.clock.monotonicMs() - known.atMs >= longestMs) return undefined;
  try {
    return await known.find(asked.header, asked.token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    throw error;
  }
}

/** Never rejects: what went wrong stays in the state. */
async function readAnew(deps: KeySetDeps, state: State): Promise<void> {
  state.triedAtMs = deps.clock.monotonicMs();
  try {
    const keys = await deps.read(deps.issuer);
    state.known = { find: createLocalJWKSet(keys), atMs: deps.clock.monotonicMs() };
    state.failure = undefined;
  } catch (error) {
    state.failure = error;
    deps.log.warn("the keys of an issuer could not be read", { issuer: deps.issuer, error });
  }
}
