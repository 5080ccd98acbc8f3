import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { addAbortSignal } from "node:stream";
import type { TLSSocket } from "node:tls";

import { proxyFor } from "#common/kit/proxies.ts";
import type { ProxySettings } from "#common/kit/proxies.ts";

/** How the server is reached, besides its address. */
export interface WireSettings {
  /** Certificates (PEM) of an authority of one's own; public ones count beside it. */
  readonly ca?: string | undefined;
  readonly proxies: ProxySettings;
}

export interface WireAsk {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** An answer whose body is still to be read, or closed. */
export interface WireAnswer {
  readonly status: number;
  header(name: string): string | null;
  /** Until when the server's certificate counts; undefined without TLS. */
  readonly certificate: { readonly validTo: string } | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * One HTTP exchange over Node's own client. `fetch` would take another 30 ms to load, and knows
 * neither a proxy nor an authority of one's own in every Node we run on.
 */
export async function exchange(settings: WireSettings, ask: WireAsk): Promise<WireAnswer> {
  const message = await answerTo(settings, ask);
  if (ask.signal !== undefined) addAbortSignal(ask.signal, message);
  return {
    status: message.statusCode ?? 0,
    header: (name) => [message.headers[name] ?? []].flat()[0] ?? null,
    certificate: certificateOf(message),
    body: message as AsyncIterable<Uint8Array>,
    close: () => void message.destroy(),
  };
}

function certificateOf({ socket }: IncomingMessage): WireAnswer["certificate"] {
  if (!("getPeerCertificate" in socket)) return undefined;
  const { valid_to: validTo } = (socket as TLSSocket).getPeerCertificate();
  return { validTo };
}

async function answerTo(settings: WireSettings, ask: WireAsk): Promise<IncomingMessage> {
  const url = new URL(ask.url);
  const proxy = proxyFor(url, settings.proxies);
  const headers = { ...ask.headers, ...lengthOf(ask.body) };
  const options: RequestOptions = {
    method: ask.method,
    headers,
    // A connection per request: one that is kept would keep the process as well.
    agent: false,
    ...(ask.signal === undefined ? {} : { signal: ask.signal }),
  };
  if (url.protocol === "https:") {
    const { request } = await import("node:https");
    if (proxy === undefined) return settled(request(url, { ...options, ...(await trust(settings)) }), ask);
    const socket = await tunnel({ proxy, url, settings, signal: ask.signal });
    return settled(request(url, { ...options, agent: undefined, createConnection: () => socket }), ask);
  }
  const { request } = await import("node:http");
  if (proxy === undefined) return settled(request(url, options), ask);
  const onward = { ...headers, host: url.host, ...proxyLogin(proxy) };
  return settled(request(proxy, { ...options, path: ask.url, headers: onward }), ask);
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

async function settled(request: ClientRequest, ask: WireAsk): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
    request.end(ask.body);
  });
}

/** The public authorities, the machine's own where Node knows them, and the one that was named. */
async function trust({ ca }: WireSettings): Promise<{ ca?: string[] }> {
  if (ca === undefined) return {};
  const tls = await import("node:tls");
  // Node 20 has no getCACertificates; its bundled list is rootCertificates.
  const read: (() => string[]) | undefined = tls.getCACertificates;
  return { ca: [...(read?.() ?? tls.rootCertificates), ca] };
}

interface Tunnel {
  readonly proxy: string;
  readonly url: URL;
  readonly settings: WireSettings;
  readonly signal: AbortSignal | undefined;
}

/** A TLS connection through a proxy, which sees the host's name and no more. */
async function tunnel({ proxy, url, settings, signal }: Tunnel): Promise<TLSSocket> {
  const { request } = proxy.startsWith("https:") ? await import("node:https") : await import("node:http");
  const { connect } = await import("node:tls");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 443 : Number(url.port);
  const path = `${url.hostname}:${port}`;
  const headers = { host: path, ...proxyLogin(proxy) };
  const trusted = await trust(settings);
  return await new Promise((resolve, reject) => {
    const asked = request(proxy, { method: "CONNECT", path, headers, agent: false, signal });
    asked.once("response", (answer) => {
      answer.destroy();
      reject(new ProxyRefusal(answer.statusCode ?? 0));
    });
    asked.once("connect", (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        reject(new ProxyRefusal(answer.statusCode ?? 0));
        return;
      }
      const secured = connect({ socket, host, servername: nameOf(host), ...trusted });
      secured.once("secureConnect", () => resolve(secured));
      secured.once("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** An address has no name to ask a certificate for. */
function nameOf(host: string): string {
  return /^[\d.]+$|:/.test(host) ? "" : host;
}

/** The proxy would not connect us. */
export class ProxyRefusal extends Error {
  readonly code = "PROXY_REFUSED";
  readonly status: number;

  constructor(status: number) {
    super(`the proxy answered ${status}`);
    this.status = status;
  }
}

function proxyLogin(proxy: string): Record<string, string> {
  const { username, password } = new URL(proxy);
  if (username === "" && password === "") return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(login).toString("base64")}` };
}
