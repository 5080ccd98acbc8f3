import { currentWork, withWork } from "./current-work.ts";
import type { EnvReader } from "./env.ts";
import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import type { NewSpan, OpenSpan, Tracer } from "./span.ts";

/** How it is called in HTTP headers and gRPC metadata. */
export const traceParentName = "traceparent";

/** Tells of spans of work by OpenTelemetry, where a collector is given; otherwise nothing is loaded or done. */
export interface Tracing extends Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Undefined while nothing is told. */
  begin(span: NewSpan): OpenSpan | undefined;
}

/** Opens the collector's client; the one place that knows OpenTelemetry. */
export type OpenTracer = (names: { service: string; name: string }) => Promise<Tracer>;

/** The standard variables; the rest of them (headers, time limits) is read by OpenTelemetry itself. */
export function readTracing(read: EnvReader): boolean {
  const names = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  const given = names.map((name) => read.url(name, { optional: true }));
  return !read.flag("OTEL_SDK_DISABLED") && given.some((url) => url !== undefined);
}

export interface TracingOptions {
  readonly enabled: boolean;
  readonly service: string;
  readonly name: string;
  readonly log: Log;
  readonly open?: OpenTracer;
}

export function createTracing(options: TracingOptions): Tracing {
  const { enabled, service, name, log, open = openOtel } = options;
  let tracer: Tracer | undefined;
  return {
    name: "tracing",
    start: async () => {
      if (!enabled) return;
      tracer = await open({ service, name });
      log.info("traces are told");
    },
    stop: async () => {
      await tracer?.close();
      tracer = undefined;
    },
    begin: (span) => tracer?.begin(span),
  };
}

/** Traces nothing, for tests and optional dependencies. */
export const noTracing: Pick<Tracing, "begin"> = { begin: () => undefined };

/** Runs the work in a span below the current one; where nothing is being traced, just runs it. */
export async function traced<T>(
  tracing: Pick<Tracing, "begin">,
  span: Omit<NewSpan, "parent">,
  work: () => Promise<T>,
): Promise<T> {
  const { traceParent: parent } = currentWork();
  const open = parent === undefined ? undefined : tracing.begin({ ...span, parent });
  if (open === undefined) return work();
  try {
    const result = await withWork({ traceParent: open.traceParent }, work);
    open.end();
    return result;
  } catch (error) {
    open.end(failureOf(error));
    throw error;
  }
}

/** Harmless in metadata, and of the one version there is. */
export function isTraceParent(text: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);
}

export function failureOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "INTERNAL";
}

// Loaded only where it is wanted: it takes time and memory that most installations have no use for.
const openOtel: OpenTracer = async (names) => {
  const { openTracer } = await import("./otel.ts");
  return openTracer(names);
};
