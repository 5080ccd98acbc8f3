import { SlipwayError } from "#common/domain/errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import { badAnswer, requestFailure, statusFailure, withoutCredential } from "./failures.ts";
import type { Site } from "./sites.ts";
import type { Call, HttpAnswer } from "./http.ts";
import { basicHeader, createTokenFetch, fingerprint } from "./tokens.ts";
import type { Token, TokenRequest } from "./tokens.ts";
import type { Transport } from "./transport.ts";
import type { Credential, CredentialSource } from "./types.ts";

/** What a request is about to read; registries may give lists another scope than content. */
export interface Purpose {
  readonly site: Site;
  /** Empty for a ping, which needs no scope. */
  readonly repositoryPath: string;
  readonly reads: "tags" | "content";
}

/** The authorization of one question, over its refusals. */
export interface Authorization {
  /** What to send now, as far as is known; undefined: nothing. */
  header(): Promise<string | undefined>;
  /** What to send after this 401; REGISTRY_AUTH_FAILED when there is nothing else to try. */
  afterRefusal(answer: HttpAnswer): Promise<string | undefined>;
  /** What to send after a 403; undefined when the credential is still the one that was sent. */
  afterDenial(): Promise<string | undefined>;
}

/** Knows, per registry, how it wants to be asked; tokens are kept until they expire. */
export type Authorizer = (call: Call, purpose: Purpose) => Authorization;

export interface AuthorizerDeps {
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly now: () => Date;
}

type Way =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: URL; readonly service?: string };

/** What one question has sent last. */
interface Sent {
  readonly header: string | undefined;
  /** Which token it was, and whether it came out of the cache. */
  readonly tokenKey?: string;
  readonly wasKept?: boolean;
}

const rememberLimit = 10_000;

interface Memory {
  readonly ways: Map<string, Way>;
  readonly scopes: Map<string, string>;
  readonly tokens: Map<string, Token>;
  readonly underWay: Map<string, Promise<Token>>;
}

export function createAuthorizer(deps: AuthorizerDeps): Authorizer {
  const memory: Memory = { ways: new Map(), scopes: new Map(), tokens: new Map(), underWay: new Map() };
  const tokenHeader = createTokenHeader(deps, memory);
  return (call, purpose) => authorize({ ...deps, memory, tokenHeader }, call, purpose);
}

type QuestionDeps = AuthorizerDeps & { readonly memory: Memory; readonly tokenHeader: TokenHeader };

