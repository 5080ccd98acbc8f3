import {
  ClientError,
  Metadata,
  ServerError,
  createChannel,
  createClientFactory,
  createServer,
} from "nice-grpc";
import type {
  CallContext,
  CallOptions,
  Client,
  ClientMiddleware,
  ServerMiddleware,
  ServiceImplementation,
  TsProtoServiceDefinition,
} from "nice-grpc";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";

import { grpcServers } from "#common/contracts/grpc-peers.ts";
import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { HealthDefinition } from "#proto/grpc/health/v1/health.ts";

import { fromClientError, toServerError } from "./grpc-errors.ts";
import { createHealth } from "./grpc-health.ts";
import { assertRows, peerGuard } from "./grpc-peers.ts";
import {
  channelOptions,
  clientCredentials,
  joinAddress,
  serverCredentials,
  serverOptions,
} from "./grpc-transport.ts";
import type { GrpcSecurity } from "./grpc-transport.ts";
import type { GrpcCounts } from "./grpc-metrics.ts";
import type { Progress } from "./health.ts";
import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import { currentWork, enterWork } from "./current-work.ts";
import type { CurrentWork } from "./current-work.ts";
import { isRequestId, requestIdName } from "./request-id.ts";
import { withDeadline } from "./retry.ts";
import { isTraceParent, noTracing, traceParentName } from "./tracing.ts";
import type { Tracing } from "./tracing.ts";

/** Is given one line per call, for people who watch (`--trace`). */
export type Trace = (line: string) => void;

/** A service's definition with its implementation. */
export type GrpcService<D extends TsProtoServiceDefinition> = readonly [D, ServiceImplementation<D>];

export interface GrpcServerOptions<Ds extends readonly TsProtoServiceDefinition[]> extends GrpcSecurity {
  readonly host: string;
  /** 0 takes a free one; `port()` tells which. */
  readonly port: number;
  readonly services: { readonly [K in keyof Ds]: GrpcService<Ds[K]> };
  readonly log: Log;
  readonly trace?: Trace | undefined;
  readonly counts?: Pick<GrpcCounts, "answered"> | undefined;
  readonly tracing?: Pick<Tracing, "begin">;
  /** Once it is not alive any more, the health service says NOT_SERVING to who asks. */
  readonly progress?: Pick<Progress, "alive">;
}

export interface GrpcServer extends Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The port it listens on; only after `start`. */
  port(): number;
  /** What the health service answers; true from `start` on. */
  setServing(serving: boolean): void;
}

/** How long calls that run may take to end when the server stops. */
const drainMs = 3_000;

/** A gRPC server with the standard health service; errors of ours cross it whole, others as INTERNAL. */
export function createGrpcServer<const Ds extends readonly TsProtoServiceDefinition[]>(
  options: GrpcServerOptions<Ds>,
): GrpcServer {
  const { host, log } = options;
  const services: readonly GrpcService<TsProtoServiceDefinition>[] = options.services;
  const stopping = new AbortController();
  const health = createHealth(
    services.map(([definition]) => definition.fullName),
    options.progress,
  );
  assertRows([HealthDefinition, ...services.map(([definition]) => definition)].flatMap(methodsOf));
  const interceptors = options.certificates === undefined ? [] : [peerGuard(log)];
  const server = createServer({ ...serverOptions, interceptors }).use(callGuard({ ...options, stopping }));
  server.add(HealthDefinition, health.implementation);
  for (const [definition, implementation] of services) server.add(definition, implementation);
  let port: number | undefined;
  return {
    name: "grpc-server",
    setServing: (serving) => health.setServing(serving),
    port: () => {
      if (port === undefined)
        throw new SlipwayError("INTERNAL", { detail: "the gRPC server is not started" });
      return port;
    },
    start: async () => {
      const credentials = serverCredentials(host, options);
      port = await listen(() => server.listen(joinAddress(host, options.port), credentials), options);
      health.setServing(true);
      log.info("gRPC listens", { address: joinAddress(host, port) });
    },
    stop: async () => {
      health.setServing(false);
      stopping.abort();
      try {
        await withDeadline(server.shutdown(), drainMs, "ending the running gRPC calls");
      } catch (error) {
        log.warn("gRPC calls were cut off", { error });
        server.forceShutdown();
      }
    },
  };
}

