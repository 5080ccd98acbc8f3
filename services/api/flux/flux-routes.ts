import { z } from "zod";

import { operations } from "#common/contracts/operations.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { Principal } from "../access/principal.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveSeen } from "../environments.ts";
import { invalidRequest } from "../faults.ts";
import type { LiveParts } from "../live-parts.ts";
import { askerOf } from "../releases/asker.ts";
import { startFluxUpdate } from "./flux-actions.ts";
import { fluxErrorHandler, sendFluxError } from "./flux-errors.ts";
import { createFluxReads } from "./flux-reads.ts";
import type { Seen } from "./flux-reads.ts";
import { fluxUpdate } from "./flux-update.ts";

const prefix = "/api/flux";
const exportMs = 25_000;

/**
 * What stock fluxctl 1.25 calls, at `--url http://host:3030/api/flux`; where there are several
 * environments each has a place of its own, `/api/flux/<environment>`.
 */
export async function fluxRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): Promise<void> {
  await app.register(
    async (scope: ApiApp) => {
      scope.setErrorHandler(fluxErrorHandler(deps.log));
      tellWhatIsNotHere(scope);
      readBodiesWithoutType(scope);
      for (const place of places) {
        const at = { scope, deps, place, reads: createFluxReads({ ...deps, ...live }) };
        listRoutes(at);
        gitRoutes(at);
        updateRoute(at);
      }
    },
    { prefix },
  );
}

/** The end of an operation's name: under `/api/flux`, and under `/api/flux/<environment>`. */
const places = ["", "Of"] as const;
type Place = (typeof places)[number];

interface Scope {
  readonly scope: ApiApp;
  readonly deps: ApiDeps;
  readonly place: Place;
  readonly reads: ReturnType<typeof createFluxReads>;
}

const inPath = z.object({ environment: z.string().max(63).optional() });
const word = z.string().max(500).default("");

function route<Q extends z.ZodType>(name: keyof typeof operations, querystring: Q) {
  const { method, path } = operations[name];
  return {
    method,
    url: path.slice(prefix.length),
    schema: { hide: true, querystring, params: inPath },
  } as const;
}

interface Asking {
  readonly principal: Principal | null;
  readonly params: z.infer<typeof inPath>;
}

function seenOf({ deps }: Scope, request: Asking): Seen {
  const sees = seesOf(request);
  return { environment: resolveSeen(deps.settings, request.params.environment, sees), sees };
}

function listRoutes(at: Scope): void {
  const { scope, place, reads } = at;
  scope.route({
    ...route(`fluxServices${place}`, z.object({ namespace: word })),
    handler: async (request) => reads.services(seenOf(at, request), request.query),
  });
  const named = z.object({ namespace: word, services: z.string().max(100_000).default("") });
  scope.route({
    ...route(`fluxServicesByName${place}`, named),
    handler: async (request) => {
      const { namespace, services } = request.query;
      return reads.services(seenOf(at, request), { namespace, ids: services.split(",") });
    },
  });
  scope.route({
    ...route(
      `fluxImages${place}`,
      z.object({ service: z.string().max(500).default("<all>"), namespace: word }),
    ),
    handler: async (request) => reads.images(seenOf(at, request), request.query),
  });
  scope.route({
    ...route(`fluxExport${place}`, z.object({})),
    handler: async (request, reply) => {
      const { environment } = seenOf(at, request);
      const asked = { principal: principalOf(request), operation: `fluxExport${place}` } as const;
      refuseBeyond(asked, { environment: environment.name, workloads: null });
      const left = new AbortController();
      reply.raw.once("close", () => left.abort());
      const signal = AbortSignal.any([left.signal, AbortSignal.timeout(exportMs)]);
      const exported = await reads.exported(environment, signal);
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(exported));
    },
  });
}

function gitRoutes(at: Scope): void {
  const { scope, place, reads } = at;
  const ref = z.string().regex(/^[0-9a-f]{7,40}$/, "7 to 40 hexadecimal digits");
  scope.route({
    ...route(`fluxSync${place}`, z.object({ ref })),
    handler: async (request) => reads.notApplied(seenOf(at, request), request.query.ref),
  });
  scope.route({
    ...route(`fluxGitConfig${place}`, z.object({})),
    handler: async (request) => {
      if (request.body !== true) return reads.gitConfig(seenOf(at, request).environment);
      throw new SlipwayError("INVALID_REQUEST", {
        detail: "Slipway does not make keys for the config repository",
        hint: "give the environment a key of yours: git.sshKeyFile in the settings",
      });
    },
  });
}

function updateRoute(at: Scope): void {
  const { scope, place, reads, deps } = at;
  scope.route({
    ...route(`fluxJobs${place}`, z.object({ id: z.string().min(1).max(64) })),
    handler: async (request) => reads.job(principalOf(request), request.query.id),
  });
  scope.route({
    ...route(`fluxUpdate${place}`, z.object({})),
    handler: async (request, reply) => {
      const update = fluxUpdate.safeParse(request.body);
      if (!update.success) throw invalidRequest("body", update.error.issues);
      const id = await startFluxUpdate(deps, {
        environment: seenOf(at, request).environment,
        asker: askerOf(request, `fluxUpdate${place}`),
        update: update.data,
      });
      // A JSON string: fluxctl refuses anything else.
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(id));
    },
  });
}

function tellWhatIsNotHere(scope: ApiApp): void {
  scope.setNotFoundHandler((request, reply) => {
    const isOld = /^\/api\/flux(?:\/[^/]+)?\/v[1-5]\//.test(request.url);
    const path = request.url.split("?", 1)[0]?.slice(0, 200) ?? "";
    const detail = isOld ? "routes before v6 are gone" : `${request.method} ${path}`;
    const hint = "Slipway answers what fluxctl 1.25 asks. Its own API is under /v1.";
    return sendFluxError(reply, new SlipwayError("NOT_FOUND", { detail, hint }), request.id);
  });
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
