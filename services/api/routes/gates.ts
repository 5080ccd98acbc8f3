import { z } from "zod";

import { approveRequest, freeze, freezeRequest, freezes, setFreeze } from "#common/contracts/gates.ts";
import { job } from "#common/contracts/http.ts";
import { activeFreezes } from "#common/store/freezes.ts";

import { seesOf } from "../access/allowed.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveEnvironment, resolveSeen } from "../environments.ts";
import { findJobToAct, withRollback } from "../find-job.ts";
import { approveJob } from "../gates/approve-job.ts";
import { freezeEnvironment, isFreezeSeen, toFreeze, unfreeze } from "../gates/freezes.ts";
import { askerOf } from "../releases/asker.ts";
import { at, jobPath, problemAnswers, security } from "./schemas.ts";

const environmentPath = z.strictObject({ environment: z.string().max(63) });

/** Freezes, and people's word on jobs that wait for it. */
export function gateRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["gates"], security };

  app.route({
    ...at("listFreezes"),
    schema: {
      ...common,
      summary: "The freezes that hold now",
      querystring: z.strictObject({ environment: z.string().max(63).optional() }),
      response: { 200: freezes, ...problemAnswers },
    },
    handler: async (request) => {
      const { environment } = request.query;
      const sees = seesOf(request);
      const named =
        environment === undefined ? undefined : [resolveSeen(deps.settings, environment, sees).name];
      const all = await activeFreezes(deps.store.db, named);
      return { freezes: all.filter((one) => isFreezeSeen(sees, one)).map(toFreeze) };
    },
  });

  app.route({
    ...at("setFreeze"),
    schema: {
      ...common,
      summary: "Freeze an environment, or one namespace of it: nothing is released there until it ends",
      params: environmentPath,
      body: freezeRequest,
      response: { 200: setFreeze, ...problemAnswers },
    },
    handler: async (request) => {
      const environment = resolveEnvironment(deps.settings, request.params.environment);
      return freezeEnvironment(deps, askerOf(request, "setFreeze"), { environment, body: request.body });
    },
  });

  app.route({
    ...at("liftFreeze"),
    schema: {
      ...common,
      summary: "Lift a freeze; what waits for it goes by itself",
      params: environmentPath,
      querystring: z.strictObject({ namespace: z.string().max(63).optional() }),
      response: { 200: freeze, ...problemAnswers },
    },
    handler: async (request) => {
      const environment = resolveEnvironment(deps.settings, request.params.environment);
      const { namespace } = request.query;
      return unfreeze(deps, askerOf(request, "liftFreeze"), { environment, namespace });
    },
  });

  for (const [operation, verdict, summary] of words) {
    app.route({
      ...at(operation),
      preValidation: async (request) => void (request.body ??= {}),
      schema: {
        ...common,
        summary,
        params: jobPath,
        body: approveRequest,
        response: { 200: job, ...problemAnswers },
      },
      handler: async (request) => {
        const asker = askerOf(request, operation);
        const row = await findJobToAct(deps.store, request.params.id, asker);
        const asked = { job: row, body: request.body, verdict };
        return withRollback(deps.store, await approveJob(deps, asker, asked));
      },
    });
  }
}

const words = [
  ["approveJob", "approved", "Consent to what a waiting job would change"],
  ["rejectJob", "rejected", "Refuse what a waiting job would change: it ends"],
] as const;
