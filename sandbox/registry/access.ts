import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Reply } from "./reply.ts";
import { errorReply, jsonReply } from "./reply.ts";

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly kind: "basic" | "token";
  /** How long a token lasts; default 300 s. */
  readonly tokenLifetimeS?: number;
}

/** Lets requests in, or challenges them as registries do. */
export interface Access {
  /** The refusal of this request, or undefined when it may pass. */
  refusal(request: IncomingMessage, need: AccessNeed): Reply | undefined;
  /** The answer of the token endpoint. */
  token(request: IncomingMessage, url: URL, body: Buffer): Reply;
  /** A refusal that a client is meant to answer, whatever it has sent. */
  challenge(baseUrl: string): Reply;
  readonly controls: AccessControls;
}

/** Who is let in from now on. */
export interface AccessControls {
  /** Tokens given out so far are refused from now on. */
  revokeTokens(): void;
  /** The one password from now on; tokens given out before are refused. */
  setPassword(password: string): void;
  /** From now on this one is exchanged for access tokens; with a successor once, which is given out then. */
  acceptIdentityToken(token: string, successor?: string): void;
}

export interface AccessNeed {
  readonly baseUrl: string;
  readonly scope: string | undefined;
}

const service = "sandbox-registry";
const tokenLimit = 10_000;

export function createAccess(given: RegistryAuth | undefined, now: () => Date): Access {
  let auth = given;
  const identityTokens = new Map<string, string | undefined>();
  const tokens = new Map<string, { readonly scopes: readonly string[]; readonly expiresAtMs: number }>();
  const lifetimeS = auth?.tokenLifetimeS ?? 300;

  function holdsScope(request: IncomingMessage, scope: string | undefined): boolean {
    const token = tokens.get((request.headers.authorization ?? "").replace(/^Bearer /i, ""));
    if (token === undefined || token.expiresAtMs <= now().getTime()) return false;
    return scope === undefined || token.scopes.some((held) => covers(held, scope));
  }

  function giveToken(scopes: readonly string[]) {
    if (tokens.size >= tokenLimit) tokens.clear();
    const token = randomBytes(24).toString("base64url");
    tokens.set(token, { scopes, expiresAtMs: now().getTime() + lifetimeS * 1000 });
    return { token, access_token: token, expires_in: lifetimeS };
  }

  function exchange(form: URLSearchParams): Reply {
    const identity = form.get("refresh_token") ?? "";
    if (form.get("grant_type") !== "refresh_token" || !identityTokens.has(identity)) {
      return errorReply(401, "UNAUTHORIZED");
    }
    const successor = identityTokens.get(identity);
    if (successor !== undefined) {
      identityTokens.delete(identity);
      identityTokens.set(successor, undefined);
    }
    const token = giveToken((form.get("scope") ?? "").split(" "));
    return jsonReply(200, { ...token, ...(successor !== undefined && { refresh_token: successor }) });
  }

  return {
    refusal(request, { baseUrl, scope }) {
      if (auth === undefined) return undefined;
      if (auth.kind === "basic") {
        return isUser(request, auth) ? undefined : challenge(`Basic realm="${service}"`);
      }
      if (holdsScope(request, scope)) return undefined;
      const asked = scope === undefined ? "" : `,scope="${scope}"`;
      return challenge(`Bearer realm="${baseUrl}/token",service="${service}"${asked}`);
    },
    token(request, url, body) {
      if (auth?.kind !== "token") return errorReply(404, "NOT_FOUND");
      if (request.method === "POST") return exchange(new URLSearchParams(body.toString("utf8")));
      if (!isUser(request, auth)) return challenge(`Basic realm="${service}"`);
      return jsonReply(200, giveToken(url.searchParams.getAll("scope")));
    },
    challenge: (baseUrl) =>
      auth?.kind === "token"
        ? challenge(`Bearer realm="${baseUrl}/token",service="${service}"`)
        : challenge(`Basic realm="${service}"`),
    controls: {
      revokeTokens: () => tokens.clear(),
      setPassword(password) {
        if (auth !== undefined) auth = { ...auth, password };
        tokens.clear();
      },
      acceptIdentityToken: (token, successor) => void identityTokens.set(token, successor),
    },
  };
}

function isUser(request: IncomingMessage, auth: RegistryAuth): boolean {
  const wanted = Buffer.from(`${auth.username}:${auth.password}`).toString("base64");
  return request.headers.authorization === `Basic ${wanted}`;
}

function covers(held: string, wanted: string): boolean {
  const split = (scope: string) => [
    scope.slice(0, scope.lastIndexOf(":")),
    scope.slice(scope.lastIndexOf(":") + 1),
  ];
  const [heldResource, heldActions = ""] = split(held);
  const [resource, actions = ""] = split(wanted);
  return (
    heldResource === resource && actions.split(",").every((action) => heldActions.split(",").includes(action))
  );
}

function challenge(header: string): Reply {
  const refusal = errorReply(401, "UNAUTHORIZED");
  return { ...refusal, headers: { ...refusal.headers, "www-authenticate": header } };
}
