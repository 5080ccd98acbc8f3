import { z } from "zod";

import { job, jobKinds, jobPage, jobPhases, steps } from "#common/contracts/http.ts";
import { listJobs, rollbacksOf } from "#common/store/job-list.ts";
import { listSteps, stepLimit } from "#common/store/steps.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { findJob, withRollback } from "../find-job.ts";
import type { LiveParts } from "../live-parts.ts";
import { seesOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import { toJob, toStep } from "../read-model/job.ts";
import { waitForEnd } from "../wait-for-end.ts";
import { instantOf, instantText } from "./instants.ts";
import { at, cursor, jobPath, pageLimit, problemAnswers, security } from "./schemas.ts";

const jobQuery = z.strictObject({
  environment: z.string().max(63).optional(),
  workload: z.string().max(400).optional().meta({ description: "namespace/name or namespace:kind/name" }),
  image: z.string().max(500).optional().meta({ description: "An image, or a repository for all its tags." }),
  phase: z.enum(jobPhases).optional(),
  kind: z.enum(jobKinds).optional(),
  since: instantText.optional(),
  limit: pageLimit(200, 50),
  cursor,
});

const waitQuery = z.strictObject({
  wait: z
    .string()
    .regex(/^([1-5]?\d|60)s$/, "at most 60s, e.g. 30s")
    .optional()
    .meta({ description: "Answer when the job has ended, or after this long." }),
});

const stepsQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).meta({ description: "`next` of the answer before." }),
});

/** Reading jobs: one, many, and their steps. */
export function jobRoutes(app: ApiApp, deps: ApiDeps, live: LiveParts): void {
  const common = { tags: ["jobs"], security };

  app.route({
    ...at("listJobs"),
    schema: {
      ...common,
      summary: "Jobs, newest first",
      querystring: jobQuery,
      response: { 200: jobPage, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { since: from, cursor: sealed, ...query } = request.query;
      const holder = `${principalOf(request).tokenId} jobs`;
      const after = sealed === undefined ? {} : { cursor: deps.cursors.open(sealed, holder) };
      const filter = {
        ...query,
        ...after,
        ...(from !== undefined && { since: instantOf(from, deps) }),
        within: seesOf(request),
      };
      const page = await listJobs(deps.store.db, filter);
      const next = page.next === null ? null : deps.cursors.seal(page.next, holder);
      const undone = await rollbacksOf(
        deps.store.db,
        page.jobs.map((row) => row.id),
      );
      if (next !== null) void reply.header("link", nextLink(request.url, next));
      return { jobs: page.jobs.map((row) => toJob(row, undone.get(row.id))), next };
    },
  });

  app.route({
    ...at("getJob"),
    schema: {
      ...common,
      summary: "One job; with wait, as soon as it has ended",
      params: jobPath,
      querystring: waitQuery,
      response: { 200: job, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const row = await findJob(deps.store, request.params.id, seesOf(request));
      const waitMs = Number.parseInt(request.query.wait ?? "0", 10) * 1_000;
      const client = principalOf(request).tokenId;
      return withRollback(deps.store, await waitForEnd(deps, live, { row, waitMs, client, reply }));
    },
  });

  app.route({
    ...at("listSteps"),
    schema: {
      ...common,
      summary: "The steps of a job that came or changed since `after`",
      params: jobPath,
      querystring: stepsQuery,
      response: { 200: steps, ...problemAnswers },
    },
    handler: async (request) => {
      const { id } = await findJob(deps.store, request.params.id, seesOf(request));
      const after = BigInt(request.query.after);
      const page = await listSteps(deps.store.db, id, { after, limit: stepLimit });
      return { steps: page.steps.map(toStep), next: Number(page.next) };
    },
  });
}

function nextLink(url: string, next: string): string {
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", next);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
