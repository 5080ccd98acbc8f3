import type { Problem } from "#common/contracts/http.ts";
import type { Clock } from "#common/kit/clock.ts";
import { pauseMs } from "#common/kit/retry.ts";

import { CliProblem, exitCodes } from "./problem.ts";
import type { ExitCode } from "./problem.ts";
import type { Target } from "./target.ts";

type QueryValue = string | number | boolean | undefined;
/** A list becomes one pair each. */
type Query = Readonly<Record<string, QueryValue | readonly string[]>>;

export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Sent as Idempotency-Key, the same in each attempt: a lost answer is safe to ask for again. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Transport {
  readonly target: Target;
  /** One exchange of JSON; retried while the server is away, then a CliProblem. */
  json<T>(ask: Ask): Promise<T>;
  /** Opens a stream; not retried. The caller reads or cancels the body. */
  stream(ask: Ask): Promise<Response>;
}

export interface TransportDeps {
  readonly target: Target;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** HTTP with problem+json turned into CliProblems and every wait, retry and body limited. */
export function createTransport(deps: TransportDeps): Transport {
  return {
    target: deps.target,
    json: async <T>(ask: Ask) => {
      const answer = await exchangePatiently(deps, ask);
      if (answer.status >= 200 && answer.status < 300) return parseJson(deps.target, answer) as T;
      throw toProblem(deps.target, answer);
    },
    stream: async (ask) => {
      const response = await send(deps, ask, ask.signal);
      if (response.ok) return response;
      throw toProblem(deps.target, await readAnswer(response));
    },
  };
}

const attempts = 4;
const exchangeTimeoutMs = 60_000;
const bodyBytesLimit = 64 * 1024 * 1024;
const longestRetryAfterMs = 10_000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly retryAfterMs: number | undefined;
  readonly location: string | null;
  readonly text: string;
}

async function exchangePatiently(deps: TransportDeps, ask: Ask): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt >= attempts;
    let pause = pauseMs(attempt, { baseMs: 150, maxMs: 2_000 });
    try {
      const limit = AbortSignal.timeout(exchangeTimeoutMs);
      const signal = ask.signal === undefined ? limit : AbortSignal.any([ask.signal, limit]);
      const answer = await readAnswer(await send(deps, ask, signal));
      if (last || !isPassing(answer)) return answer;
      pause = Math.max(pause, answer.retryAfterMs ?? 0);
    } catch (error) {
      if (last || ask.signal?.aborted === true || isFinal(error))
        throw unreachableProblem(deps.target, error);
    }
    await deps.clock.sleep(pause, ask.signal);
  }
}

async function send(deps: TransportDeps, ask: Ask, signal: AbortSignal | undefined): Promise<Response> {
  const headers: Record<string, string> = {
    accept: "application/json, application/problem+json",
    "user-agent": deps.userAgent,
    ...ask.headers,
  };
  if (deps.target.token !== undefined) headers["authorization"] = `Bearer ${deps.target.token}`;
  if (ask.key !== undefined) headers["idempotency-key"] = ask.key;
  if (ask.body !== undefined) headers["content-type"] = "application/json";
  return await fetch(`${deps.target.url}${ask.path}${queryText(ask.query ?? {})}`, {
    method: ask.method,
    headers,
    redirect: "manual",
    ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function queryText(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (one === undefined ? [] : [[name, String(one)] as [string, string]])),
  );
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

async function readAnswer(response: Response): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesLimit) throw tooLarge();
    chunks.push(chunk);
  }
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    location: response.headers.get("location"),
    text: Buffer.concat(chunks).toString("utf8"),
  };
}

function isPassing(answer: Answer): boolean {
  if (answer.status === 429) return (answer.retryAfterMs ?? Infinity) <= longestRetryAfterMs;
  if (![502, 503, 504].includes(answer.status)) return false;
  return (answer.retryAfterMs ?? 0) <= longestRetryAfterMs;
}

function isFinal(error: unknown): boolean {
  return error instanceof CliProblem;
}

function parseJson(target: Target, answer: Answer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw notSlipway(target, answer, cause);
  }
}

