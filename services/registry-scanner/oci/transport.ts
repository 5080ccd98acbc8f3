import { Agent, request as undiciRequest } from "undici";
import type { Dispatcher } from "undici";
import { createGuardedLookup, refuseLiteralAddress } from "./address-guard.ts";
import { badAnswer, headerText, requestFailure } from "./failures.ts";
import type { Call, HttpAnswer, HttpRequest } from "./http.ts";

/** HTTP with followed redirects, judged addresses and bounded bodies; any status is an answer. */
export interface Transport {
  send(call: Call, request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Origins the operator named; only these may have any address, and plain http after https. */
  readonly namedOrigins: ReadonlySet<string>;
  readonly allowPrivate: boolean;
  readonly fetchTimeoutMs: number;
  readonly userAgent: string;
}

const redirectLimit = 5;
const errorBodyBytes = 16_384;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export function createTransport(o: TransportOptions): Transport {
  const limits = { connections: 16, bodyTimeout: o.fetchTimeoutMs, headersTimeout: o.fetchTimeoutMs };
  const connectTimeout = { timeout: Math.min(10_000, o.fetchTimeoutMs) };
  const lookup = createGuardedLookup(o);
  const guarded = new Agent({ ...limits, connect: { ...connectTimeout, lookup } });
  const unguarded = new Agent({ ...limits, connect: connectTimeout });

  function dispatcherFor(url: URL): Dispatcher {
    if (o.namedOrigins.has(url.origin)) return unguarded;
    refuseLiteralAddress(url.hostname, o);
    return guarded;
  }

  async function exchange(call: Call, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    call.requests += 1;
    const headers = { "user-agent": o.userAgent, ...request.headers };
    const { method, url } = request;
    const answer = await undiciRequest(url, { method, headers, signal, dispatcher: dispatcherFor(url) });
    const body = await readBody(answer, request);
    return { status: answer.statusCode, headers: answer.headers, body, url };
  }

  async function follow(call: Call, first: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    let request = first;
    for (let hop = 0; hop <= redirectLimit; hop += 1) {
      const answer = await exchange(call, request, signal);
      if (!redirectStatuses.has(answer.status)) return answer;
      request = redirected(request, answer, o.namedOrigins);
    }
    throw badAnswer(first.url, `more than ${redirectLimit} redirects`);
  }

  return {
    async send(call, request) {
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(o.fetchTimeoutMs)]);
      try {
        return await follow(call, request, signal);
      } catch (cause) {
        throw requestFailure(cause, request.url, call.signal);
      }
    },
    async close() {
      await Promise.all([guarded.destroy(), unguarded.destroy()]);
    },
  };
}

function redirected(from: HttpRequest, answer: HttpAnswer, namedOrigins: ReadonlySet<string>): HttpRequest {
  const location = headerText(answer, "location");
  const url = location === undefined ? null : URL.parse(location, from.url.href);
  if (url === null) throw badAnswer(from.url, "a redirect without a usable Location");
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw badAnswer(from.url, `a redirect to ${url.protocol}`);
  }
  const downgrade = from.url.protocol === "https:" && url.protocol === "http:";
  if (downgrade && !namedOrigins.has(url.origin)) throw badAnswer(from.url, "a redirect from https to http");
  const { authorization, ...others } = from.headers;
  const sameOrigin = url.origin === from.url.origin;
  const headers = sameOrigin && authorization !== undefined ? { ...others, authorization } : others;
  return { ...from, url, headers };
}

async function readBody(answer: Dispatcher.ResponseData, request: HttpRequest): Promise<Buffer> {
  const failed = answer.statusCode >= 300;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (failed && bytes > errorBodyBytes) break; // an error page of any length must not hide the status
    if (bytes > request.maxBytes) {
      throw badAnswer(request.url, `a body of more than ${request.maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
