import type { FastifyInstance, FastifyRequest } from "fastify";

import { operations, ruleOf } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";
import { coversEnvironment, coversEverything, entersEnvironment, reachOf } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { Budgets } from "./access/budgets.ts";
import { rolesText } from "./access/principal.ts";
import type { Principal } from "./access/principal.ts";
import type { Principals } from "./access/principals.ts";

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

export interface GateDeps {
  readonly principals: Principals;
  readonly budgets: Budgets;
}

/** The hook that lets nobody pass who may not: token first, then the role and what its scope leaves of it. */
export function authorizer(deps: GateDeps) {
  return async (request: FastifyRequest): Promise<void> => {
    const name = request.routeOptions.config.operation;
    // No operation: nothing is there, which the not-found handler tells.
    if (name === undefined) return;
    if (ruleOf(name).role === "public") return;
    const principal = await findPrincipal(deps, request);
    request.principal = principal;
    authorize({ principal, operation: name }, request.params);
  };
}

/** Throws FORBIDDEN, or ENVIRONMENT_NOT_FOUND where somebody may not even see it. */
export function authorize(
  { principal, operation }: { readonly principal: Principal; readonly operation: OperationName },
  params: unknown,
): void {
  const { role, about } = ruleOf(operation);
  if (role === "public") return;
  const may = reachOf(principal.grants, role);
  if (may.length === 0) {
    const detail = `${operation} needs the role ${role}; "${principal.name}" is ${rolesText(principal)}`;
    throw new SlipwayError("FORBIDDEN", { detail });
  }
  if (about === "environment") refuseParts(principal, may, environmentIn(params));
  if (about === "installation" && !coversEverything(may)) {
    const detail = `${operation} is about the whole installation, and "${principal.name}" is limited to a part`;
    throw new SlipwayError("FORBIDDEN", { detail });
  }
}

function refuseParts(
  principal: Principal,
  may: ReturnType<typeof reachOf>,
  environment: string | undefined,
): void {
  // Without a name it is the only one there is, which the handler finds, and asks again.
  if (environment === undefined || coversEnvironment(may, environment)) return;
  if (!entersEnvironment(reachOf(principal.grants, "viewer"), environment)) {
    throw new SlipwayError("ENVIRONMENT_NOT_FOUND", { detail: `"${environment}"` });
  }
  const detail = `this is about all of ${environment}, and "${principal.name}" is limited to a part of it`;
  throw new SlipwayError("FORBIDDEN", { detail });
}

function environmentIn(params: unknown): string | undefined {
  if (typeof params !== "object" || params === null || !("environment" in params)) return undefined;
  return typeof params.environment === "string" ? params.environment : undefined;
}

/** Who asks, in a route that is not public. */
export function principalOf(request: Pick<FastifyRequest, "principal">): Principal {
  if (request.principal !== null) return request.principal;
  throw new SlipwayError("UNAUTHENTICATED");
}

function operationOf(method: string, url: string): OperationName | undefined {
  const names = Object.keys(operations) as OperationName[];
  return names.find((name) => {
    const { method: own, path } = ruleOf(name);
    return own === method && path === url;
  });
}

const longestToken = 8_192;

/** `Authorization: Bearer …`, or `Scope-Probe token=…` as fluxctl sends it. */
export function tokenOf(header: string | undefined): string {
  if (header === undefined) throw new SlipwayError("UNAUTHENTICATED", { detail: "no token was given" });
  const [, token] = /^(?:Bearer +|Scope-Probe +token=)(\S+) *$/i.exec(header) ?? [];
  if (token !== undefined && token.length <= longestToken) return token;
  throw new SlipwayError("UNAUTHENTICATED", { detail: "the Authorization header is not Bearer <token>" });
}

/** How often a minute an address may bring tokens that do not count. */
const guessesPerMinute = 600;

async function findPrincipal({ principals, budgets }: GateDeps, request: FastifyRequest): Promise<Principal> {
  const key = `guess ${request.ip}`;
  const waitMs = budgets.waitMs(key);
  try {
    const token = tokenOf(request.headers.authorization);
    if (waitMs > 0 && !principals.isKnown(token)) throw tooManyGuesses(waitMs);
    return await principals.find(token);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== "unauthenticated") throw error;
    const taken = await budgets.take(key, guessesPerMinute);
    throw taken.ok ? error : tooManyGuesses(taken.retryMs);
  }
}

function tooManyGuesses(waitMs: number): SlipwayError {
  const seconds = Math.ceil(waitMs / 1_000);
  return new SlipwayError("RATE_LIMITED", {
    detail: "too many requests without a token that counts came from this address",
    hint: `ask again in ${seconds} s`,
    facts: { retryAfterSeconds: seconds },
  });
}
