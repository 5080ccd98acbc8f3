import { z } from "zod";

import { workload, workloadHistory, workloadPage } from "#common/contracts/http.ts";
import { coversWorkload } from "#common/domain/access.ts";

import { seesOf, unseenWorkload } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveSeen } from "../environments.ts";
import type { LiveParts } from "../live-parts.ts";
import { readHistory } from "../read-history.ts";
import { createListing } from "../read-model/listing.ts";
import { findWorkload, idOf, listFilter, readPage } from "./find-workloads.ts";
import { linkNext } from "./link-next.ts";
import { at, cursor, jsonType, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

const workloadsQuery = z.strictObject({ ...listFilter, limit: pageLimit(10_000, 500) });

const notChanged = z.null().meta({ description: "As the given If-None-Match says." });

/** What runs and what is declared, and what ran when. */
export function workloadRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const common = { tags: ["workloads"], security };
  const listing = createListing();

  app.route({
    ...at("listWorkloads"),
    schema: {
      ...common,
      summary: "What runs joined with what is declared",
      querystring: workloadsQuery,
      response: { 200: workloadPage, 304: notChanged, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { age, ...cut } = await readPage({ ...deps, ...live, sees: seesOf(request) }, request.query);
      const page = { workloads: cut.workloads, age, next: cut.next };
      const etag = listing.etag(page);
      linkNext(request, reply, cut.next);
      void reply.header("etag", etag).header("cache-control", "private, no-cache");
      if (request.headers["if-none-match"] === etag) return reply.code(304).send(null);
      // Written already: ten thousand workloads would take longer to check than to read.
      void reply.type(jsonType).serializer(() => listing.json(page));
      return { ...page, workloads: [] };
    },
  });

  app.route({
    ...at("getWorkload"),
    schema: {
      ...common,
      summary: "One workload",
      params: workloadPath,
      response: { 200: workload, ...problemAnswers },
    },
    handler: async (request) => findWorkload({ ...deps, ...live, sees: seesOf(request) }, request.params),
  });

  app.route({
    ...at("workloadHistory"),
    schema: {
      ...common,
      summary: "What ran when: by which job, commit and person, newest first",
      params: workloadPath,
      querystring: z.strictObject({ limit: pageLimit(200, 50), cursor }),
      response: { 200: workloadHistory, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const sees = seesOf(request);
      const { name: environment } = resolveSeen(deps.settings, request.params.environment, sees);
      const workload = idOf(request.params).id;
      if (!coversWorkload(sees, { environment, workload })) throw unseenWorkload(workload);
      const { cursor: sealed, limit } = request.query;
      const holder = `${principalOf(request).tokenId} history ${environment} ${workload}`;
      const after = sealed === undefined ? undefined : deps.cursors.open(sealed, holder);
      const page = await readHistory(deps, { environment, workload, limit, cursor: after, sees });
      const history = { ...page, next: page.next === null ? null : deps.cursors.seal(page.next, holder) };
      linkNext(request, reply, history.next);
      return history;
    },
  });
}
