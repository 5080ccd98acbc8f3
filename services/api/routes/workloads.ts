import { createHash } from "node:crypto";
import { z } from "zod";

import { workload, workloadImages, workloadPage } from "#common/contracts/http.ts";
import type { Workload, WorkloadPage } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveEnvironment } from "../environments.ts";
import { readImages } from "../read-images.ts";
import { nearNames } from "../read-model/near-names.ts";
import { cutPage } from "../read-model/page.ts";
import { readWorkloads } from "../views.ts";
import { at, cursor, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

const workloadsQuery = z.strictObject({
  environment: z.string().max(63).optional(),
  namespace: z.string().max(63).optional(),
  filter: z
    .string()
    .max(400)
    .optional()
    .meta({ description: "Only those with this in their name or an image." }),
  limit: pageLimit(1000, 500),
  cursor,
});

const imagesQuery = z.strictObject({
  container: z.string().max(253).optional(),
  limit: pageLimit(10_000, 1000).meta({ description: "Per container; the running image comes in any case." }),
  refresh: z.enum(["true", "false"]).default("false").meta({ description: "Ask the registry now." }),
});

const notChanged = z.null().meta({ description: "As the given If-None-Match says." });

/** What runs and what is declared, and the images it could run. */
export function workloadRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["workloads"], security };

  app.route({
    ...at("listWorkloads"),
    schema: {
      ...common,
      summary: "What runs joined with what is declared",
      querystring: workloadsQuery,
      response: { 200: workloadPage, 304: notChanged, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { environment, namespace, filter, limit, cursor: after } = request.query;
      const read = await readWorkloads(deps, resolveEnvironment(deps.settings, environment), namespace);
      const found = read.workloads.filter((one) => filter === undefined || passes(one, filter));
      const page = { ...cutPage(found, { limit, after }), age: read.age };
      const etag = etagOf(page);
      void reply.header("etag", etag).header("cache-control", "private, no-cache");
      if (request.headers["if-none-match"] === etag) return reply.code(304).send(null);
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
    handler: async (request) => findWorkload(deps, request.params),
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
      const one = await findWorkload(deps, request.params);
      const { container, limit, refresh } = request.query;
      return readImages(deps, { workload: one, container, limit, refresh: refresh === "true" });
    },
  });
}

async function findWorkload(deps: ApiDeps, path: z.infer<typeof workloadPath>): Promise<Workload> {
  const environment = resolveEnvironment(deps.settings, path.environment);
  const { namespace, kind = "", name } = parseWorkloadId(`${path.namespace}:${path.kind}/${path.name}`);
  const id = formatWorkloadId({ namespace, kind, name });
  const read = await readWorkloads(deps, environment, namespace);
  const found = read.workloads.find((one) => one.id === id);
  if (found !== undefined) return found;
  const near = nearNames(
    name,
    read.workloads.map((one) => shortName(one.id)),
  );
  throw new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `${id} is neither declared in git nor running`,
    ...(near.length > 0 && { hint: `did you mean ${near.join(" or ")}?`, facts: { candidates: near } }),
  });
}

function passes(one: Workload, filter: string): boolean {
  const wanted = filter.toLowerCase();
  const texts = [one.id, `${one.namespace}/${one.name}`, ...one.containers.map(({ image }) => image)];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

/** Ages count in coarse steps: 304 says "nothing changed, and it is as fresh as it was". */
function etagOf(page: WorkloadPage): string {
  const { clusterMs, gitMs, ...rest } = page.age;
  const coarse = [Math.floor((clusterMs ?? -1) / 10_000), Math.floor((gitMs ?? -1) / 60_000)];
  const text = JSON.stringify([page.workloads, page.next, rest, coarse]);
  return `W/"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
}
