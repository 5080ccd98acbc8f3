import { z } from "zod";

import { createdToken, identity, revokedToken, tokenPage, tokenRequest } from "#common/contracts/tokens.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { toIdentity } from "../access/identity.ts";
import { createToken, endToken, seenTokens } from "../access/tokens.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { askerOf } from "../releases/asker.ts";
import { at, cursor, pageLimit, problemAnswers, security } from "./schemas.ts";

const tokenQuery = z.strictObject({
  all: z.literal("true").optional().meta({ description: "Also those that have ended." }),
  limit: pageLimit(1_000, 500),
  cursor,
});

/** Who somebody is, and the tokens that let them in. */
export function accessRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["access"], security };

  app.route({
    ...at("getIdentity"),
    schema: {
      ...common,
      summary: "Who the token stands for, and what it may do",
      response: { 200: identity, ...problemAnswers },
    },
    handler: async (request) => toIdentity(principalOf(request)),
  });

  app.route({
    ...at("createToken"),
    schema: {
      ...common,
      summary: "Make a token, no stronger than the one that asks; its secret is in this answer alone",
      body: tokenRequest,
      response: { 201: createdToken, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const made = await createToken(deps, askerOf(request, "createToken"), request.body);
      return reply.code(201).header("cache-control", "no-store").send(made);
    },
  });

  app.route({
    ...at("listTokens"),
    schema: {
      ...common,
      summary: "The tokens that are not stronger than the one that asks, newest first",
      querystring: tokenQuery,
      response: { 200: tokenPage, ...problemAnswers },
    },
    handler: async (request) => {
      const principal = principalOf(request);
      const holder = `${principal.tokenId} tokens`;
      const { all, limit, cursor: sealed } = request.query;
      const tokens = await seenTokens(deps, principal, { all: all === "true" });
      const from = sealed === undefined ? 0 : placeAfter(tokens, deps.cursors.open(sealed, holder));
      const page = tokens.slice(from, from + limit);
      const last = tokens.length > from + limit ? page.at(-1) : undefined;
      return { tokens: page, next: last === undefined ? null : deps.cursors.seal(last.id, holder) };
    },
  });

  app.route({
    ...at("revokeToken"),
    schema: {
      ...common,
      summary: "End a token at once, and every token that it made",
      params: z.strictObject({ id: z.uuid() }),
      response: { 200: revokedToken, ...problemAnswers },
    },
    handler: async (request) => endToken(deps, askerOf(request, "revokeToken"), request.params.id),
  });
}

/** A token that ended since then is not in its place any more. */
function placeAfter(tokens: readonly { readonly id: string }[], id: string): number {
  const place = tokens.findIndex((token) => token.id === id);
  if (place === -1)
    throw new SlipwayError("CURSOR_INVALID", { detail: "its token has ended", hint: "begin anew" });
  return place + 1;
}
