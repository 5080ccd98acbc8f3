import type { Socket } from "node:net";

import { SlipwayError } from "#common/domain/errors.ts";

import { problemType, toProblem } from "./problem.ts";

/** Answers what is no HTTP request that a route could see: too slow, too many headers, or not HTTP at all. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // Nobody is there any more, or an answer is on its way already.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const problem = toProblem(codedClientError(error));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${reasons[problem.status] ?? "Bad Request"}`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

const reasons: Readonly<Record<number, string>> = {
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

function codedClientError({ code }: NodeJS.ErrnoException): SlipwayError {
  if (code === "HPE_HEADER_OVERFLOW") return new SlipwayError("HEADERS_TOO_LARGE");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new SlipwayError("REQUEST_TOO_SLOW");
  const detail = "this is not an HTTP request";
  return new SlipwayError("INVALID_REQUEST", { detail, facts: { faults: [detail] } });
}