function methodsOf({ fullName, methods }: TsProtoServiceDefinition): readonly string[] {
  return Object.values(methods).map(({ name }) => `${fullName}/${name}`);
}

async function listen(start: () => Promise<number>, at: { host: string; port: number }): Promise<number> {
  try {
    return await start();
  } catch (cause) {
    const detail = `cannot listen on ${joinAddress(at.host, at.port)}`;
    throw new SlipwayError("SETTINGS_INVALID", { detail, hint: "Is the port taken?", cause });
  }
}

interface GuardDeps {
  readonly log: Log;
  readonly trace?: Trace | undefined;
  readonly counts?: Pick<GrpcCounts, "answered"> | undefined;
  readonly tracing?: Pick<Tracing, "begin">;
  readonly stopping: AbortController;
}

/** Around every call: tells streams that the server stops, translates errors, traces. */
function callGuard({ log, trace, counts, tracing = noTracing, stopping }: GuardDeps): ServerMiddleware {
  return async function* guard(call, context) {
    const method = call.method.path.slice(1);
    const parent = known(context.metadata.get(traceParentName), isTraceParent);
    // Streams last as long as somebody listens.
    const traced = parent === undefined || call.responseStream;
    const span = traced ? undefined : tracing.begin({ name: method, kind: "server", parent });
    enterWork(workOf(context.metadata, span?.traceParent));
    const startedMs = performance.now();
    const count = (outcome: string): void => {
      if (outcome === "opened") return;
      const seconds = (performance.now() - startedMs) / 1_000;
      const code = outcome === "closed" ? "ok" : outcome;
      counts?.answered({ method, code, ...(!call.responseStream && { seconds }) });
    };
    const tell = (outcome: string): void => {
      count(outcome);
      span?.end(outcome === "ok" ? undefined : outcome);
      if (trace === undefined || method.startsWith("grpc.health.")) return;
      trace(`gRPC ${method} ${outcome} ${(performance.now() - startedMs).toFixed(1)} ms`);
    };
    try {
      if (call.responseStream) tell("opened");
      const answer = yield* call.next(
        call.request,
        call.responseStream ? stoppable(context, stopping) : context,
      );
      tell(call.responseStream ? "closed" : "ok");
      return answer;
    } catch (error) {
      tell(error instanceof SlipwayError ? error.code : "failed");
      if (error instanceof ServerError) throw error;
      if (isAbort(error) && context.signal.aborted) throw error;
      const ours = isAbort(error) && stopping.signal.aborted ? shuttingDown(error) : asOurs(error);
      if (ours.code === "INTERNAL") log.error("a gRPC call failed", { method, error });
      throw toServerError(ours, context.trailer);
    }
  };
}

/** What a call is part of, as its metadata tells. */
function workOf(metadata: Metadata, traceParent: string | undefined): CurrentWork {
  const requestId = known(metadata.get(requestIdName), isRequestId);
  return { ...(requestId !== undefined && { requestId }), ...(traceParent !== undefined && { traceParent }) };
}

function known(text: string | undefined, isGood: (text: string) => boolean): string | undefined {
  return text !== undefined && isGood(text) ? text : undefined;
}

function stoppable(context: CallContext, stopping: AbortController): CallContext {
  return { ...context, signal: AbortSignal.any([context.signal, stopping.signal]) };
}

function shuttingDown(cause: unknown): SlipwayError {
  return new SlipwayError("UNAVAILABLE", { detail: "the server is shutting down", cause });
}

