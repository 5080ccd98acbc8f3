import { z } from "zod";

import { job, jobPage, steps } from "#common/contracts/http.ts";
import { listSteps, stepLimit } from "#common/store/steps.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { findJob, withRollback } from "../find-job.ts";
import type { LiveParts } from "../live-parts.ts";
import { seesOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import { readJobs } from "../read-jobs.ts";
import { toStep } from "../read-model/job.ts";
import { waitForEnd } from "../wait-for-end.ts";
import { jobSearchQuery, toSearch } from "./job-query.ts";
import { linkNext } from "./link-next.ts";
import { at, cursor, jobPath, pageLimit, problemAnswers, security } from "./schemas.ts";

const jobQuery = z.strictObject({ ...jobSearchQuery, limit: pageLimit(200, 50), cursor });

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
      const { limit, cursor: sealed, ...query } = request.query;
      const holder = `${principalOf(request).tokenId} jobs`;
      const cursor = sealed === undefined ? undefined : deps.cursors.open(sealed, holder);
      const found = await readJobs(deps, {
        ...toSearch(query, deps),
        limit,
        cursor,
        within: seesOf(request),
      });
      const page = { ...found, next: found.next === null ? null : deps.cursors.seal(found.next, holder) };
      linkNext(request, reply, page.next);
      return page;
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
