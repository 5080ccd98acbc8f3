import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

import type { NewSpan, OpenSpan, Tracer } from "./span.ts";

const everyMs = 1_000;
const exportMs = 5_000;
const mostKept = 2_048;

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
  consumer: SpanKind.CONSUMER,
} as const;

/** Tells spans to the collector that the standard variables name, over OTLP and HTTP. */
export async function openTracer({ service, name }: { service: string; name: string }): Promise<Tracer> {
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        "service.namespace": "slipway",
        "service.name": service,
        "service.instance.id": name,
      }),
    ),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        scheduledDelayMillis: everyMs,
        exportTimeoutMillis: exportMs,
        maxQueueSize: mostKept,
      }),
    ],
  });
  const tracer = provider.getTracer("slipway");
  return {
    begin: ({ name: what, kind, parent, facts = {}, startedAt }: NewSpan) => {
      const options = {
        kind: kinds[kind],
        attributes: { ...facts },
        ...(startedAt !== undefined && { startTime: startedAt }),
      };
      return openSpan(tracer.startSpan(what, options, contextOf(parent)));
    },
    close: () => provider.shutdown(),
  };
}

function openSpan(span: Span): OpenSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceParent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
    add: (facts) => void span.setAttributes({ ...facts }),
    end: (failure) => {
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}

function contextOf(parent: string | undefined): Context {
  const [, traceId = "", spanId = "", flags = ""] = parent?.split("-") ?? [];
  if (traceId === "") return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
