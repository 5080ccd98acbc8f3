import { createServer, request as sendHttp } from "node:http";
import type { IncomingMessage, RequestOptions, Server, ServerResponse } from "node:http";
import { request as sendHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** A request on its way to the API server. */
export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** What happens to it instead of an ordinary answer. */
export type KubeFault =
  /** It never reaches the API server, which seems to answer this. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** It never reaches the API server. */
  | { readonly kind: "cut" }
  /** It is carried out, and nobody hears of it. */
  | { readonly kind: "lose-answer" }
  /** It is accepted and never answered. */
  | { readonly kind: "hold" }
  /** Its answer begins and ends too soon. */
  | { readonly kind: "cut-stream"; readonly afterBytes: number };

export type FaultRule = (request: ProxiedRequest) => KubeFault | undefined;

/** Stands before an API server, plain HTTP on loopback, and does to requests what networks do. */
export interface KubeProxy {
  readonly url: string;
  /** Asked for each request from now on; undefined lets everything pass. */
  inject(rule: FaultRule | undefined): void;
  /** Faults that struck, oldest first: what the rule answered, and to what. */
  struck(): readonly { readonly fault: KubeFault["kind"]; readonly request: ProxiedRequest }[];
  /** Ends every connection that is open. */
  cutAll(): void;
  stop(): Promise<void>;
}

/** `server`: address of the API server; its certificate is not asked for. */
export async function startKubeProxy(target: string): Promise<KubeProxy> {
  const state: State = { target: new URL(target), rule: undefined, struck: [], sockets: new Set() };
  const server = createServer((request, response) => pass(state, request, response));
  server.on("connection", (socket) => {
    state.sockets.add(socket);
    socket.on("close", () => state.sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cutAll = (): void => state.sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject: (rule) => {
      state.rule = rule;
    },
    struck: () => state.struck,
    cutAll,
    stop: () => close(server, cutAll),
  };
}

interface State {
  readonly target: URL;
  rule: FaultRule | undefined;
  readonly struck: { readonly fault: KubeFault["kind"]; readonly request: ProxiedRequest }[];
  readonly sockets: Set<Socket>;
}

function pass(state: State, incoming: IncomingMessage, response: ServerResponse): void {
  const url = new URL(incoming.url ?? "/", "http://proxy");
  const request = { method: incoming.method ?? "GET", path: url.pathname, query: url.searchParams };
  const fault = state.rule?.(request);
  if (fault !== undefined) state.struck.push({ fault: fault.kind, request });
  switch (fault?.kind) {
    case "cut":
      return void incoming.socket.destroy();
    case "hold":
      return void incoming.resume();
    case "answer":
      incoming.resume();
      return void response.writeHead(fault.status, fault.headers).end(fault.body);
    default:
      return forward(state.target, { incoming, response, fault });
  }
}

function forward(
  target: URL,
  o: { incoming: IncomingMessage; response: ServerResponse; fault: KubeFault | undefined },
): void {
  const { incoming, response, fault } = o;
  const send = target.protocol === "https:" ? sendHttps : sendHttp;
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    host: target.hostname,
    port: target.port,
    method: incoming.method ?? "GET",
    path: incoming.url ?? "/",
    headers: { ...incoming.headers, host: target.host },
    rejectUnauthorized: false,
  };
  const outgoing = send(options, (answer) => {
    if (fault?.kind === "lose-answer") {
      answer.resume();
      answer.on("end", () => incoming.socket.destroy());
      return;
    }
    // A quiet watch has nothing to say for a minute: that it is open shows by its head alone.
    response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
    let bytes = 0;
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (fault?.kind === "cut-stream" && bytes >= fault.afterBytes) incoming.socket.destroy();
      else response.write(chunk);
    });
    answer.on("end", () => response.end());
    answer.on("error", () => incoming.socket.destroy());
  });
  // Whichever side ends first takes the other along: a watch is given up, or an API server goes away.
  outgoing.on("error", () => incoming.socket.destroy());
  response.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function close(server: Server, cutAll: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  cutAll();
  return closed;
}
