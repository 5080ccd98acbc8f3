import type { FastifyInstance } from "fastify";

import type { Metrics } from "#common/kit/metrics.ts";

/** What the API counts of its requests. */
export interface ApiMetrics {
  answered(request: { readonly route: string; readonly status: number; readonly seconds: number }): void;
  webhookRefused(reason: string): void;
}

/** The API's counters on its page of metrics. */
export function createApiMetrics(metrics: Metrics): ApiMetrics {
  const requests = metrics.counter({
    name: "http_requests_total",
    help: "HTTP requests answered, by route and status.",
    labels: ["route", "status"],
  });
  const durations = metrics.histogram({
    name: "http_request_duration_seconds",
    help: "From a request's first byte to its answer's last.",
    labels: ["route"],
  });
  const refused = metrics.counter({
    name: "webhook_refused_total",
    help: "Webhooks that were not taken as a hint, by the code of their refusal.",
    labels: ["reason"],
  });
  return {
    answered: ({ route, status, seconds }) => {
      requests.add({ route, status: String(status) });
      durations.observe(seconds, { route });
    },
    webhookRefused: (reason) => refused.add({ reason }),
  };
}

/** Counts every answer under the pattern of its route, never under what was asked: that is endless, or secret. */
export function countAnswers(app: FastifyInstance, metrics: ApiMetrics): void {
  app.addHook("onResponse", async (request, reply) =>
    metrics.answered({
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1_000,
    }),
  );
}