function toProblem(target: Target, answer: Answer): CliProblem {
  const body = tryProblem(answer.text);
  if (body === undefined) return notSlipway(target, answer, undefined);
  return new CliProblem({
    code: body.code,
    title: body.title,
    detail: body.detail,
    hint: body.hint ?? hintFor(target, answer.status),
    candidates: textsIn(body.facts),
    requestId: body.requestId,
    status: answer.status,
    exitCode: exitCodeOf(answer.status),
  });
}

/** The request could not be meant: usage. Everything else is a refusal or an absence. */
function exitCodeOf(status: number): ExitCode {
  return [400, 404, 413, 415, 422].includes(status) ? exitCodes.usage : exitCodes.unreachable;
}

function hintFor(target: Target, status: number): string | undefined {
  if (status === 401) {
    return target.token === undefined
      ? "give a token with --token or SLIPWAY_TOKEN"
      : "the token given is unknown, expired or revoked: check --token or SLIPWAY_TOKEN";
  }
  if (status === 403) return "the token given lacks the right or the scope for this";
  return undefined;
}

function tryProblem(text: string): Problem | undefined {
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    const fits = typeof body?.code === "string" && typeof body.title === "string";
    return fits ? (body as Problem) : undefined;
  } catch {
    // Not JSON: some proxy or another server answered; the caller says so.
    return undefined;
  }
}

function textsIn(facts: Problem["facts"]): readonly string[] | undefined {
  const list = facts?.["candidates"] ?? facts?.["environments"];
  if (!Array.isArray(list)) return undefined;
  return list.filter((entry) => typeof entry === "string").slice(0, 20);
}

function notSlipway(target: Target, answer: Answer, cause: unknown): CliProblem {
  const moved = answer.status >= 300 && answer.status < 400 && answer.location !== null;
  const what = answer.type === "" ? "" : ` (${answer.type})`;
  return new CliProblem({
    code: "NOT_SLIPWAY",
    title: "The server did not answer like a Slipway API",
    detail: moved
      ? `${target.url} sends us on to ${answer.location ?? ""}`
      : `${target.url} answered ${answer.status}${what}`,
    hint: `is the address right? It comes from ${target.source}`,
    status: answer.status,
    exitCode: exitCodes.unreachable,
    cause,
  });
}

function tooLarge(): CliProblem {
  return new CliProblem({
    code: "ANSWER_TOO_LARGE",
    title: "The server's answer is larger than 64 MiB",
    hint: "narrow it with -n or --limit",
    exitCode: exitCodes.unreachable,
  });
}

/** A failed connection, in words: what was tried, why it failed, what to do. */
function unreachableProblem(target: Target, error: unknown): CliProblem {
  if (error instanceof CliProblem) return error;
  const reason = reasonOf(error);
  return new CliProblem({
    code: "UNREACHABLE",
    title: "The Slipway server cannot be reached",
    detail: `${target.url}: ${reasonWords[reason] ?? reason}`,
    hint: `the address comes from ${target.source}; is the server running, and reachable from here?`,
    exitCode: exitCodes.unreachable,
    cause: error,
  });
}

const reasonWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ECONNRESET: "the connection was cut (ECONNRESET)",
  UND_ERR_SOCKET: "the connection was cut",
  ENOTFOUND: "no such host (ENOTFOUND)",
  EAI_AGAIN: "the host's name cannot be looked up just now (EAI_AGAIN)",
  ETIMEDOUT: "no answer in time (ETIMEDOUT)",
  TimeoutError: "no answer within 60 s",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; name its authority in NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's authority is unknown; name it in NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's authority is unknown; name it in NODE_EXTRA_CA_CERTS",
};

/** undici hides the reason under "fetch failed": the innermost coded cause tells it. */
function reasonOf(error: unknown): string {
  let found = error instanceof Error ? error.message : String(error);
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    const { code } = current as { code?: unknown };
    found =
      typeof code === "string" ? code : depth === 0 && current.name === "TimeoutError" ? current.name : found;
    const inner = current instanceof AggregateError ? current.errors[0] : undefined;
    current = (inner as unknown) ?? current.cause;
  }
  return found;
}
