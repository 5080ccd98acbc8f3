import { z } from "zod";

import { operations } from "#common/contracts/operations.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveEnvironment } from "../environments.ts";
import { invalidRequest } from "../faults.ts";
import type { LiveParts } from "../live-parts.ts";
import { startFluxUpdate } from "./flux-actions.ts";
import { fluxErrorHandler, sendFluxError } from "./flux-errors.ts";
import { createFluxReads } from "./flux-reads.ts";
import { fluxUpdate } from "./flux-update.ts";

/** Names of the operations, each under `/api/flux` and under `/api/flux/<environment>`. */
type FluxOperation = Extract<keyof typeof operations, `flux${string}`>;

const word = z.string().max(500).default("");
const prefix = "/api/flux";
const inPath = z.object({ environment: z.string().max(63).optional() });

/**
 * What stock fluxctl 1.25 calls, at `--url http://host:3030/api/flux`; where there are several
 * environments each has a place of its own, `/api/flux/<environment>`.
 */
export async function fluxRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): Promise<void> {
  const reads = createFluxReads({ ...deps, ...live });
  const environmentOf = (params: z.infer<typeof inPath>) =>
    resolveEnvironment(deps.settings, params.environment);
  await app.register(
    async (scope: ApiApp) => {
      scope.setErrorHandler(fluxErrorHandler(deps.log));
      scope.setNotFoundHandler((request, reply) => {
        const old = /^\/api\/flux(?:\/[^/]+)?\/v[1-5]\//.test(request.url);
        const detail = old ? "routes before v6 are gone" : `${request.method} ${request.url.slice(0, 200)}`;
        const hint = "Slipway answers what fluxctl 1.25 asks; another client may use its own API under /v1";
        return sendFluxError(reply, new SlipwayError("NOT_FOUND", { detail, hint }), request.id);
      });
      readBodiesWithoutType(scope);
      const route = <Q extends z.ZodType>(name: FluxOperation, querystring: Q) => {
        const { method, path } = operations[name];
        return {
          method,
          url: path.slice(prefix.length),
          schema: { hide: true, querystring, params: inPath },
        } as const;
      };
      for (const suffix of ["", "Of"] as const) {
        scope.route({
          ...route(`fluxServices${suffix}`, z.object({ namespace: word })),
          handler: async ({ query, params }) => reads.services(environmentOf(params), query),
        });
        scope.route({
          ...route(
            `fluxServicesByName${suffix}`,
            z.object({ namespace: word, services: z.string().max(100_000).default("") }),
          ),
          handler: async ({ query: { namespace, services }, params }) =>
            reads.services(environmentOf(params), { namespace, ids: services.split(",") }),
        });
        scope.route({
          ...route(
            `fluxImages${suffix}`,
            z.object({ service: z.string().max(500).default("<all>"), namespace: word }),
          ),
          handler: async ({ query, params }) => reads.images(environmentOf(params), query),
        });
        scope.route({
          ...route(`fluxJobs${suffix}`, z.object({ id: z.string().min(1).max(64) })),
          handler: async ({ query }) => reads.job(query.id),
        });
        scope.route({
          ...route(
            `fluxSync${suffix}`,
            z.object({ ref: z.string().regex(/^[0-9a-f]{7,40}$/, "7 to 40 hexadecimal digits") }),
          ),
          handler: async ({ query, params }) => reads.notApplied(environmentOf(params), query.ref),
        });
        scope.route({
          ...route(`fluxGitConfig${suffix}`, z.object({})),
          handler: async ({ body, params }) => {
            if (body === true) {
              throw new SlipwayError("INVALID_REQUEST", {
                detail: "Slipway does not make keys for the config repository",
                hint: "give the environment a key of yours: git.sshKeyFile in the settings",
              });
            }
            return reads.gitConfig(environmentOf(params));
          },
        });
        scope.route({
          ...route(`fluxUpdate${suffix}`, z.object({})),
          handler: async (request, reply) => {
            const update = fluxUpdate.safeParse(request.body);
            if (!update.success) throw invalidRequest("body", update.error.issues);
            const asker = {
              principal: principalOf(request),
              operation: `fluxUpdate${suffix}`,
              requestId: request.id,
              key: undefined,
            } as const;
            const environment = environmentOf(request.params);
            const id = await startFluxUpdate(deps, { environment, asker, update: update.data });
            // A JSON string: fluxctl refuses anything else.
            return reply.type("application/json; charset=utf-8").send(JSON.stringify(id));
          },
        });
      }
    },
    { prefix },
  );
}

/** fluxctl posts JSON and does not say that it is JSON. */
function readBodiesWithoutType(scope: ApiApp): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body: string, done) => {
    try {
      done(null, body === "" ? undefined : JSON.parse(body));
    } catch (cause) {
      done(new SlipwayError("INVALID_REQUEST", { detail: "the body is not valid JSON", cause }));
    }
  });
}
