import { z } from "zod";

import { readinessOf } from "#common/kit/health.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { at } from "./schemas.ts";

const liveness = z.strictObject({ alive: z.literal(true) }).meta({ id: "Liveness" });

const readiness = z
  .strictObject({
    ready: z.boolean(),
    failing: z.array(z.string()).meta({ description: "What keeps the process from being ready." }),
    dependencies: z.record(z.string(), z.string()).meta({ description: '"ok", or a code of the catalogue.' }),
  })
  .meta({ id: "Readiness" });

/** `/livez` and `/readyz`: ready means that requests can be accepted, which needs Postgres alone. */
export function healthRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["health"] };
  app.route({
    ...at("livez"),
    schema: { ...common, summary: "The process runs", response: { 200: liveness } },
    handler: async () => ({ alive: true as const }),
  });

  app.route({
    ...at("readyz"),
    schema: {
      ...common,
      summary: "The process can serve",
      response: { 200: readiness, 503: readiness },
    },
    handler: async (_request, reply) => {
      const answer = await readinessOf(deps.dependencies);
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
  });
}
