import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { operations, roleAllows, roles } from "#common/contracts/operations.ts";
import type { Operation, OperationName, Role } from "#common/contracts/operations.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Store } from "#common/store/store.ts";
import { findTokenByHash } from "#common/store/tokens.ts";

/** Who asks. */
export interface Principal {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  /** Groups that approvals may ask for; tokens have none. */
  readonly groups?: readonly string[];
}

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    operation?: OperationName;
  }
}

/** Refuses to start with a route that is not in the table of operations; each route then knows its own. */
export function denyUnlistedRoutes(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    const methods = [route.method].flat();
    for (const method of methods) {
      const operation = operationOf(method, route.url);
      if (operation === undefined) {
        const detail = `the route ${method} ${route.url} is not in the table of operations`;
        throw new SlipwayError("INTERNAL", { detail });
      }
      route.config = { ...route.config, operation };
    }
  });
}

/** The hook that lets nobody pass who may not: token first, then the role of the route's operation. */
export function authorizer(deps: { store: Store; clock: Clock }) {
  const find = tokenFinder(deps);
  return async (request: FastifyRequest): Promise<void> => {
    const name = request.routeOptions.config.operation;
    // No operation: nothing is there, which the not-found handler tells.
    if (name === undefined) return;
    const { role }: Operation = operations[name];
    if (role === "public") return;
    const principal = await find(tokenOf(request.headers.authorization));
    request.principal = principal;
    if (roleAllows(principal.role, role)) return;
    throw new SlipwayError("FORBIDDEN", {
      detail: `${name} needs the role ${role}; "${principal.name}" is ${principal.role}`,
    });
  };
}

/** Who asks, in a route that is not public. */
export function principalOf(request: Pick<FastifyRequest, "principal">): Principal {
  if (request.principal !== null) return request.principal;
  throw new SlipwayError("UNAUTHENTICATED");
}

/** The token as it is stored. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function operationOf(method: string, url: string): OperationName | undefined {
  const names = Object.keys(operations) as OperationName[];
  return names.find((name) => operations[name].method === method && operations[name].path === url);
}

const longestToken = 4096;

/** `Authorization: Bearer …`, or `Scope-Probe token=…` as fluxctl sends it. */
export function tokenOf(header: string | undefined): string {
  if (header === undefined) throw new SlipwayError("UNAUTHENTICATED", { detail: "no token was given" });
  const [, token] = /^(?:Bearer +|Scope-Probe +token=)(\S+) *$/i.exec(header) ?? [];
  if (token !== undefined && token.length <= longestToken) return token;
  throw new SlipwayError("UNAUTHENTICATED", { detail: "the Authorization header is not Bearer <token>" });
}

/** How long a revoked token may still pass. */
const cacheMs = 10_000;
const mostCached = 1_000;

function tokenFinder({ store, clock }: { store: Store; clock: Clock }) {
  const cache = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();
  return async (token: string): Promise<Principal> => {
    const hash = hashToken(token);
    const key = hash.toString("base64");
    const known = cache.get(key);
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.principal;
    cache.delete(key);
    const row = await findTokenByHash(store.db, hash);
    const role = roles.find((candidate) => candidate === row?.role);
    if (row === undefined || role === undefined) {
      throw new SlipwayError("UNAUTHENTICATED", { detail: "the token is unknown or was revoked" });
    }
    if (cache.size >= mostCached) cache.clear();
    const principal = { tokenId: row.id, name: row.name, role };
    cache.set(key, { principal, untilMs: clock.monotonicMs() + cacheMs });
    return principal;
  };
}
