import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import {
  aggregatedDiscovery,
  aggregatedType,
  coreVersions,
  groupList,
  oneGroup,
  resourceList,
  versionInfo,
} from "./discovery.ts";
import { handleAccessReview } from "./access-review.ts";
import { noSuchResource, StatusError } from "./errors.ts";
import type { Call } from "./call.ts";
import { handleCollection, handleObject, type HandlerDeps } from "./handlers.ts";
import { sendError, sendJson, sendText } from "./http-body.ts";
import type { JsonObject } from "./json.ts";
import { wantsAggregated } from "./negotiate.ts";
import { parseRoute, type Route } from "./route.ts";

/** The listening socket of the sandbox cluster. */
export interface ApiListener {
  /** Listens on the port (0 takes a free one) and answers the port taken. */
  open(port: number): Promise<number>;
  /** Stops listening and breaks every connection. */
  close(): Promise<void>;
  /** Breaks the connections that carry a watch. */
  cutWatches(): void;
}

/** What the HTTP side works with. */
export interface ListenerDeps extends HandlerDeps {
  /** The address it listens on. */
  readonly host: string;
  /** How long every request waits before it is answered. */
  readonly delayMs: () => number;
  /** Whether requests without a token may do everything. */
  readonly allowAnonymous: boolean;
}

/** The HTTP side of the cluster. */
export function createApiListener(deps: ListenerDeps): ApiListener {
  let server: Server | undefined;
  const watches = new Set<Socket>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    respond(deps, { request, response, watches }).catch((error: unknown) => sendError(response, error));
  };
  return {
    async open(port) {
      const opened = createServer(answer);
      server = opened;
      await new Promise<void>((resolve, reject) => {
        opened.once("error", reject);
        opened.listen(port, deps.host, resolve);
      });
      return (opened.address() as AddressInfo).port;
    },
    async close() {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      closing.closeAllConnections();
      await closed;
    },
    cutWatches() {
      for (const socket of watches) socket.destroy();
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly watches: Set<Socket>;
}

async function respond(deps: ListenerDeps, exchange: Exchange): Promise<void> {
  const { request, response, watches } = exchange;
  const url = new URL(request.url ?? "/", "http://localhost");
  const route = parseRoute(url.pathname);
  if (deps.delayMs() > 0) await pause(deps.delayMs(), response);
  if (response.destroyed) return;
  authenticate(deps, request, route);
  const method = request.method ?? "GET";
  const call: Call = { request, response, method, query: url.searchParams };
  if (url.searchParams.has("watch")) {
    watches.add(request.socket);
    response.once("close", () => watches.delete(request.socket));
  }
  await dispatch(deps, route, call);
}

function pause(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Without a token a client is anonymous, which may only ask for health and version; a wrong token is refused. */
function authenticate(deps: ListenerDeps, request: IncomingMessage, route: Route): void {
  const header = request.headers.authorization;
  const token = /^Bearer (.+)$/.exec(header ?? "")?.[1];
  if (token !== undefined && deps.tokens.accepts(token)) return;
  if (header !== undefined) throw new StatusError(401, "Unauthorized", { reason: "Unauthorized" });
  if (deps.allowAnonymous || route.to === "health" || route.to === "version") return;
  const path = (request.url ?? "/").split("?")[0];
  const message = `forbidden: User "system:anonymous" cannot ${(request.method ?? "GET").toLowerCase()} path "${path}"`;
  throw new StatusError(403, message, { reason: "Forbidden", details: {} });
}

function dispatch(deps: HandlerDeps, route: Route, call: Call): Promise<void> | void {
  const { response, request } = call;
  const accept = request.headers.accept;
  switch (route.to) {
    case "health":
      return sendText(response, 200, "ok");
    case "version":
      return sendJson(response, 200, { body: versionInfo });
    case "access-review":
      return handleAccessReview(call);
    case "core-versions":
      if (wantsAggregated(accept)) return sendAggregated(response, "core");
      return sendJson(response, 200, { body: coreVersions(request.headers.host ?? "") });
    case "groups":
      if (wantsAggregated(accept)) return sendAggregated(response, "groups");
      return sendJson(response, 200, { body: groupList() });
    case "group":
      return sendFound(response, oneGroup(route.group));
    case "resources":
      return sendFound(response, resourceList(route.apiVersion));
    case "collection":
      return handleCollection(deps, route, call);
    case "object":
      return handleObject(deps, route, call);
    case "unknown-resource":
      throw noSuchResource();
    case "nowhere":
      return sendText(response, 404, "404 page not found\n");
  }
}

function sendAggregated(response: ServerResponse, which: "core" | "groups"): void {
  sendJson(response, 200, { body: aggregatedDiscovery(which), type: aggregatedType });
}

function sendFound(response: ServerResponse, body: JsonObject | undefined): void {
  if (body === undefined) sendText(response, 404, "404 page not found\n");
  else sendJson(response, 200, { body });
}
