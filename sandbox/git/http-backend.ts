import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import { hostEnvironment } from "./git-command.ts";

export interface BackendCall {
  /** The folder that holds the repositories. */
  readonly root: string;
  readonly request: IncomingMessage;
  /** Where the answer goes; without it the backend acts and its answer is lost. */
  readonly response?: ServerResponse;
  /** The request's body, where it was read before; else it is streamed from the request. */
  readonly body?: Buffer;
  /** Who authenticated; without it git refuses to receive a push. */
  readonly user?: string;
  /** The connection is closed once so much of the answer was sent. */
  readonly cutAfterBytes?: number;
  readonly onChild?: (child: ChildProcessWithoutNullStreams) => void;
}

const largestHeaderBytes = 16 * 1024;
const largestStderrBytes = 16 * 1024;

/**
 * The CGI bridge: one HTTP request becomes one run of `git http-backend`, git's own server side.
 * Ends when the backend has ended, even if the client left earlier: a real server finishes the act too.
 */
export async function callBackend(call: BackendCall): Promise<void> {
  const child = spawn("git", ["http-backend"], {
    env: cgiEnvironment(call),
    stdio: ["pipe", "pipe", "pipe"],
  });
  call.onChild?.(child);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (stderr.length < largestStderrBytes) stderr += chunk.toString();
  });
  const answered = passAnswer(child, call.response, call.cutAfterBytes);
  await Promise.allSettled([feed(child, call), answered]);
  const code = await ended;
  if (code !== 0 && call.response?.headersSent === false) {
    throw new Error(`git http-backend ended with ${code ?? "a signal"}: ${stderr}`);
  }
}

/** Reads a whole request body, at most `limitBytes`. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > limitBytes) throw new Error(`the request body is larger than ${limitBytes} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}

function cgiEnvironment({ root, request, body, user }: BackendCall): Record<string, string> {
  const [pathInfo = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const length = body === undefined ? header("content-length") : String(body.length);
  const optional = {
    CONTENT_TYPE: header("content-type"),
    CONTENT_LENGTH: length,
    HTTP_CONTENT_ENCODING: header("content-encoding"),
    GIT_PROTOCOL: header("git-protocol"),
    REMOTE_USER: user,
  };
  return {
    ...hostEnvironment(),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_PROTOCOL: "HTTP/1.1",
    REQUEST_METHOD: request.method ?? "GET",
    PATH_INFO: decodeURIComponent(pathInfo),
    QUERY_STRING: query,
    REMOTE_ADDR: request.socket.remoteAddress ?? "",
    ...Object.fromEntries(Object.entries(optional).filter((pair) => pair[1] !== undefined && pair[1] !== "")),
  };
}

async function feed(child: ChildProcessWithoutNullStreams, call: BackendCall): Promise<void> {
  if (call.body === undefined) return pipeline(call.request, child.stdin);
  // The backend may end before it read everything (a refused push); its answer tells, not the pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(call.body);
}

async function passAnswer(
  child: ChildProcessWithoutNullStreams,
  response: ServerResponse | undefined,
  cutAfterBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (response === undefined) {
    child.stdout.resume();
    return;
  }
  let pending = Buffer.alloc(0);
  let headed = false;
  let sent = 0;
  const send = async (bytes: Buffer) => {
    await write(response, bytes.subarray(0, Math.max(0, cutAfterBytes - sent)));
    sent += bytes.length;
    if (sent >= cutAfterBytes) response.destroy();
  };
  for await (const piece of child.stdout) {
    const chunk = piece as Buffer;
    if (headed) {
      await send(chunk);
      continue;
    }
    pending = Buffer.concat([pending, chunk]);
    const end = endOfHeader(pending);
    if (end === undefined) {
      if (pending.length > largestHeaderBytes) throw new Error("git http-backend sent no header");
      continue;
    }
    headed = true;
    writeHead(response, pending.subarray(0, end.at).toString());
    await send(pending.subarray(end.at + end.length));
  }
  if (headed) response.end();
}

function endOfHeader(bytes: Buffer): { at: number; length: number } | undefined {
  const at = bytes.indexOf("\r\n\r\n");
  if (at >= 0) return { at, length: 4 };
  const short = bytes.indexOf("\n\n");
  return short >= 0 ? { at: short, length: 2 } : undefined;
}

function writeHead(response: ServerResponse, header: string): void {
  let status = 200;
  for (const line of header.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}

/** Waits for a slow client; one that left is no reason to stop reading from the backend. */
async function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || response.destroyed || response.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
