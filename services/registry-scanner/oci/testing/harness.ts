import { once } from "node:events";
import { createServer, request as sendOn } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { ServerOptions } from "node:https";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect } from "vitest";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import type { SandboxRegistry, SandboxRegistryOptions } from "#sandbox/registry/registry.ts";
import { createOciClient } from "../client.ts";
import type { OciClient, OciClientOptions, RegistrySettings } from "../types.ts";

/** Canonical host of the registry under test; its endpoint redirects it to a loopback port. */
export const host = "registry.example.com";
/** The repository most tests read. */
export const shop = { host, path: "shop/front-end" };
/** When the images of the tests were built. */
export const createdAt = new Date("2016-11-18T16:00:00Z");
/** A secret that must show up nowhere. */
export const password = "s3cret-canary";
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A signal that never aborts. */
export function signal() {
  return new AbortController().signal;
}

/** A started sandbox registry, stopped after the test. */
export async function aRegistry(o: SandboxRegistryOptions = {}): Promise<SandboxRegistry> {
  const registry = createSandboxRegistry(o);
  await registry.start();
  closers.push(() => registry.stop());
  return registry;
}

/** An HTTP server with one listener, for answers no sane registry gives; gives its URL. */
export async function aServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As `aServer`, over TLS. */
export async function aSecureServer(options: ServerOptions, listener: RequestListener): Promise<string> {
  const server = createSecureServer(options, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that forwards plain requests and tunnels to anywhere; tells what it was asked for. */
export async function aProxy(): Promise<{ url: string; asked: string[]; authorizations: unknown[] }> {
  const asked: string[] = [];
  const authorizations: unknown[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers["proxy-authorization"]);
    const { "proxy-authorization": _own, ...headers } = request.headers;
    const onward = sendOn(new URL(request.url ?? ""), { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    authorizations.push(request.headers["proxy-authorization"]);
    const [address = "", port = ""] = (request.url ?? "").split(":");
    const onward = connect(Number(port), address, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, authorizations };
}

/** A client, closed after the test. */
export function aClient(
  registries: readonly RegistrySettings[],
  o: Partial<OciClientOptions> = {},
): OciClient {
  const client = createOciClient({ registries, ...o });
  closers.push(() => client.close());
  return client;
}

/** A client whose registry `host` is at this URL. */
export function clientOf(url: string, o: Partial<RegistrySettings & OciClientOptions> = {}): OciClient {
  const { username, fetchTimeoutMs } = o;
  return aClient(
    [{ host, endpoint: url, ...(username !== undefined && { username, password: o.password }) }],
    {
      ...(fetchTimeoutMs !== undefined && { fetchTimeoutMs }),
      ...(o.now !== undefined && { now: o.now }),
    },
  );
}

/** The error a promise ends with. */
export async function failureOf(promise: Promise<unknown>) {
  return promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error,
  );
}
