import type { FastifyRequest } from "fastify";
import { z } from "zod";

import { job } from "#common/contracts/http.ts";
import { endRequest, rollbackRequest } from "#common/contracts/requests.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { findJobToAct, withRollback } from "../find-job.ts";
import { toJob } from "../read-model/job.ts";
import { askerOf } from "../releases/asker.ts";
import { endJob } from "../releases/end-job.ts";
import { cancelJob, rollBack } from "../releases/undo-job.ts";
import { at, idempotencyHeaders, jobPath, problemAnswers, security } from "./schemas.ts";

const emptyBody = z.strictObject({});

/** Cancelling a job, ending one whose push is unknown, and rolling one back. */
export function jobActRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["jobs"], security, params: jobPath, headers: idempotencyHeaders };

  app.route({
    ...at("cancelJob"),
    preValidation: emptyIsAnObject,
    schema: {
      ...common,
      summary: "Cancel a job before its commit is pushed",
      body: emptyBody,
      response: { 200: job, ...problemAnswers },
    },
    handler: async (request) => {
      const asker = askerOf(request, "cancelJob");
      const row = await findJobToAct(deps.store, request.params.id, asker);
      return withRollback(deps.store, await cancelJob(deps, asker, row));
    },
  });

  app.route({
    ...at("endJob"),
    preValidation: emptyIsAnObject,
    schema: {
      ...common,
      summary: "End a job whose push has had no known outcome for 30 minutes",
      body: endRequest,
      response: { 200: job, ...problemAnswers },
    },
    handler: async (request) => {
      const asker = askerOf(request, "endJob");
      const row = await findJobToAct(deps.store, request.params.id, asker);
      const asked = { job: row, body: request.body };
      return withRollback(deps.store, await endJob(deps, asker, asked));
    },
  });

  app.route({
    ...at("rollbackJob"),
    preValidation: emptyIsAnObject,
    schema: {
      ...common,
      summary: "Undo a job: write back what it changed, as a new job",
      body: rollbackRequest,
      response: { 202: job, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const asker = askerOf(request, "rollbackJob");
      const row = await findJobToAct(deps.store, request.params.id, asker);
      const asked = { job: row, body: request.body };
      const made = await rollBack(deps, asker, asked);
      return reply.code(202).header("location", `/v1/jobs/${made.id}`).send(toJob(made));
    },
  });
}

/** These requests need no body. */
async function emptyIsAnObject(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}