function asOurs(error: unknown): SlipwayError {
  return error instanceof SlipwayError ? error : new SlipwayError("INTERNAL", { cause: error });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

export interface GrpcClientOptions extends GrpcSecurity {
  /** `host:port` */
  readonly address: string;
  /** Whose certificate must be shown there; needed where the definition does not tell. */
  readonly service?: ServiceName;
  /** For calls with one answer; streams have none and end by their signal. */
  readonly deadlineMs?: number;
  readonly log?: Log;
  readonly trace?: Trace | undefined;
  readonly counts?: Pick<GrpcCounts, "asked"> | undefined;
  readonly tracing?: Pick<Tracing, "begin">;
}

/** Per call: another deadline, a signal that cancels. */
export interface GrpcCallOptions {
  readonly deadline?: Date | number;
}

export type GrpcClient<D extends TsProtoServiceDefinition> = Client<D, GrpcCallOptions> & { close(): void };

/** A client whose calls have a deadline and fail with errors of ours; connects at the first call. */
export function createGrpcClient<D extends TsProtoServiceDefinition>(
  definition: D,
  options: GrpcClientOptions,
): GrpcClient<D> {
  const service = serviceAt(definition, options);
  const credentials = clientCredentials(options.address, service, options);
  // The name that is asked for: an address, which may be a number, is none.
  const named = { ...channelOptions, "grpc.ssl_target_name_override": service };
  const channel = createChannel(options.address, credentials, named);
  const peer = `${definition.fullName} at ${options.address}`;
  const client = createClientFactory()
    .use(deadlineMiddleware)
    .use(clientGuard({ peer, deadlineMs: options.deadlineMs ?? 5_000, options }))
    .create(definition, channel);
  return Object.assign({}, client, { close: () => channel.close() });
}

/** The peer's log lines then tell of the request that led to the call, and its spans belong to ours. */
function withOurWork(given: CallOptions["metadata"], traceParent: string | undefined): Metadata {
  const metadata = Metadata(given);
  const { requestId } = currentWork();
  if (requestId !== undefined) metadata.set(requestIdName, requestId);
  return traceParent === undefined ? metadata : metadata.set(traceParentName, traceParent);
}

function serviceAt({ fullName }: TsProtoServiceDefinition, options: GrpcClientOptions): ServiceName {
  const known: Readonly<Record<string, ServiceName>> = grpcServers;
  const service = options.service ?? known[fullName];
  if (service !== undefined) return service;
  throw new SlipwayError("INTERNAL", { detail: `nobody says which service answers ${fullName}` });
}

interface ClientGuardDeps {
  readonly peer: string;
  readonly deadlineMs: number;
  readonly options: GrpcClientOptions;
}

function clientGuard({ peer, deadlineMs, options }: ClientGuardDeps): ClientMiddleware<GrpcCallOptions> {
  return async function* guard(call, callOptions: CallOptions & GrpcCallOptions) {
    let trailer = Metadata();
    const startedMs = performance.now();
    const method = call.method.path.slice(1);
    const { traceParent: parent } = currentWork();
    const span =
      parent === undefined || call.responseStream
        ? undefined
        : options.tracing?.begin({ name: method, kind: "client", parent, facts: { "rpc.system": "grpc" } });
    const tell = (code: string): void => {
      span?.end(code === "ok" ? undefined : code);
      options.trace?.(`gRPC ${method} ${code}`);
      const seconds = (performance.now() - startedMs) / 1_000;
      options.counts?.asked({ method, code, ...(!call.responseStream && { seconds }) });
    };
    const onTrailer = (received: Metadata): void => {
      trailer = received;
      callOptions.onTrailer?.(received);
    };
    const single = !call.responseStream && !call.requestStream;
    const deadline = callOptions.deadline ?? (single ? deadlineMs : undefined);
    try {
      const answer = yield* call.next(call.request, {
        ...callOptions,
        metadata: withOurWork(callOptions.metadata, span?.traceParent),
        onTrailer,
        ...(deadline !== undefined && { deadline }),
      });
      tell("ok");
      return answer;
    } catch (error) {
      if (!(error instanceof ClientError)) {
        span?.end("CANCELLED");
        throw error;
      }
      const ours = fromClientError(error, trailer, peer);
      tell(ours.code);
      options.log?.debug("a gRPC call failed", { method: call.method.path, error: ours });
      throw ours;
    }
  };
}
