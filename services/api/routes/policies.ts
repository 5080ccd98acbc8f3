import { z } from "zod";

import { job, plan } from "#common/contracts/http.ts";
import { explanation, workloadPolicy } from "#common/contracts/policy-http.ts";
import { policyChangeRequest, policyRequest } from "#common/contracts/policy-requests.ts";
import type { Reach } from "#common/domain/access.ts";
import { holdsOf } from "#common/store/holds.ts";

import { seesOf } from "../access/allowed.ts";
import { closedGates } from "../closed-gates.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveSeen } from "../environments.ts";
import type { LiveParts } from "../live-parts.ts";
import { explainWorkload } from "../read-explanation.ts";
import type { ExplainFacts } from "../read-explanation.ts";
import { toJob } from "../read-model/job.ts";
import { policyOf } from "../read-policy.ts";
import { askerOf } from "../releases/asker.ts";
import { submitPolicy, tryPolicy } from "../releases/submit-policy.ts";
import { findDeclared, idOf } from "./find-workloads.ts";
import { at, idempotencyHeaders, pageLimit, problemAnswers, security, workloadPath } from "./schemas.ts";

const explainQuery = z.strictObject({
  container: z.string().max(253).optional(),
  limit: pageLimit(10_000, 100).meta({
    description: "Tags per container; the current one comes in any case.",
  }),
});

/** Policies of workloads: what counts, how it is changed, and what it decides. */
export function policyRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const common = { tags: ["policies"], security };
  const changing = {
    ...common,
    headers: idempotencyHeaders,
    response: { 200: plan, 202: job, ...problemAnswers },
  };

  app.route({
    ...at("getPolicy"),
    schema: {
      ...common,
      summary: "The policies that count for a workload, with the source of each part",
      params: workloadPath,
      response: { 200: workloadPolicy, ...problemAnswers },
    },
    handler: async (request) =>
      policyOf(await factsOf({ ...deps, ...live, sees: seesOf(request) }, request.params)),
  });

  app.route({
    ...at("setPolicy"),
    schema: {
      ...changing,
      summary: "Change policies of one workload, as a job with one commit, or plan it with dryRun",
      params: workloadPath,
      body: policyChangeRequest,
    },
    handler: async (request, reply) => {
      const { set, message, prefix, dryRun } = request.body;
      const changes = [{ workload: idOf(request.params).id, set }];
      const asked = { environment: request.params.environment, changes, message, prefix };
      const asker = askerOf(request, "setPolicy");
      if (dryRun) return reply.code(200).send(await tryPolicy(deps, asker, asked));
      const row = await submitPolicy(deps, asker, asked);
      return reply.code(202).header("location", `/v1/jobs/${row.id}`).send(toJob(row));
    },
  });

  app.route({
    ...at("changePolicies"),
    schema: {
      ...changing,
      summary: "Change policies of several workloads, as a job with one commit, or plan it with dryRun",
      body: policyRequest,
    },
    handler: async (request, reply) => {
      const { dryRun, ...asked } = request.body;
      const asker = askerOf(request, "changePolicies");
      if (dryRun) return reply.code(200).send(await tryPolicy(deps, asker, asked));
      const row = await submitPolicy(deps, asker, asked);
      return reply.code(202).header("location", `/v1/jobs/${row.id}`).send(toJob(row));
    },
  });

  app.route({
    ...at("explainWorkload"),
    schema: {
      ...common,
      summary: "What automation would do with a workload now, and why each tag is taken or passed over",
      params: workloadPath,
      querystring: explainQuery,
      response: { 200: explanation, ...problemAnswers },
    },
    handler: async (request) =>
      explainWorkload(
        deps,
        await factsOf({ ...deps, ...live, sees: seesOf(request) }, request.params),
        request.query,
      ),
  });
}

async function factsOf(
  deps: ApiDeps & Pick<LiveParts, "lists"> & { readonly sees: Reach },
  path: z.infer<typeof workloadPath>,
): Promise<ExplainFacts> {
  const environment = resolveSeen(deps.settings, path.environment, deps.sees);
  const { workload, declared, running, complete, nodes, age } = await findDeclared(deps, path);
  const rows = declared.get(workload.id) ?? [];
  const holds = (await holdsOf(deps.store.db, environment.name)).filter(
    (hold) => hold.workload === workload.id,
  );
  const runs = running?.has(workload.id) === true;
  return {
    environment,
    workload,
    row: rows[0],
    twins: rows.slice(1).map((row) => row.path),
    running: runs || (running !== undefined && complete) ? runs : undefined,
    holds,
    gates: await closedGates(deps, { environment, namespace: workload.namespace }),
    nodes,
    age,
  };
}
