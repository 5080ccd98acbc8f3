import fastifyStatic from "@fastify/static";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

import { problem } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { ApiApp } from "../deps.ts";
import { at } from "./schemas.ts";

/** Where `npm run build` puts the page. */
const folder = join(import.meta.dirname, "../../../web/dist");

const aYearSeconds = 31_536_000;

/** Scripts and styles of our own, and nothing else: no inline script, no other host, no frame around it. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const html = { description: "The page.", content: { "text/html": { schema: z.string() } } };
const asset = { description: "A file of the page.", content: { "*/*": { schema: z.string() } } };

async function mustBeBuilt(): Promise<void> {
  try {
    await access(join(folder, "index.html"));
  } catch (cause) {
    throw new SlipwayError("PAGE_NOT_BUILT", { hint: "npm run build, or npm start, which does it", cause });
  }
}

const notChanged = z.null().meta({ description: "As the given If-None-Match says." });
const notBuilt = {
  description: "The page is not built, or has no such file.",
  content: { "application/problem+json": { schema: problem } },
};

/** Addresses at which the page may be opened; it finds out itself what to show there. */
const places = [
  "pageHome",
  "pageJobs",
  "pageJob",
  "pageWorkload",
  "pageRelease",
  "pageEnvironments",
] as const;

/** The page for people: one document at each of its addresses, and its files, whose names change with them. */
export async function pageRoutes(app: ApiApp): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    acceptRanges: false,
  });
  const tags = ["page"];

  for (const place of places) {
    app.route({
      ...at(place),
      schema: { summary: "The page", tags, response: { 200: html, 304: notChanged, 404: notBuilt } },
      handler: async (_request, reply) => {
        await mustBeBuilt();
        void reply.header("content-security-policy", pagePolicy).header("cache-control", "no-cache");
        return reply.sendFile("index.html");
      },
    });
  }

  app.route({
    ...at("pageAsset"),
    schema: {
      summary: "A file of the page",
      tags,
      params: z.strictObject({ file: z.string().max(100) }),
      response: { 200: asset, 304: notChanged, 404: notBuilt },
    },
    handler: async (request, reply) => {
      const { file } = request.params;
      if (!/^[\w-]+(\.[\w-]+)*\.(js|css|svg)$/.test(file)) throw new SlipwayError("NOT_FOUND");
      void reply.header("cache-control", `public, max-age=${aYearSeconds}, immutable`);
      return reply.sendFile(join("assets", file));
    },
  });
}
