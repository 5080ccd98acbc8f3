import type { IncomingMessage, ServerResponse } from "node:http";

import { parse as parseYaml } from "yaml";

import { badRequest, statusBody, StatusError } from "./errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

const bodyLimitBytes = 3 * 1024 * 1024;

/** The whole body of a request as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += part.length;
    if (bytes > bodyLimitBytes) {
      const message = `Request entity too large: limit is ${bodyLimitBytes}`;
      throw new StatusError(413, message, { reason: "RequestEntityTooLarge", details: {} });
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A JSON body of any shape. */
export function parseJson(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (cause) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${reasonOf(cause)} (${text.slice(0, 100)})`,
    );
  }
}

/** A JSON body that has to be an object. */
export function parseObject(text: string): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) throw badRequest("couldn't get version/kind; json parse error: not an object");
  return value;
}

/** The body of an apply: YAML, of which JSON is a part. */
export function parseApplied(text: string): JsonObject {
  let value: Json;
  try {
    value = text.trimStart().startsWith("{") ? JSON.parse(text) : parseYaml(text);
  } catch (cause) {
    throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${reasonOf(cause)}`);
  }
  if (!isObject(value)) throw badRequest("error decoding YAML: the document is not an object");
  return value;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
}

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  code: number,
  { body, type = "application/json" }: { readonly body: JsonObject; readonly type?: string },
): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with plain text. */
export function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** Answers with the Status of an error; what is no StatusError is a fault of the sandbox itself. */
export function sendError(response: ServerResponse, error: unknown): void {
  const status =
    error instanceof StatusError
      ? error
      : new StatusError(500, error instanceof Error ? error.message : String(error), {
          reason: "InternalError",
        });
  if (response.headersSent) response.destroy();
  else sendJson(response, status.code, { body: statusBody(status) });
}
