import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { SlipwayError } from "#common/domain/errors.ts";

import type { EnvReader } from "./env.ts";
import { readinessOf } from "./health.ts";
import type { Dependency, Progress } from "./health.ts";
import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Where a process answers its operators; nothing listens without a port. */
export interface OpsAddress {
  readonly host: string;
  /** 0 takes a free one, which the log tells. */
  readonly port: number | undefined;
}

export interface OpsServerOptions extends OpsAddress {
  readonly metrics: Pick<Metrics, "text" | "contentType">;
  readonly log: Log;
  /** What `/readyz` asks; the process is ready when the needed ones answer. */
  readonly dependencies?: readonly Dependency[];
  /** What `/livez` asks; without it a process that answers is alive. */
  readonly progress?: Pick<Progress, "alive" | "silenceMs">;
}

export interface OpsServer extends Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The port it listens on; undefined when it is off or not started. */
  port(): number | undefined;
}

/** `SLIPWAY_OPS_PORT` and `SLIPWAY_OPS_HOST`; on loopback unless told otherwise, since nobody logs in there. */
export function readOpsAddress(read: EnvReader): OpsAddress {
  return {
    host: read.text("SLIPWAY_OPS_HOST", { fallback: "127.0.0.1" }),
    port: read.port("SLIPWAY_OPS_PORT", { optional: true }),
  };
}

/** `/metrics`, `/livez` and `/readyz` of a process, apart from what it serves to others. */
export function createOpsServer(options: OpsServerOptions): OpsServer {
  const { host, port, log } = options;
  const server = openServer(options);
  return {
    name: "ops-server",
    port: () => portOf(server),
    start: async () => {
      if (port === undefined) return;
      await listen(server, { host, port });
      log.info("operations listen", { address: `http://${host}:${portOf(server)}` });
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

const mostConnections = 64;

function openServer(options: OpsServerOptions): Server {
  const limits = { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 30_000 };
  const server = createServer(limits, (request, response) => {
    void answer(options, request)
      .catch((error: unknown): Answer => {
        options.log.error("operations could not answer", { error });
        return { status: 500, type: jsonType, body: "{}" };
      })
      .then((made) => send(response, made));
  });
  server.maxConnections = mostConnections;
  return server;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const jsonType = "application/json";

async function answer(options: OpsServerOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== "GET") return json(405, { allowed: ["GET"] });
  switch ((request.url ?? "").split("?", 1)[0]) {
    case "/metrics":
      return { status: 200, type: options.metrics.contentType, body: await options.metrics.text() };
    case "/livez":
      return liveness(options);
    case "/readyz": {
      const readiness = await readinessOf(options.dependencies ?? []);
      return json(readiness.ready ? 200 : 503, readiness);
    }
    default:
      return json(404, { paths: ["/metrics", "/livez", "/readyz"] });
  }
}

function liveness({ progress }: OpsServerOptions): Answer {
  if (progress === undefined || progress.alive()) return json(200, { alive: true });
  return json(503, { alive: false, silentForMs: Math.round(progress.silenceMs()) });
}

function json(status: number, body: object): Answer {
  return { status, type: jsonType, body: JSON.stringify(body) };
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}

async function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(at.port, at.host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    const detail = `cannot listen on ${at.host}:${at.port} for operations`;
    throw new SlipwayError("SETTINGS_INVALID", { detail, hint: "Is the port taken?", cause });
  }
}

function portOf(server: Server): number | undefined {
  return (server.address() as AddressInfo | null)?.port;
}
