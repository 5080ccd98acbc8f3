import { request as undiciRequest } from "undici";
import type { Dispatcher } from "undici";
import { withTimeLimit } from "#common/kit/time-limit.ts";
import { createDispatchers } from "./dispatchers.ts";
import type { DispatcherOptions } from "./dispatchers.ts";
import { badAnswer, headerText, requestFailure } from "./failures.ts";
import type { Call, HttpAnswer, HttpRequest } from "./http.ts";

/** HTTP with followed redirects, judged addresses and bounded bodies; any status is an answer. */
export interface Transport {
  send(call: Call, request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions extends DispatcherOptions {
  readonly userAgent: string;
}

const redirectLimit = 5;
const errorBodyBytes = 16_384;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export function createTransport(o: TransportOptions): Transport {
  const dispatchers = createDispatchers(o);

  async function exchange(call: Call, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { method, url, body } = request;
    const dispatcher = dispatchers.of(request.site, url);
    call.requests += 1;
    const headers = { "user-agent": o.userAgent, ...request.headers };
    const answer = await undiciRequest(url, { method, headers, signal, dispatcher, body: body ?? null });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: await readBody(answer, request),
      url,
    };
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
      const limit = { ms: o.fetchTimeoutMs, stopping: call.signal };
      try {
        return await withTimeLimit(limit, (signal) => follow(call, request, signal));
      } catch (cause) {
        throw requestFailure(cause, request.url, call.signal);
      }
    },
    close: () => dispatchers.close(),
  };
}

function redirected(from: HttpRequest, answer: HttpAnswer, namedOrigins: ReadonlySet<string>): HttpRequest {
  if (from.method === "POST") throw badAnswer(from.url, "a redirect of what may hold a secret");
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
  const tooLong = () => badAnswer(request.url, `a body of more than ${request.maxBytes} bytes`);
  if (!failed && request.method !== "HEAD" && Number(answer.headers["content-length"]) > request.maxBytes) {
    answer.body.destroy();
    throw tooLong();
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (failed && bytes > errorBodyBytes) break; // an error page of any length must not hide the status
    if (bytes > request.maxBytes) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
