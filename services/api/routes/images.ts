import { z } from "zod";

import { imagePage, workloadImages } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { seesOf } from "../access/allowed.ts";
import { askForMore } from "../ask-for-more.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import type { LiveParts } from "../live-parts.ts";
import { createImagesOfMany, readImages } from "../read-images.ts";
import { createImagePageText } from "../read-model/image-text.ts";
import { findDeclared, listFilter, readPage } from "./find-workloads.ts";
import { linkNext } from "./link-next.ts";
import { at, cursor, jsonType, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

const eligible = z
  .literal("true")
  .optional()
  .meta({ description: 'Only images that a release of "latest" may choose, and the running one.' });

const manyImagesQuery = z.strictObject({
  ...listFilter,
  limit: pageLimit(2_000, 200).meta({ description: "Workloads in a page." }),
  images: pageLimit(100, 15).meta({ description: "Per container; the running one comes in any case." }),
  eligible,
});

const imagesQuery = z.strictObject({
  container: z.string().max(253).optional(),
  limit: pageLimit(10_000, 1000).meta({
    description: "Per container; the running image comes with the first page in any case.",
  }),
  cursor: cursor.meta({ description: "`next` of a container, which is then named too." }),
  eligible,
  refresh: z.enum(["true", "false"]).default("false").meta({ description: "Ask the registry now." }),
});

/** What workloads could run. */
export function imageRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const common = { tags: ["images"], security };
  const imagesOfMany = createImagesOfMany();
  const imagePageText = createImagePageText();

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
      const { container, limit, refresh, cursor: after, eligible } = request.query;
      if (after !== undefined && container === undefined) {
        throw new SlipwayError("CURSOR_INVALID", {
          detail: "it is of one container",
          hint: "name it by container=",
        });
      }
      const found = await findDeclared({ ...deps, ...live, sees: seesOf(request) }, request.params);
      const page = { container, limit, after, eligibleOnly: eligible === "true" };
      const images = await readImages(deps, { ...found, ...page, refresh: refresh === "true" });
      askForMore(deps, images);
      return images;
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
      const { images: limit, eligible } = request.query;
      const [read, now] = await Promise.all([
        readPage({ ...deps, ...live, sees: seesOf(request) }, request.query),
        deps.store.now(),
      ]);
      const { workloads, declared, nodes, age, next, images: known } = read;
      const page = { limit, eligibleOnly: eligible === "true" };
      const images = imagesOfMany({ known, workloads, declared, nodes, now, page });
      // As with the list of workloads: checking takes longer than making.
      void reply.type(jsonType).serializer(imagePageText);
      linkNext(request, reply, next);
      return { images, age, next };
    },
  });
}
