import { z } from "zod";

import { environmentAutomation, liftedHolds } from "#common/contracts/automation-http.ts";
import { environmentSubject, queueNames } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { writeAudit } from "#common/store/audit.ts";
import { liftHolds } from "#common/store/holds.ts";

import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import type { LiveParts } from "../live-parts.ts";
import { readAutomation } from "../read-automation.ts";
import { askerOf, auditOf } from "../releases/asker.ts";
import { findDeclared } from "./find-workloads.ts";
import { at, problemAnswers, security, workloadPath } from "./schemas.ts";

/** What automation would do, and the end of its holds. */
export function automationRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const common = { tags: ["policies"], security };

  app.route({
    ...at("showAutomation"),
    schema: {
      ...common,
      summary: "What automation moves now in an environment, or would move once it is turned on",
      params: z.strictObject({ environment: z.string().max(63) }),
      response: { 200: environmentAutomation, ...problemAnswers },
    },
    handler: async (request) =>
      readAutomation(deps, live, { name: request.params.environment, sees: seesOf(request) }),
  });

  app.route({
    ...at("liftHold"),
    schema: {
      ...common,
      summary: "Lift the holds that rollbacks and people's choices have set, so that automation goes on",
      params: workloadPath,
      querystring: z.strictObject({ container: z.string().max(253).optional() }),
      response: { 200: liftedHolds, ...problemAnswers },
    },
    handler: async (request) => {
      const { environment, id: workload } = (
        await findDeclared({ ...deps, ...live, sees: seesOf(request) }, request.params)
      ).workload;
      const { container } = request.query;
      const asker = askerOf(request, "liftHold");
      refuseBeyond(asker, { environment, workloads: [workload] });
      const by = asker.principal.name;
      const rows = await deps.store.transaction(async (tx) => {
        const held = await liftHolds(tx, {
          environment,
          workload,
          by,
          ...(container === undefined ? {} : { container }),
        });
        await writeAudit(tx, {
          ...auditOf(asker),
          environment,
          workloads: [workload],
          outcome: held.length === 0 ? "HOLD_NOT_FOUND" : "lifted",
          before: { holds: held.map((hold) => ({ container: hold.container, reason: hold.reason })) },
        });
        return held;
      });
      if (rows.length === 0) throw noHold(workload, container);
      deps.ring(queueNames.worker, environmentSubject(environment));
      const lifted = rows.map(({ container: of, image, reason, set_by: setBy, since }) => {
        return { container: of, image, reason, by: setBy, since: since.toISOString() };
      });
      return { workload, environment, lifted };
    },
  });
}

function noHold(workload: string, container: string | undefined): SlipwayError {
  const what = container === undefined ? shortName(workload) : `${shortName(workload)} (${container})`;
  return new SlipwayError("HOLD_NOT_FOUND", {
    detail: `nothing of ${what} is held by a rollback or a choice by hand`,
    hint: "a person's hold stands in git: slipway policy W hold-",
  });
}
