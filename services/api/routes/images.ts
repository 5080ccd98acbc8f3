import { z } from "zod";

import { imagePage, workloadImages } from "#common/contracts/http.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import type { LiveParts } from "../live-parts.ts";
import { createImagesOfMany, readImages } from "../read-images.ts";
import { findWorkload, listFilter, readPage } from "./find-workloads.ts";
import { at, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

const manyImagesQuery = z.strictObject({
  ...listFilter,
  limit: pageLimit(2_000, 200).meta({ description: "Workloads in a page." }),
  images: pageLimit(100, 15).meta({ description: "Per container; the running one comes in any case." }),
});

const imagesQuery = z.strictObject({
  container: z.string().max(253).optional(),
  limit: pageLimit(10_000, 1000).meta({ description: "Per container; the running image comes in any case." }),
  refresh: z.enum(["true", "false"]).default("false").meta({ description: "Ask the registry now." }),
});

/** What workloads could run. */
export function imageRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const common = { tags: ["images"], security };
  const imagesOfMany = createImagesOfMany();

  app.route({
    ...at("listImages"),
    schema: {
      ...common,
      summary: "The images each container could run, newest first",
      params: workloadPath,
      querystring: imagesQuery,
      response: { 200: workloadImages, ...problemAnswers },
    },
    handler: async (request) => {
      const one = await findWorkload({ ...deps, ...live }, request.params);
      const { container, limit, refresh } = request.query;
      return readImages(deps, { workload: one, container, limit, refresh: refresh === "true" });
    },
  });

  app.route({
    ...at("listAllImages"),
    schema: {
      ...common,
      summary: "The images that many workloads could run, from the last scans",
      querystring: manyImagesQuery,
      response: { 200: imagePage, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { workloads, age, next, images: known } = await readPage({ ...deps, ...live }, request.query);
      const images = imagesOfMany(known, workloads, request.query.images);
      // As with the list of workloads: checking takes longer than making.
      void reply.serializer(JSON.stringify);
      return { images, age, next };
    },
  });
}
