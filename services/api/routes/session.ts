import { z } from "zod";

import { identity } from "#common/contracts/tokens.ts";

import { toIdentity } from "../access/identity.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { clearSessionCookie, setSessionCookie } from "../page/session-cookie.ts";
import { at, problemAnswers, security } from "./schemas.ts";

/** Signing in and out with a browser. */
export function sessionRoutes(app: ApiApp, deps: Pick<ApiDeps, "settings">): void {
  const tags = ["page"];

  app.route({
    ...at("createSession"),
    schema: {
      summary: "Sign in: the token of this request, as a cookie for the page",
      tags,
      security,
      response: { 200: identity, ...problemAnswers },
    },
    handler: async (request, reply) => {
      setSessionCookie(deps, request, reply);
      void reply.header("cache-control", "no-store");
      return toIdentity(principalOf(request));
    },
  });

  app.route({
    ...at("deleteSession"),
    schema: {
      summary: "Sign out: forgets the cookie",
      tags,
      response: { 204: z.null().meta({ description: "Signed out." }), ...problemAnswers },
    },
    handler: async (request, reply) => {
      clearSessionCookie(deps, request, reply);
      return reply.code(204).send(null);
    },
  });
}
