import type { FastifyInstance, FastifyRequest } from "fastify";

import { withWork } from "#common/kit/current-work.ts";
import { isTraceParent, traceParentName } from "#common/kit/tracing.ts";
import type { OpenSpan } from "#common/kit/span.ts";
import type { Tracing } from "#common/kit/tracing.ts";

/** One span per request, named by the pattern of its route; a client's own trace goes on in it. */
export function traceRequests(app: FastifyInstance, tracing: Pick<Tracing, "begin">): void {
  const spans = new WeakMap<FastifyRequest, OpenSpan>();
  app.addHook("onRequest", (request, _reply, done) => {
    const route = request.routeOptions.url ?? "none";
    const given = request.headers[traceParentName];
    const span = tracing.begin({
      name: `${request.method} ${route}`,
      kind: "server",
      parent: typeof given === "string" && isTraceParent(given) ? given : undefined,
      facts: { "http.request.method": request.method, "http.route": route, "slipway.request": request.id },
    });
    if (span === undefined) return done();
    spans.set(request, span);
    withWork({ traceParent: span.traceParent }, done);
  });
  // Once more: reading a body goes on in the context of its socket.
  app.addHook("preHandler", (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) return done();
    withWork({ traceParent: span.traceParent }, done);
  });
  app.addHook("onResponse", async (request, reply) => {
    const span = spans.get(request);
    span?.add({ "http.response.status_code": reply.statusCode });
    span?.end(reply.statusCode >= 500 ? String(reply.statusCode) : undefined);
  });
}
