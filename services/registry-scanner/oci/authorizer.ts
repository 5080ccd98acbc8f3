import { z } from "zod";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import { badAnswer, requestFailure, statusFailure } from "./failures.ts";
import type { Site } from "./sites.ts";
import type { Call, HttpAnswer } from "./http.ts";
import type { Transport } from "./transport.ts";

/** What a request is about to read; registries may give lists another scope than content. */
export interface Purpose {
  readonly site: Site;
  readonly repositoryPath: string;
  readonly reads: "tags" | "content";
}

/** Knows, per registry, how it wants to be asked; tokens are kept until they expire. */
export interface Authorizer {
  /** The Authorization to send at once, as far as earlier challenges tell. */
  header(call: Call, purpose: Purpose): Promise<string | undefined>;
  /** The Authorization that answers a 401, or REGISTRY_AUTH_FAILED when there is none to give. */
  answer(call: Call, purpose: Purpose, refusal: Refusal): Promise<string>;
}

export interface Refusal {
  readonly answer: HttpAnswer;
  /** What was sent and refused. */
  readonly sent: string | undefined;
}

interface TokenSource {
  readonly realm: URL;
  readonly service?: string;
}
type Way = { readonly scheme: "basic" } | ({ readonly scheme: "bearer" } & TokenSource);
interface Token {
  readonly header: string;
  readonly expiresAtMs: number;
}

const rememberLimit = 10_000;
const tokenBodyBytes = 65_536;
const defaultLifetimeS = 60;
// A token is not used in its last seconds: it may end on the way.
const expiryMarginMs = 5_000;

const tokenText = z.string().regex(/^[\x21-\x7e]{1,12000}$/);
const tokenAnswer = z
  .object({
    token: tokenText.nullish(),
    access_token: tokenText.nullish(),
    expires_in: z.number().nonnegative().nullish(),
  })
  .refine((answer) => typeof (answer.token ?? answer.access_token) === "string", "holds no token");

