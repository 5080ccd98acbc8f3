import { createHash } from "node:crypto";
import { z } from "zod";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";
import { badAnswer, statusFailure } from "./failures.ts";
import type { Site } from "./sites.ts";
import type { Call, HttpAnswer, HttpRequest } from "./http.ts";
import type { Transport } from "./transport.ts";
import type { Credential } from "./types.ts";

/** An access token, as it is sent. */
export interface Token {
  readonly header: string;
  readonly expiresAtMs: number;
}

export interface TokenRequest {
  readonly realm: URL;
  readonly service?: string;
  readonly scope: string;
  readonly site: Site;
  readonly credential: Credential | undefined;
}

/** Fetches access tokens from realms; an identity token that the realm replaces is kept for the next time. */
export type FetchToken = (wanted: TokenRequest) => Promise<Token>;

const tokenBodyBytes = 65_536;
const defaultLifetimeS = 60;
// A token is not used in its last seconds: it may end on the way.
const expiryMarginMs = 5_000;
const replacedLimit = 1_000;

const tokenText = z.string().regex(/^[\x21-\x7e]{1,12000}$/);
const tokenAnswer = z
  .object({
    token: tokenText.nullish(),
    access_token: tokenText.nullish(),
    refresh_token: tokenText.nullish().catch(undefined),
    expires_in: z.number().nonnegative().nullish(),
  })
  .refine((answer) => typeof (answer.token ?? answer.access_token) === "string", "holds no token");

export function createTokenFetch(deps: {
  readonly transport: Transport;
  readonly now: () => Date;
}): FetchToken {
  const replaced = new Map<string, string>();

  async function ask(wanted: TokenRequest, request: TokenHttp): Promise<HttpAnswer> {
    const call: Call = { signal: new AbortController().signal, requests: 0 };
    const headers = { accept: "application/json", ...request.headers };
    const { site } = wanted;
    return deps.transport.send(call, { ...request, site, headers, maxBytes: tokenBodyBytes });
  }

  return async (wanted) => {
    const { credential } = wanted;
    if (credential?.kind === "registry-token") {
      return { header: `Bearer ${credential.token}`, expiresAtMs: Infinity };
    }
    if (credential?.kind !== "identity-token") return read(await ask(wanted, tokenQuery(wanted)), deps.now());
    const id = fingerprint(credential);
    const answer = await ask(wanted, tokenForm(wanted, replaced.get(id) ?? credential.token));
    if (answer.status === 400 || answer.status === 401) replaced.delete(id);
    const token = read(answer, deps.now());
    if (token.refreshToken !== undefined) {
      if (replaced.size >= replacedLimit) replaced.clear();
      replaced.set(id, token.refreshToken);
    }
    return token;
  };
}

/** Tells credentials apart without holding them. */
export function fingerprint(credential: Credential | undefined): string {
  if (credential === undefined) return "";
  return createHash("sha256").update(JSON.stringify(credential)).digest("hex").slice(0, 32);
}

/** `Basic …`, for what is a name and a password. */
export function basicHeader(credential: Credential | undefined): string | undefined {
  if (credential?.kind !== "password") return undefined;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}

type TokenHttp = Pick<HttpRequest, "method" | "url" | "headers" | "body">;

function tokenQuery({ realm, service, scope, credential }: TokenRequest): TokenHttp {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const one of scope.split(" ").filter((part) => part !== "")) url.searchParams.append("scope", one);
  const authorization = basicHeader(credential);
  return { method: "GET", url, headers: authorization === undefined ? {} : { authorization } };
}

function tokenForm({ realm, service, scope }: TokenRequest, refreshToken: string): TokenHttp {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "slipway",
    ...(service !== undefined && { service }),
    scope,
    refresh_token: refreshToken,
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: realm, headers, body: form.toString() };
}

function read(answer: HttpAnswer, now: Date): Token & { readonly refreshToken?: string } {
  if (answer.status !== 200) throw realmFailure(answer, now);
  let json: unknown;
  try {
    json = JSON.parse(answer.body.toString("utf8"));
  } catch {
    // The parse error may quote the token, so it is not kept as the cause.
    throw badAnswer(answer.url, "the token answer is not JSON");
  }
  const parsed = tokenAnswer.safeParse(json);
  if (!parsed.success) throw badAnswer(answer.url, "the token answer holds no token");
  const {
    token,
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_in: lifetimeS,
  } = parsed.data;
  return {
    header: `Bearer ${token ?? accessToken ?? ""}`,
    expiresAtMs: now.getTime() + (lifetimeS ?? defaultLifetimeS) * 1000 - expiryMarginMs,
    ...(refreshToken != null && { refreshToken }),
  };
}

function realmFailure(answer: HttpAnswer, now: Date): SlipwayError {
  const failure = statusFailure(answer, now);
  if (answer.status === 400) return recoded(failure, "REGISTRY_AUTH_FAILED"); // how some say "wrong password"
  // A realm that is not there says nothing about the repository.
  return failure.code === "REGISTRY_NOT_FOUND" ? recoded(failure, "REGISTRY_BAD_ANSWER") : failure;
}

function recoded(failure: SlipwayError, code: ErrorCode): SlipwayError {
  return new SlipwayError(code, {
    ...(failure.detail !== undefined && { detail: failure.detail }),
    ...(failure.facts !== undefined && { facts: failure.facts }),
  });
}
