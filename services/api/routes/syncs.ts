import { job } from "#common/contracts/http.ts";
import { restartRequest, syncRequest } from "#common/contracts/requests.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { toJob } from "../read-model/job.ts";
import { askerOf } from "../releases/asker.ts";
import { submitRestart } from "../releases/submit-restart.ts";
import { submitSync } from "../releases/submit-sync.ts";
import { at, idempotencyHeaders, problemAnswers, security } from "./schemas.ts";

/** `POST /v1/syncs` and `POST /v1/restarts` */
export function syncRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { security, headers: idempotencyHeaders, response: { 202: job, ...problemAnswers } };

  app.route({
    ...at("createSync"),
    schema: {
      ...common,
      summary: "Bring the cluster to what git declares; nothing is removed",
      tags: ["syncs"],
      body: syncRequest,
    },
    handler: async (request, reply) => {
      const row = await submitSync(deps, askerOf(request, "createSync"), request.body);
      return reply.code(202).header("location", `/v1/jobs/${row.id}`).send(toJob(row));
    },
  });

  app.route({
    ...at("createRestart"),
    schema: {
      ...common,
      summary: "Make the pods of workloads anew, from the templates as they are",
      tags: ["restarts"],
      body: restartRequest,
    },
    handler: async (request, reply) => {
      const row = await submitRestart(deps, askerOf(request, "createRestart"), request.body);
      return reply.code(202).header("location", `/v1/jobs/${row.id}`).send(toJob(row));
    },
  });
}