export function createAuthorizer(deps: {
  readonly transport: Transport;
  readonly now: () => Date;
}): Authorizer {
  const ways = new Map<string, Way>();
  const scopes = new Map<string, string>();
  const tokens = new Map<string, Token>();
  const underWay = new Map<string, Promise<Token>>();

  async function tokenHeader(call: Call, purpose: Purpose, source: TokenSource): Promise<string> {
    const scope = scopes.get(purposeKey(purpose)) ?? defaultScope(purpose);
    const key = `${siteKey(purpose.site)} ${scope}`;
    const known = tokens.get(key);
    if (known !== undefined && known.expiresAtMs > deps.now().getTime()) return known.header;
    call.signal.throwIfAborted();
    const pending = underWay.get(key) ?? startFetch(call, key, { source, scope, site: purpose.site });
    try {
      return (await abortable(pending, call.signal)).header;
    } catch (cause) {
      throw requestFailure(cause, source.realm, call.signal);
    }
  }

  // Callers that want the same token wait for one request, so it must not end with the first one's signal.
  function startFetch(call: Call, key: string, wanted: TokenRequest): Promise<Token> {
    call.requests += 1;
    const pending = fetchToken(deps, wanted)
      .then((token) => {
        remember(tokens, key, token);
        return token;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  }

  function forgetToken(purpose: Purpose, sent: string | undefined): void {
    if (sent === undefined) return;
    const prefix = `${siteKey(purpose.site)} `;
    for (const [key, token] of tokens) {
      if (key.startsWith(prefix) && token.header === sent) tokens.delete(key);
    }
  }

  return {
    async header(call, purpose) {
      const way = ways.get(siteKey(purpose.site));
      if (way === undefined) return undefined;
      return way.scheme === "basic" ? basicHeader(purpose.site) : tokenHeader(call, purpose, way);
    },
    async answer(call, purpose, { answer, sent }) {
      const { way, scope } = chooseWay(purpose, answer, deps.now());
      remember(ways, siteKey(purpose.site), way);
      if (scope !== undefined) remember(scopes, purposeKey(purpose), scope);
      forgetToken(purpose, sent);
      const header =
        way.scheme === "basic" ? basicHeader(purpose.site) : await tokenHeader(call, purpose, way);
      if (header === undefined || header === sent) throw statusFailure(answer, deps.now());
      return header;
    },
  };
}

function chooseWay(purpose: Purpose, answer: HttpAnswer, now: Date): { way: Way; scope?: string } {
  const challenges = parseChallenges(answer.headers["www-authenticate"]);
  const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
  if (bearer !== undefined) {
    const scope = bearer.parameters.get("scope");
    const way = { scheme: "bearer" as const, ...tokenSource(purpose.site, bearer) };
    return { way, ...(scope !== undefined && scope !== "" && { scope: scope.slice(0, 1_000) }) };
  }
  if (challenges.some((challenge) => challenge.scheme === "basic")) return { way: { scheme: "basic" } };
  throw statusFailure(answer, now);
}

// The realm gets the credential of the registry that names it: that is how the protocol works. Hence only the
// registry itself is listened to (never a host it redirected to), and a password never leaves https for http.
function tokenSource(site: Site, challenge: Challenge): TokenSource {
  const realm = URL.parse(challenge.parameters.get("realm") ?? "");
  if (realm === null || !/^https?:$/.test(realm.protocol)) {
    throw badAnswer(site.baseUrl, "a challenge without a usable realm");
  }
  if (realm.protocol === "http:" && site.baseUrl.protocol === "https:") {
    throw badAnswer(site.baseUrl, "a token realm over plain http");
  }
  realm.username = "";
  realm.password = "";
  const service = challenge.parameters.get("service");
  return { realm, ...(service !== undefined && { service }) };
}

interface TokenRequest {
  readonly source: TokenSource;
  readonly scope: string;
  readonly site: Site;
}

async function fetchToken(
  deps: { readonly transport: Transport; readonly now: () => Date },
  { source, scope, site }: TokenRequest,
): Promise<Token> {
  const url = new URL(source.realm);
  if (source.service !== undefined) url.searchParams.set("service", source.service);
  for (const one of scope.split(" ").filter((part) => part !== "")) url.searchParams.append("scope", one);
  const authorization = basicHeader(site);
  const headers = { accept: "application/json", ...(authorization !== undefined && { authorization }) };
  const call: Call = { signal: new AbortController().signal, requests: 0 };
  const request = { method: "GET" as const, url, headers, maxBytes: tokenBodyBytes };
  const answer = await deps.transport.send(call, request);
  if (answer.status !== 200) throw realmFailure(answer, deps.now());
  return readToken(answer, deps.now());
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

function readToken(answer: HttpAnswer, now: Date): Token {
  let json: unknown;
  try {
    json = JSON.parse(answer.body.toString("utf8"));
  } catch (cause) {
    throw badAnswer(answer.url, "the token answer is not JSON", cause);
  }
  const parsed = tokenAnswer.safeParse(json);
  // The parse error may quote the token, so it is not kept as the cause.
  if (!parsed.success) throw badAnswer(answer.url, "the token answer holds no token");
  const text = parsed.data.token ?? parsed.data.access_token ?? "";
  const lifetimeMs = (parsed.data.expires_in ?? defaultLifetimeS) * 1000;
  return { header: `Bearer ${text}`, expiresAtMs: now.getTime() + lifetimeMs - expiryMarginMs };
}

function basicHeader({ credential }: Site): string | undefined {
  if (credential === undefined) return undefined;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}

function defaultScope({ repositoryPath }: Purpose): string {
  return `repository:${repositoryPath}:pull`;
}

function siteKey(site: Site): string {
  return site.baseUrl.href;
}

function purposeKey({ site, repositoryPath, reads }: Purpose): string {
  return `${siteKey(site)} ${repositoryPath} ${reads}`;
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > rememberLimit && oldest !== undefined) map.delete(oldest);
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
