import type { FastifyReply } from "fastify";
import { z } from "zod";

import { isErrorCode, SlipwayError } from "#common/domain/errors.ts";

import type { ApiApp } from "../deps.ts";
import { apiPage } from "../description/api-page.ts";
import { errorListPage, errorPage } from "../description/error-page.ts";
import type { OpenApiDocument } from "../description/finish-document.ts";
import { pagePolicy } from "../description/html.ts";
import { apiVersion } from "../version.ts";
import { at } from "./schemas.ts";

const page = { description: "A page for people.", content: { "text/html": { schema: z.string() } } };

/** This API's own description, for programs and for people, and a page for each error code. */
export function openapiRoutes(app: ApiApp): void {
  const tags = ["description"];
  // Made once: the routes do not change while the process runs.
  let document: OpenApiDocument | undefined;
  const described = (): OpenApiDocument => (document ??= app.swagger() as OpenApiDocument);

  app.route({
    ...at("openapi"),
    schema: { summary: "This description", tags, response: { 200: z.record(z.string(), z.unknown()) } },
    handler: async () => ({ ...described() }),
  });
  app.route({
    ...at("apiPage"),
    schema: { summary: "This description as a page", tags, response: { 200: page } },
    handler: async (_request, reply) => sendPage(reply, apiPage(described(), apiVersion)),
  });
  app.route({
    ...at("listErrors"),
    schema: { summary: "All error codes as a page", tags, response: { 200: page } },
    handler: async (_request, reply) => sendPage(reply, errorListPage()),
  });
  app.route({
    ...at("showError"),
    schema: {
      summary: "What an error code means, and what to do: where `type` of a problem points",
      tags,
      params: z.strictObject({ code: z.string().max(64) }),
      response: { 200: page },
    },
    handler: async (request, reply) => {
      const { code } = request.params;
      if (!isErrorCode(code)) throw new SlipwayError("NOT_FOUND", { detail: "no error has this code" });
      return sendPage(reply, errorPage(code));
    },
  });
}

function sendPage(reply: Pick<FastifyReply, "header" | "type" | "send">, html: string): FastifyReply {
  void reply.header("content-security-policy", pagePolicy).header("cache-control", "no-cache");
  return reply.type("text/html; charset=utf-8").send(html);
}
