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
  token(request: IncomingMessage, url: URL): Reply;
  /** Tokens given out so far are refused from now on. */
  revokeTokens(): void;
}

export interface AccessNeed {
  readonly baseUrl: string;
  readonly scope: string | undefined;
}

const service = "sandbox-registry";
const tokenLimit = 10_000;

export function createAccess(auth: RegistryAuth | undefined, now: () => Date): Access {
  const tokens = new Map<string, { readonly scopes: readonly string[]; readonly expiresAtMs: number }>();
  const lifetimeS = auth?.tokenLifetimeS ?? 300;

  function holdsScope(request: IncomingMessage, scope: string | undefined): boolean {
    const token = tokens.get((request.headers.authorization ?? "").replace(/^Bearer /i, ""));
    if (token === undefined || token.expiresAtMs <= now().getTime()) return false;
    return scope === undefined || token.scopes.some((held) => covers(held, scope));
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
    token(request, url) {
      if (auth?.kind !== "token") return errorReply(404, "NOT_FOUND");
      if (!isUser(request, auth)) return challenge(`Basic realm="${service}"`);
      if (tokens.size >= tokenLimit) tokens.clear();
      const token = randomBytes(24).toString("base64url");
      tokens.set(token, {
        scopes: url.searchParams.getAll("scope"),
        expiresAtMs: now().getTime() + lifetimeS * 1000,
      });
      return jsonReply(200, { token, access_token: token, expires_in: lifetimeS });
    },
    revokeTokens: () => tokens.clear(),
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
