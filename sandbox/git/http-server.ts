import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { createFaults } from "./faults.ts";
import type { Fault, Faults, GitService } from "./faults.ts";
import { callBackend, readBody } from "./http-backend.ts";

export interface GitHttpServerOptions {
  readonly root: string;
  readonly username: string;
  readonly token: string;
  readonly host?: string;
  /** 0 or left out: a free one. */
  readonly port?: number;
  readonly allowAnonymousRead?: boolean;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly service: GitService | undefined;
}

export interface GitHttpServer {
  /** The address without a trailing slash; known after `start`. */
  readonly url: string;
  readonly faults: Faults;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What was asked so far, oldest first (the last 10,000). */
  requests(): readonly SeenRequest[];
  /** Ends when every request that has come in so far was acted on, whether its client is still there or not. */
  idle(): Promise<void>;
}

const requestsKept = 10_000;
/** More than the refs of a small repository, less than its pack. */
const cutAfterBytes = 300;
const largestHeldBody = 64 * 1024 * 1024;

/** Smart HTTP with Basic authentication in front of `git http-backend`. */
export function createGitHttpServer(options: GitHttpServerOptions): GitHttpServer {
  const faults = createFaults();
  const children = new Set<ChildProcessWithoutNullStreams>();
  const acts = new Set<Promise<void>>();
  const seen: SeenRequest[] = [];
  const host = options.host ?? "127.0.0.1";
  let url = "";
  const onChild = (child: ChildProcessWithoutNullStreams) => {
    children.add(child);
    child.once("close", () => children.delete(child));
  };
  const server = createServer((request, response) => {
    const ask = readAsk(request);
    seen.push({ method: request.method ?? "", path: ask.path, service: ask.service });
    if (seen.length > requestsKept) seen.shift();
    const act = answer({ request, response, ask, options, faults, onChild }).catch((cause: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(cause instanceof Error ? cause.message : String(cause));
    });
    acts.add(act);
    void act.finally(() => acts.delete(act));
  });
  return {
    faults,
    get url() {
      if (url === "") throw new Error("the git host was not started");
      return url;
    },
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(options.port ?? 0, host, resolve);
      });
      url = `http://${host}:${(server.address() as AddressInfo).port}`;
    },
    async stop() {
      faults.clear();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const child of children) child.kill("SIGKILL");
      await closed;
    },
    requests: () => [...seen],
    async idle() {
      await Promise.all(acts);
    },
  };
}

interface Ask {
  readonly path: string;
  readonly service: GitService | undefined;
  readonly at: "advertisement" | "rpc";
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ask: Ask;
  readonly options: GitHttpServerOptions;
  readonly faults: Faults;
  readonly onChild: (child: ChildProcessWithoutNullStreams) => void;
}

function readAsk(request: IncomingMessage): Ask {
  const url = new URL(request.url ?? "/", "http://host");
  const named = url.searchParams.get("service") ?? url.pathname.split("/").at(-1) ?? "";
  const service = named === "git-receive-pack" || named === "git-upload-pack" ? named : undefined;
  return { path: url.pathname, service, at: request.method === "POST" ? "rpc" : "advertisement" };
}

async function answer(exchange: Exchange): Promise<void> {
  const { request, response, ask, options } = exchange;
  const allowed = isKnown(request, options);
  const readOnly = ask.service !== "git-receive-pack";
  if (!allowed && !(options.allowAnonymousRead === true && readOnly)) return refuse(response, 401);
  const disturbance = exchange.faults.take(ask.service, ask.at);
  const user = allowed ? { user: options.username } : {};
  const call = { root: options.root, request, onChild: exchange.onChild, ...user };
  if (disturbance === undefined) return callBackend({ ...call, response });
  // Held or disturbed: the whole body is read first, so that the act no longer depends on the client.
  const body = await readBody(request, largestHeldBody);
  if (disturbance.type === "action") {
    await disturbance.action();
    return callBackend({ ...call, response, body });
  }
  if (disturbance.fault.kind === "cut") return callBackend({ ...call, response, body, cutAfterBytes });
  if (disturbance.fault.when === "after") await callBackend({ ...call, body });
  return misbehave(response, disturbance.fault);
}

function misbehave(response: ServerResponse, fault: Fault): void {
  switch (fault.kind) {
    case "close":
      response.destroy();
      return;
    case "hang":
      // Left open on purpose; `stop` cuts the connection.
      return;
    case "redirect":
      response.writeHead(301, { location: "http://127.0.0.1:1/elsewhere.git/info/refs" });
      response.end();
      return;
    case "cut":
      throw new Error("a cut answer is the backend's own, up to its middle");
    default:
      refuse(response, Number(fault.kind));
  }
}

function refuse(response: ServerResponse, status: number): void {
  const challenge = status === 401 ? { "www-authenticate": 'Basic realm="git"' } : {};
  response.writeHead(status, { "content-type": "text/plain", ...challenge });
  response.end(`${status}\n`);
}

function isKnown(request: IncomingMessage, { username, token }: GitHttpServerOptions): boolean {
  const [, encoded = ""] = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const given = createHash("sha256").update(Buffer.from(encoded, "base64")).digest();
  return timingSafeEqual(given, createHash("sha256").update(`${username}:${token}`).digest());
}
