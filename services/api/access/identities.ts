import { decodeJwt, errors, jwtVerify } from "jose";
import type { JSONWebKeySet, JWTPayload } from "jose";

import type { OidcSettings } from "#common/contracts/oidc-settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Log } from "#common/kit/log.ts";

import { giveByRules, valuesOf } from "./claim-rules.ts";
import { createKeySet } from "./key-set.ts";
import type { KeySet } from "./key-set.ts";
import type { Principal } from "./principal.ts";

/** Tokens that identity providers gave out: of people's logins and of pipelines' runs. */
export interface Identities {
  /** Whether a token looks like one of theirs, and any of them is known here. */
  isOurs(token: string): boolean;
  /** UNAUTHENTICATED, FORBIDDEN when no rule gives it anything, ISSUER_UNAVAILABLE. */
  verify(token: string): Promise<Verified>;
}

export interface Verified {
  readonly principal: Principal;
  readonly leftMs: number;
}

export interface IdentityDeps {
  readonly settings: readonly OidcSettings[];
  readonly readKeys: (issuer: string) => Promise<JSONWebKeySet>;
  readonly clock: Pick<Clock, "monotonicMs" | "now">;
  readonly log: Log;
}

interface Provider {
  readonly settings: OidcSettings;
  readonly keys: KeySet;
}

const longestSubject = 255;
const longestName = 200;
/** What else an issuer signs with the same keys (a note that somebody logged out) is no proof of who asks. */
const types = ["jwt", "at+jwt", "application/at+jwt"];

export function createIdentities(deps: IdentityDeps): Identities {
  const providers = new Map<string, Provider>(
    deps.settings.map((settings) => {
      const { issuer } = settings;
      const keys = createKeySet({ issuer, read: deps.readKeys, clock: deps.clock, log: deps.log });
      return [issuer, { settings, keys }];
    }),
  );
  return {
    // A JSON object in base64 begins like this.
    isOurs: (token) => providers.size > 0 && token.startsWith("eyJ") && token.includes("."),
    verify: async (token) => {
      const provider = providers.get(issuerOf(token));
      if (provider === undefined) throw refused("no identity provider of the settings has issued it");
      return toVerified(provider, await claimsOf(deps, provider, token), deps.clock.now());
    },
  };
}

/** Not proved yet: it only says whose keys are to be asked. */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch (cause) {
    throw refused("it is not a signed JSON web token", cause);
  }
}

async function claimsOf(
  deps: IdentityDeps,
  { settings, keys }: Provider,
  token: string,
): Promise<JWTPayload> {
  const { issuer, audience, algorithms, clockSkew } = settings;
  try {
    const { payload, protectedHeader } = await jwtVerify(
      token,
      (header, signed) => keys.find(header, signed),
      {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: clockSkew / 1_000,
        requiredClaims: ["sub", "exp"],
        currentDate: deps.clock.now(),
      },
    );
    const { typ = "jwt" } = protectedHeader;
    if (!types.includes(typ.toLowerCase())) throw refused("it was made for another purpose");
    return payload;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw refused(reasonOf(error), error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim ${error.claim} is not as it must be`;
  if (error instanceof errors.JOSEAlgNotAllowed)
    return "its algorithm is none of those that the settings allow";
  if (error instanceof errors.JWKSNoMatchingKey) return "its issuer has no such key";
  return "its signature is not its issuer's";
}

function toVerified({ settings }: Provider, claims: JWTPayload, now: Date): Verified {
  const { sub = "", exp = 0 } = claims;
  if (sub === "" || sub.length > longestSubject || /\p{C}/u.test(sub))
    throw refused("its subject cannot be one");
  const { grants, groups } = giveByRules(settings, claims);
  const name = nameOf(settings, claims);
  if (grants.length === 0) {
    const detail = `no rule of the settings gives "${name}" a role`;
    throw new SlipwayError("FORBIDDEN", { detail, hint: "look at oidc.rules in the settings of Slipway" });
  }
  const tokenId = `${settings.issuer}#${sub}`;
  return {
    principal: { tokenId, name, kind: "oidc", grants, groups, expiresAt: new Date(exp * 1_000) },
    leftMs: exp * 1_000 + settings.clockSkew - now.getTime(),
  };
}

/** What a token calls its owner, fit for a line of a log or a commit. */
function nameOf(settings: OidcSettings, claims: JWTPayload): string {
  const [name = "", subject = ""] = [settings.nameClaim, "sub"].map((claim) =>
    clean(valuesOf(claims, claim)[0]),
  );
  return name === "" ? subject : name;
}

function clean(text = ""): string {
  return text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, longestName);
}

function refused(detail: string, cause?: unknown): SlipwayError {
  return new SlipwayError("UNAUTHENTICATED", {
    detail: `the identity token does not count: ${detail}`,
    cause,
  });
}
