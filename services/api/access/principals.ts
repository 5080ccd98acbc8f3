import { timingSafeEqual } from "node:crypto";

import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";
import type { Store } from "#common/store/store.ts";
import { findTokenByHash, noteTokenUse } from "#common/store/tokens.ts";
import type { TokenRow } from "#common/store/tokens.ts";

import type { Identities } from "./identities.ts";
import type { Principal } from "./principal.ts";
import { hashToken } from "./token-secret.ts";

/** Knows who a token stands for. */
export interface Principals {
  /** UNAUTHENTICATED for a token that does not count (any more). */
  find(token: string): Promise<Principal>;
  /** Whether a token was found so shortly ago that asking costs nothing. */
  isKnown(token: string): boolean;
  /** From now on these tokens are looked up again. */
  forget(tokenIds: readonly string[]): void;
}

export interface PrincipalDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Pick<Clock, "monotonicMs" | "now">;
  readonly log: Log;
  readonly identities: Identities;
}

/** How long a token that another process revoked may still pass. */
const cacheMs = 10_000;
const mostCached = 1_000;
const useEveryMs = 60_000;

interface Found {
  readonly principal: Principal;
  /** By this process' monotonic clock. */
  readonly untilMs: number;
}

export function createPrincipals(deps: PrincipalDeps): Principals {
  const cache = new Map<string, Found>();
  const asking = new Map<string, Promise<Found>>();
  const cached = (key: string): Found | undefined => {
    const found = cache.get(key);
    return found !== undefined && found.untilMs > deps.clock.monotonicMs() ? found : undefined;
  };
  const look = async (key: string, token: string, hash: Buffer): Promise<Found> => {
    try {
      const found = deps.identities.isOurs(token)
        ? await findIdentity(deps, token)
        : await findToken(deps, hash);
      if (cache.size >= mostCached) cache.clear();
      cache.set(key, found);
      return found;
    } finally {
      asking.delete(key);
    }
  };
  return {
    isKnown: (token) => cached(keyOf(hashToken(token))) !== undefined,
    forget: (ids) => {
      for (const [key, { principal }] of cache) if (ids.includes(principal.tokenId)) cache.delete(key);
    },
    find: async (token) => {
      const hash = hashToken(token);
      const key = keyOf(hash);
      const known = cached(key);
      if (known !== undefined) return known.principal;
      // A hundred requests with one new token ask once.
      const found = asking.get(key) ?? look(key, token, hash);
      asking.set(key, found);
      return (await found).principal;
    },
  };
}

function keyOf(hash: Buffer): string {
  return hash.toString("base64");
}

async function findToken(deps: PrincipalDeps, hash: Buffer): Promise<Found> {
  const found = await findTokenByHash(deps.store.db, hash);
  if (found === undefined || !timingSafeEqual(found.token.hash, hash)) {
    throw new SlipwayError("UNAUTHENTICATED", { detail: "the token is unknown, has expired or was revoked" });
  }
  noteUse(deps, found.token);
  return {
    principal: principalOfToken(found.token),
    untilMs: deps.clock.monotonicMs() + Math.min(cacheMs, found.leftMs),
  };
}

/** Who a token stands for. */
export function principalOfToken({ id, name, role, scope, groups, expires_at }: TokenRow): Principal {
  return { tokenId: id, name, kind: "token", grants: [{ role, scope }], groups, expiresAt: expires_at };
}

// Behind the answer: nobody waits for it, and one that fails is made up for by the next.
function noteUse({ store, log, clock }: PrincipalDeps, { id, last_used_at: last }: TokenRow): void {
  if (last !== null && clock.now().getTime() - last.getTime() < useEveryMs) return;
  noteTokenUse(store.db, id).catch((error: unknown) =>
    log.debug("the use of a token could not be noted", { token: id, error }),
  );
}

async function findIdentity(deps: PrincipalDeps, token: string): Promise<Found> {
  const { principal, leftMs } = await deps.identities.verify(token);
  return { principal, untilMs: deps.clock.monotonicMs() + Math.min(cacheMs, leftMs) };
}
