import { z } from "zod";

import { workload, workloadHistory, workloadImages, workloadPage } from "#common/contracts/http.ts";
import type { Workload } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveEnvironment } from "../environments.ts";
import { readHistory } from "../read-history.ts";
import { readImages } from "../read-images.ts";
import type { LiveParts } from "../live-parts.ts";
import { filterWorkloads, workloadStates } from "../read-model/filters.ts";
import { createListing } from "../read-model/listing.ts";
import { nearNames } from "../read-model/near-names.ts";
import { cutPage } from "../read-model/page.ts";
import { at, cursor, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

/** Repeatable in a query; a single one comes as a text. */
const several = <T extends z.ZodType>(one: T) =>
  z
    .union([one.transform((value) => [value]), z.array(one).max(20)])
    .optional()
    .transform((values) => values ?? []);

const workloadsQuery = z.strictObject({
  environment: z.string().max(63).optional(),
  namespace: z.string().max(63).optional(),
  label: several(z.string().max(2_000)).meta({
    description: "key=value, key!=value, key or !key; repeatable, or with commas. All must hold.",
  }),
  filter: z
    .string()
    .max(400)
    .optional()
    .meta({ description: "Only those with this in their name or an image." }),
  state: several(z.enum(workloadStates)).meta({
    description: "Only those that are so; repeatable: all must hold. failing: the release state is error.",
  }),
  limit: pageLimit(10_000, 500),
  cursor,
});

const imagesQuery = z.strictObject({
  container: z.string().max(253).optional(),
  limit: pageLimit(10_000, 1000).meta({ description: "Per container; the running image comes in any case." }),
  refresh: z.enum(["true", "false"]).default("false").meta({ description: "Ask the registry now." }),
});

const notChanged = z.null().meta({ description: "As the given If-None-Match says." });

/** What runs and what is declared, and the images it could run. */
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
      const { environment, namespace, label, filter, state, limit, cursor: after } = request.query;
      const { workloads, age } = await live.lists.read(resolveEnvironment(deps.settings, environment));
      const found = filterWorkloads(workloads, { namespace, text: filter, labels: label, states: state });
      const page = { ...cutPage(found, { limit, after }), age };
      const etag = listing.etag(page);
      void reply.header("etag", etag).header("cache-control", "private, no-cache");
      if (request.headers["if-none-match"] === etag) return reply.code(304).send(null);
      // Written already: ten thousand workloads would take longer to check than to read.
      void reply.serializer(() => listing.json(page));
      return page;
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
    handler: async (request) => findWorkload({ ...deps, ...live }, request.params),
  });

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
    ...at("workloadHistory"),
    schema: {
      ...common,
      summary: "What ran when: by which job, commit and person, newest first",
      params: workloadPath,
      querystring: z.strictObject({ limit: pageLimit(200, 50), cursor }),
      response: { 200: workloadHistory, ...problemAnswers },
    },
    handler: async (request) => {
      const { name: environment } = resolveEnvironment(deps.settings, request.params.environment);
      return readHistory(deps, { environment, workload: idOf(request.params).id, ...request.query });
    },
  });
}

function idOf(path: z.infer<typeof workloadPath>): { id: string; namespace: string; name: string } {
  const { namespace, kind = "", name } = parseWorkloadId(`${path.namespace}:${path.kind}/${path.name}`);
  return { id: formatWorkloadId({ namespace, kind, name }), namespace, name };
}

async function findWorkload(
  deps: Pick<ApiDeps, "settings"> & Pick<LiveParts, "lists">,
  path: z.infer<typeof workloadPath>,
): Promise<Workload> {
  const environment = resolveEnvironment(deps.settings, path.environment);
  const { id, namespace, name } = idOf(path);
  const { workloads } = await deps.lists.read(environment);
  const found = workloads.find((one) => one.id === id);
  if (found !== undefined) return found;
  const beside = workloads.filter((one) => one.namespace === namespace);
  const near = nearNames(
    name,
    beside.map((one) => shortName(one.id)),
  );
  throw new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `${id} is neither declared in git nor running`,
    ...(near.length > 0 && { hint: `did you mean ${near.join(" or ")}?`, facts: { candidates: near } }),
  });
}
