import { z } from "zod";

import { toSlipwayError } from "#common/domain/errors.ts";
import { withDeadline } from "#common/kit/retry.ts";

import type { ApiApp, ApiDeps, Dependency } from "../deps.ts";
import { at } from "./schemas.ts";

const liveness = z.strictObject({ alive: z.literal(true) }).meta({ id: "Liveness" });

const readiness = z
  .strictObject({
    ready: z.boolean(),
    failing: z.array(z.string()).meta({ description: "What keeps the process from being ready." }),
    dependencies: z.record(z.string(), z.string()).meta({ description: '"ok", or a code of the catalogue.' }),
  })
  .meta({ id: "Readiness" });

const checkMs = 1_000;

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
      const checks = await Promise.all(deps.dependencies.map(checkOne));
      const failing = checks.filter((one) => one.needed && one.word !== "ok").map((one) => one.name);
      const dependencies = Object.fromEntries(checks.map(({ name, word }) => [name, word]));
      const ready = failing.length === 0;
      return reply.code(ready ? 200 : 503).send({ ready, failing, dependencies });
    },
  });
}

async function checkOne(dependency: Dependency) {
  const { name, needed } = dependency;
  try {
    await withDeadline(dependency.check(), checkMs, name);
    return { name, needed, word: "ok" };
  } catch (error) {
    // The word is the answer; whoever owns the connection logs why.
    return { name, needed, word: toSlipwayError(error).code };
  }
}