function authorize(deps: QuestionDeps, call: Call, purpose: Purpose): Authorization {
  const { memory, credentials } = deps;
  const { site } = purpose;
  const question = { host: site.host, path: purpose.repositoryPath, signal: call.signal };
  const tried: Credential[] = [];
  let credential: Credential | undefined;
  let trouble: Error | undefined;
  let sent: Sent = { header: undefined };

  async function send(way: Way): Promise<string | undefined> {
    if (way.scheme === "basic") sent = { header: basicHeader(credential) };
    else sent = await deps.tokenHeader(call, purpose, { way, credential });
    return sent.header;
  }

  async function another(refusal: unknown): Promise<void> {
    if (credential !== undefined) tried.push(credential);
    const found = await credentials.findAnother(question, tried);
    if (found.credential === undefined) {
      const told = tried.length === 0 ? withoutCredential(refusal, site.host) : refusal;
      throw found.trouble ?? trouble ?? told;
    }
    credential = found.credential;
  }

  /** One that the realm refuses is read anew, as one that the registry refuses. */
  async function sendOrAnother(way: Way): Promise<string | undefined> {
    try {
      return await send(way);
    } catch (error) {
      if (!isRefusal(error) || tried.length > 0) throw error;
      await another(error);
      return send(way);
    }
  }

  /** A token out of the cache, or one of another scope, says nothing against the credential. */
  async function sendUnlessRefused(way: Way): Promise<string | undefined> {
    if (sent.header === undefined) return begin(way);
    const isRefused =
      way.scheme === "basic"
        ? sent.header === basicHeader(credential)
        : sent.wasKept === false && sent.tokenKey === tokenKeyOf(memory, purpose, credential);
    return isRefused ? undefined : sendOrAnother(way);
  }

  async function begin(way: Way): Promise<string | undefined> {
    ({ credential, trouble } = await credentials.find(question));
    return sendOrAnother(way);
  }

  return {
    async header() {
      const way = memory.ways.get(siteKey(site));
      return way === undefined ? undefined : begin(way);
    },
    async afterRefusal(answer) {
      const refusal = statusFailure(answer, deps.now());
      const { way, scope } = chooseWay(purpose, answer, refusal);
      remember(memory.ways, siteKey(site), way);
      if (scope !== undefined) remember(memory.scopes, purposeKey(purpose), scope);
      forgetToken(memory, sent);
      const header = await sendUnlessRefused(way);
      if (header !== undefined) return header;
      await another(refusal);
      return (await send(way)) ?? Promise.reject(trouble ?? refusal);
    },
    async afterDenial() {
      const way = memory.ways.get(siteKey(site));
      if (way === undefined || credential === undefined || tried.length > 0) return undefined;
      tried.push(credential);
      const found = await credentials.findAnother(question, tried);
      if (found.credential === undefined) return undefined;
      ({ credential } = found);
      return send(way);
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof SlipwayError && error.code === "REGISTRY_AUTH_FAILED";
}

type TokenHeader = (call: Call, purpose: Purpose, by: TokenBy) => Promise<Sent>;

interface TokenBy {
  readonly way: Way & { readonly scheme: "bearer" };
  readonly credential: Credential | undefined;
}

function createTokenHeader(deps: AuthorizerDeps, memory: Memory): TokenHeader {
  const { tokens, underWay } = memory;
  const fetchToken = createTokenFetch(deps);

  // Callers that want the same token wait for one request, so it must not end with the first one's signal.
  function startFetch(call: Call, key: string, wanted: TokenRequest): Promise<Token> {
    if (wanted.credential?.kind !== "registry-token") call.requests += 1;
    const pending = fetchToken(wanted)
      .then((token) => {
        remember(tokens, key, token);
        return token;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, pending);
    return pending;
  }

  return async (call, purpose, { way, credential }) => {
    const { site } = purpose;
    const scope = scopeOf(memory, purpose);
    const tokenKey = tokenKeyOf(memory, purpose, credential);
    const known = tokens.get(tokenKey);
    if (known !== undefined && known.expiresAtMs > deps.now().getTime()) {
      return { header: known.header, tokenKey, wasKept: true };
    }
    call.signal.throwIfAborted();
    const pending = underWay.get(tokenKey) ?? startFetch(call, tokenKey, { ...way, scope, site, credential });
    try {
      const { header } = await abortable(pending, call.signal);
      return { header, tokenKey, wasKept: false };
    } catch (cause) {
      throw requestFailure(cause, way.realm, call.signal);
    }
  };
}

function tokenKeyOf(memory: Memory, purpose: Purpose, credential: Credential | undefined): string {
  return `${siteKey(purpose.site)} ${scopeOf(memory, purpose)} ${fingerprint(credential)}`;
}

function scopeOf({ scopes }: Memory, purpose: Purpose): string {
  const { repositoryPath } = purpose;
  const plain = repositoryPath === "" ? "" : `repository:${repositoryPath}:pull`;
  return scopes.get(purposeKey(purpose)) ?? plain;
}

function forgetToken({ tokens }: Memory, { header, tokenKey }: Sent): void {
  if (tokenKey !== undefined && tokens.get(tokenKey)?.header === header) tokens.delete(tokenKey);
}

function chooseWay(purpose: Purpose, answer: HttpAnswer, refusal: Error): { way: Way; scope?: string } {
  const challenges = parseChallenges(answer.headers["www-authenticate"]);
  const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
  if (bearer !== undefined) {
    const scope = bearer.parameters.get("scope");
    const way = { scheme: "bearer" as const, ...tokenSource(purpose.site, bearer) };
    return { way, ...(scope !== undefined && scope !== "" && { scope: scope.slice(0, 1_000) }) };
  }
  if (challenges.some((challenge) => challenge.scheme === "basic")) return { way: { scheme: "basic" } };
  throw refusal;
}

// The realm gets the credential of the registry that names it: that is how the protocol works. Hence only the
// registry itself is listened to (never a host it redirected to), and a password never leaves https for http.
function tokenSource(site: Site, challenge: Challenge): Pick<TokenRequest, "realm" | "service"> {
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
