import { job, plan } from "#common/contracts/http.ts";
import { releaseRequest } from "#common/contracts/requests.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { toJob } from "../read-model/job.ts";
import { askerOf } from "../releases/asker.ts";
import { submitRelease, tryRelease } from "../releases/submit-release.ts";
import { at, idempotencyHeaders, problemAnswers, security } from "./schemas.ts";

/** `POST /v1/releases` */
export function releaseRoutes(app: ApiApp, deps: ApiDeps): void {
  const schema = {
    summary: "Release images to workloads, or plan it with dryRun",
    tags: ["releases"],
    security,
    headers: idempotencyHeaders,
    body: releaseRequest,
    response: { 200: plan, 202: job, ...problemAnswers },
  };
  app.route({
    ...at("createRelease"),
    schema,
    handler: async (request, reply) => {
      const asker = askerOf(request, "createRelease");
      if (request.body.dryRun) return reply.code(200).send(await tryRelease(deps, asker, request.body));
      const row = await submitRelease(deps, asker, request.body);
      return reply.code(202).header("location", `/v1/jobs/${row.id}`).send(toJob(row));
    },
  });
}
