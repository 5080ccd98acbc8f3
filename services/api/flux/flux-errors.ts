import type { FastifyReply, FastifyRequest } from "fastify";

import type { SlipwayError } from "#common/domain/errors.ts";
import { errorCatalogue } from "#common/domain/errors.ts";
import type { Log } from "#common/kit/log.ts";

import { codedError, logRefusal, statusOf } from "../problem.ts";

/** Errors as fluxctl reads them: it prints `help`, or `error` after its menu, and neither where `error` is empty. */
interface FluxError {
  readonly type: "missing" | "user" | "server";
  readonly help: string;
  readonly error: string;
}

/** Fastify's error handler for the routes of fluxctl. */
export function fluxErrorHandler(log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const ours = codedError(error);
    logRefusal(log, request, ours);
    return sendFluxError(reply, ours, request.id);
  };
}

/** Answers with an error whose text fluxctl prints. */
export function sendFluxError(reply: FastifyReply, error: SlipwayError, requestId: string): FastifyReply {
  if (error.kind === "unauthenticated") void reply.header("www-authenticate", 'Bearer realm="slipway"');
  if (error.kind === "unavailable" || error.kind === "too-many") void reply.header("retry-after", "1");
  // Lower case and first in the header, or fluxctl does not look into the body.
  return reply
    .code(statusOf(error))
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(toFluxError(error, requestId)));
}

function toFluxError(error: SlipwayError, requestId: string): FluxError {
  const { title } = errorCatalogue[error.code];
  const open = error.code !== "INTERNAL";
  const head = open && error.detail !== undefined ? `${title}: ${error.detail}` : `${title}.`;
  const end = `(${error.code}, request ${requestId})`;
  const paragraphs = [head, open ? error.hint : undefined, end].filter((text) => text !== undefined);
  return { type: typeOf(error), help: paragraphs.join("\n\n"), error: head };
}

function typeOf({ kind }: SlipwayError): FluxError["type"] {
  if (kind === "not-found") return "missing";
  return kind === "internal" || kind === "unavailable" || kind === "timeout" ? "server" : "user";
}
