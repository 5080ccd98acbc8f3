import type { Problem } from "#common/contracts/http.ts";
import { pageHeader } from "#common/contracts/session-names.ts";

import type { Ask, Transport } from "../../cli/http.ts";
import { CliProblem, exitCodes } from "../../cli/problem.ts";
import type { WireAnswer } from "../../cli/wire.ts";

/** The API over the browser's fetch, for the client that the command line uses too. */

export interface PageTransport extends Transport {
  /** Adds a header to one request: the token, when somebody signs in. */
  withToken(token: string): Transport;
}

export interface TransportDeps {
  readonly fetch: typeof fetch;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told the server's own time with each answer. */
  readonly onDate: (date: string) => void;
  /** Told when the server no longer knows who we are. */
  readonly onSignedOut: () => void;
}

const attempts = 3;
const timeoutMs = 30_000;
const longestRetryAfterMs = 5_000;

export function createPageTransport(deps: TransportDeps): PageTransport {
  const make = (token: string | undefined): Transport => ({
    target: { url: "", token, source: "this page" },
    json: async <T>(ask: Ask) => {
      const answer = await sendPatiently(deps, ask, token);
      if (!answer.ok) throw await problemOf(deps, answer, token);
      return (answer.status === 204 ? undefined : await answer.json()) as T;
    },
    stream: async (ask) => {
      const answer = await send(deps, ask, token);
      if (!answer.ok) throw await problemOf(deps, answer, token);
      return wireAnswer(answer);
    },
    try: async () => {
      throw new Error("only the command line looks at single attempts");
    },
  });
  return { ...make(undefined), withToken: make };
}

async function sendPatiently(deps: TransportDeps, ask: Ask, token: string | undefined): Promise<Response> {
  // What has no key might be done twice.
  const last = ask.method === "GET" || ask.key !== undefined ? attempts : 1;
  for (let attempt = 1; ; attempt += 1) {
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = ask.signal === undefined ? limit : AbortSignal.any([ask.signal, limit]);
    const answer = await send(deps, { ...ask, signal }, token).catch((cause: unknown) => {
      if (attempt >= last || ask.signal?.aborted === true) throw cause;
      return undefined;
    });
    if (answer !== undefined && (attempt >= last || !isPassing(answer))) return answer;
    await deps.sleep(Math.max(150 * 2 ** attempt, retryAfterMs(answer)), ask.signal);
  }
}

async function send(deps: TransportDeps, ask: Ask, token: string | undefined): Promise<Response> {
  const headers = new Headers({ accept: "application/json, application/problem+json", ...ask.headers });
  headers.set(pageHeader, "1");
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (ask.key !== undefined) headers.set("idempotency-key", ask.key);
  if (ask.body !== undefined) headers.set("content-type", "application/json");
  try {
    const answer = await deps.fetch(`${ask.path}${queryText(ask.query ?? {})}`, {
      method: ask.method,
      headers,
      body: ask.body === undefined ? null : JSON.stringify(ask.body),
      signal: ask.signal ?? null,
      credentials: "same-origin",
    });
    const date = answer.headers.get("date");
    if (date !== null) deps.onDate(date);
    return answer;
  } catch (cause) {
    ask.signal?.throwIfAborted();
    throw unreachable(cause);
  }
}

function queryText(query: NonNullable<Ask["query"]>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (one === undefined ? [] : [[name, String(one)] as [string, string]])),
  );
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

function isPassing(answer: Response): boolean {
  if (![429, 502, 503, 504].includes(answer.status)) return false;
  return retryAfterMs(answer) <= longestRetryAfterMs;
}

function retryAfterMs(answer: Response | undefined): number {
  const seconds = Number(answer?.headers.get("retry-after") ?? 0);
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}

async function problemOf(
  deps: TransportDeps,
  answer: Response,
  token: string | undefined,
): Promise<CliProblem> {
  if (answer.status === 401 && token === undefined) deps.onSignedOut();
  const body = (await answer.json().catch(() => ({}))) as Partial<Problem>; // a proxy's page: the status tells enough
  return new CliProblem({
    code: body.code ?? "NOT_SLIPWAY",
    title: body.title ?? `The server answered ${answer.status}`,
    detail: body.detail,
    hint: body.hint,
    requestId: body.requestId,
    status: answer.status,
    exitCode: [400, 404, 413, 415, 422].includes(answer.status) ? exitCodes.usage : exitCodes.unreachable,
  });
}

function unreachable(cause: unknown): CliProblem {
  return new CliProblem({
    code: "UNREACHABLE",
    title: "The server cannot be reached",
    hint: "It is tried again by itself.",
    exitCode: exitCodes.unreachable,
    cause,
  });
}

function wireAnswer(answer: Response): WireAnswer {
  const reader = answer.body?.getReader();
  return {
    status: answer.status,
    header: (name) => answer.headers.get(name),
    certificate: undefined,
    body: chunksOf(reader),
    close: () => void reader?.cancel().catch(() => undefined), // it is over anyway
  };
}

// Not every browser can iterate a stream.
async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array> | undefined) {
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a broken stream cannot be cancelled, and need not
  }
}
