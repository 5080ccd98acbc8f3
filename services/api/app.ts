import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import fastify from "fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { IncomingMessage } from "node:http";
import type { z } from "zod";

import { SlipwayError } from "#common/domain/errors.ts";
import { isRequestId, withRequestId } from "#common/kit/request-id.ts";

import { sharedBudgets } from "./access/shared-budgets.ts";
import { authorizer, denyUnlistedRoutes } from "./auth.ts";
import { answerClientError } from "./client-error.ts";
import { followClusters } from "./cluster-views.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { fluxRoutes } from "./flux/flux-routes.ts";
import { invalidRequest } from "./faults.ts";
import { createJobWatch } from "./job-watch.ts";
import type { LiveParts } from "./live-parts.ts";
import { createOpenAnswers } from "./open-answers.ts";
import { countAnswers } from "./metrics.ts";
import { describeApi } from "./description/openapi.ts";
import { acceptSessionCookie } from "./page/session-cookie.ts";
import { codedError, problemHandler, sendProblem } from "./problem.ts";
import { automationRoutes } from "./routes/automation.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { environmentEventRoutes } from "./routes/environment-events.ts";
import { environmentRoutes } from "./routes/environments.ts";
import { gateRoutes } from "./routes/gates.ts";
import { healthRoutes } from "./routes/health.ts";
import { imageRoutes } from "./routes/images.ts";
import { jobActRoutes } from "./routes/job-acts.ts";
import { jobEventRoutes } from "./routes/job-events.ts";
import { jobExportRoutes } from "./routes/job-export.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { accessRoutes } from "./routes/access.ts";
import { auditRoutes } from "./routes/audit.ts";
import { openapiRoutes } from "./routes/openapi.ts";
import { pageRoutes } from "./routes/page.ts";
import { policyRoutes } from "./routes/policies.ts";
import { registryWebhookRoutes } from "./routes/registry-webhooks.ts";
import { releaseRoutes } from "./routes/releases.ts";
import { sessionRoutes } from "./routes/session.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { syncRoutes } from "./routes/syncs.ts";
import { workloadRoutes } from "./routes/workloads.ts";
import { keepUp } from "./upkeep.ts";
import { traceRequests } from "./trace-requests.ts";
import { apiVersion } from "./version.ts";
import { createWorkloadLists } from "./workload-lists.ts";

const bodyBytes = 1024 * 1024;
const openLimits = { perClient: 100, inAll: 2_000 };
const readsPerWrite = 10;

/** The API as a Fastify instance that does not listen yet; refuses to come up with a route it has no rule for. */
export async function createApp(deps: ApiDeps): Promise<ApiApp> {
  const app = openInstance(deps);
  const live = openLiveParts(app, deps);
  denyUnlistedRoutes(app);
  app.decorateRequest("principal", null);
  await app.register(helmet);
  app.addHook("onRequest", async (request, reply) => void reply.header("x-request-id", request.id));
  app.addHook("onRequest", (request, _reply, done) => withRequestId(request.id, done));
  // Once more: reading a body goes on in the context of its socket.
  app.addHook("preHandler", (request, _reply, done) => withRequestId(request.id, done));
  if (deps.tracing !== undefined) traceRequests(app, deps.tracing);
  countAnswers(app, deps.metrics);
  await acceptSessionCookie(app);
  app.addHook("onRequest", authorizer(deps));
  await limitRates(app, deps);
  await describeApi(app, apiVersion);
  await addRoutes(app, deps, live);
  keepUp(app, deps);
  await app.ready();
  return app;
}

function openInstance(deps: ApiDeps): ApiApp {
  const app = fastify({
    bodyLimit: bodyBytes,
    connectionTimeout: 90_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    logger: false,
    requestIdHeader: false,
    ...(deps.trustedProxies !== undefined && { trustProxy: [...deps.trustedProxies] }),
    genReqId: (request: IncomingMessage) => requestId(request, deps.newId),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendProblem(reply, codedError(error), request.id),
    routerOptions: { maxParamLength: 300 },
  });
  app.server.maxConnections = 4_096;
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (data: unknown) => {
    const result = schema.safeParse(data);
    return result.success
      ? { value: result.data }
      : { error: invalidRequest(httpPart ?? "body", result.error.issues) };
  });
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(problemHandler(deps.log));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new SlipwayError("NOT_FOUND", { detail: `${request.method} ${pathOf(request)}` }),
      request.id,
    ),
  );
  acceptEmptyJson(app);
  return app.withTypeProvider();
}

/** A client may name the request, if the name is harmless in a log. */
function requestId(request: IncomingMessage, newId: () => string): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && isRequestId(given) ? given : newId();
}

function pathOf(request: FastifyRequest): string {
  const path = (request.url.split("?", 1)[0] ?? "").slice(0, 200);
  // The end of such a path is a secret.
  return path.replace(/(\/webhooks\/[^/]*\/[^/]*\/).*$/s, "$1…");
}

/** Some clients name the type of a body they do not send. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body: string, done) => {
    if (body === "") done(null, undefined);
    else void parse(request, body, done);
  });
}

function openLiveParts(app: ApiApp, deps: ApiDeps): LiveParts {
  const views = followClusters({ ...deps, environments: deps.settings.environments });
  const live = {
    watch: createJobWatch(deps.store),
    open: createOpenAnswers(openLimits),
    lists: createWorkloadLists({ ...deps, views }),
  };
  app.addHook("preClose", async () => live.open.closeAll());
  app.addHook("onClose", async () => {
    live.watch.stop();
    await views.stop();
  });
  return live;
}

/** Per token (per address where none is needed), whichever process is asked; after the token is known, before the body is read. */
async function limitRates(app: ApiApp, deps: ApiDeps): Promise<void> {
  // Asking a registry costs others more than reading costs us.
  const isWrite = (request: FastifyRequest): boolean => request.method !== "GET" || asksRegistry(request);
  await app.register(rateLimit, {
    hook: "preParsing",
    timeWindow: 60_000,
    addHeadersOnExceeding: { "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    store: sharedBudgets(deps.budgets),
    max: (request) => deps.writesPerMinute * (isWrite(request) ? 1 : readsPerWrite),
    keyGenerator: (request) =>
      `${request.principal?.tokenId ?? request.ip} ${isWrite(request) ? "write" : "read"}`,
    errorResponseBuilder: (_request, { after }) =>
      new SlipwayError("RATE_LIMITED", { detail: `ask again in ${after}` }),
  });
}

function asksRegistry({ query }: FastifyRequest): boolean {
  return typeof query === "object" && query !== null && "refresh" in query && query.refresh === "true";
}

async function addRoutes(app: ApiApp, deps: ApiDeps, live: LiveParts): Promise<void> {
  healthRoutes(app, deps);
  await pageRoutes(app);
  sessionRoutes(app, deps);
  openapiRoutes(app);
  environmentRoutes(app, deps, live);
  environmentEventRoutes(app, deps, live);
  workloadRoutes(app, deps, live);
  imageRoutes(app, deps, live);
  releaseRoutes(app, deps);
  policyRoutes(app, deps, live);
  automationRoutes(app, deps, live);
  syncRoutes(app, deps);
  jobRoutes(app, deps, live);
  jobExportRoutes(app, deps, live);
  jobEventRoutes(app, deps, live);
  jobActRoutes(app, deps);
  gateRoutes(app, deps);
  deliveryRoutes(app, deps);
  accessRoutes(app, deps);
  auditRoutes(app, deps);
  webhookRoutes(app, deps);
  registryWebhookRoutes(app, deps);
  await fluxRoutes(app, deps, live);
}
