import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";

import type { Problem } from "#common/contracts/http.ts";
import { SlipwayError, errorCatalogue } from "#common/domain/errors.ts";
import type { ErrorCode, ErrorKind } from "#common/domain/errors.ts";
import type { Log } from "#common/kit/log.ts";

/** The one place where an error becomes an HTTP answer (RFC 9457). */

/** By kind, but for what HTTP has a status of its own for. */
const statusOfCode: Partial<Record<ErrorCode, number>> = { HEADERS_TOO_LARGE: 431, REQUEST_TOO_SLOW: 408 };

const statusOfKind: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  "too-many": 429,
  internal: 500,
  unavailable: 503,
  timeout: 504,
};

export const problemType = "application/problem+json";

/** What a client is told: all of an error of ours, nothing of the inside of the rest. */
export function toProblem(error: SlipwayError, requestId?: string): Problem {
  const open = error.code !== "INTERNAL";
  return {
    type: `/v1/errors/${error.code}`,
    title: errorCatalogue[error.code].title,
    status: statusOf(error.code),
    code: error.code,
    ...(open && error.detail !== undefined && { detail: error.detail }),
    ...(open && error.hint !== undefined && { hint: error.hint }),
    ...(requestId !== undefined && { requestId }),
    ...(open && error.facts !== undefined && { facts: { ...error.facts } }),
  };
}

/** The HTTP status that a code is answered with. */
export function statusOf(code: ErrorCode): number {
  return statusOfCode[code] ?? statusOfKind[errorCatalogue[code].kind];
}

/** Our error for whatever was thrown: Fastify's own refusals are coded too, the rest is INTERNAL. */
export function codedError(error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const { code = "", statusCode = 500, message = "" } = error as Partial<FastifyError>;
  if (statusCode === 413) {
    return new SlipwayError("PAYLOAD_TOO_LARGE", { detail: "the limit is 1 MiB", cause: error });
  }
  if (statusCode === 429) return new SlipwayError("RATE_LIMITED", { cause: error });
  if (statusCode < 400 || statusCode >= 500) return new SlipwayError("INTERNAL", { cause: error });
  const detail = refusals[code] ?? message;
  return new SlipwayError("INVALID_REQUEST", { detail, facts: { faults: [detail] }, cause: error });
}

const refusals: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "the body must be application/json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "the body is not as long as Content-Length says",
  FST_ERR_CTP_INVALID_JSON_BODY: "the body is not valid JSON",
};

/** Fastify's error handler. */
export function problemHandler(log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const ours = codedError(error);
    logRefusal(log, request, ours);
    return sendProblem(reply, ours, request.id);
  };
}

/** Tells operators of what is our fault, or a part's that is away; what a client did wrong is told to it alone. */
export function logRefusal(log: Log, request: FastifyRequest, ours: SlipwayError): void {
  const facts = { method: request.method, route: request.routeOptions.url, requestId: request.id };
  if (ours.code === "INTERNAL") log.error("a request failed", { ...facts, error: ours.cause ?? ours });
  else if (ours.kind === "unavailable") log.warn("a request could not be served", { ...facts, error: ours });
}

/** Answers with the problem; already text, so that no schema of a route's answer applies. */
export function sendProblem(reply: FastifyReply, error: SlipwayError, requestId: string): FastifyReply {
  const problem = toProblem(error, requestId);
  if (problem.status === 401) void reply.header("www-authenticate", 'Bearer realm="slipway"');
  if ((problem.status === 503 || problem.status === 429) && !reply.hasHeader("retry-after")) {
    const seconds = error.facts?.["retryAfterSeconds"];
    void reply.header("retry-after", typeof seconds === "number" ? String(seconds) : "1");
  }
  return reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}
