import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Drip } from "./quirks.ts";

export interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

export function jsonReply(status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Reply {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  return { status, headers: { "content-type": "application/json; charset=utf-8", ...headers }, body };
}

/** A refusal in the shape of the registry protocol. */
export function errorReply(status: number, code: string, headers: OutgoingHttpHeaders = {}): Reply {
  return jsonReply(status, { errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] }, headers);
}

export function emptyReply(status: number, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, headers, body: Buffer.alloc(0) };
}

/** Writes a reply; for HEAD only its headers. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  o: { readonly withBody: boolean; readonly drip?: Drip | undefined },
): Promise<void> {
  const headers = {
    "docker-distribution-api-version": "registry/2.0",
    ...reply.headers,
    "content-length": reply.body.length,
  };
  response.writeHead(reply.status, headers);
  const { drip } = o;
  if (!o.withBody || drip === undefined) return void response.end(o.withBody ? reply.body : undefined);
  for (let at = 0; at < reply.body.length && !response.destroyed; at += drip.bytes) {
    response.write(reply.body.subarray(at, at + drip.bytes));
    await sleep(drip.everyMs);
  }
  response.end();
}
