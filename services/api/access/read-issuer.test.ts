import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, expect, test } from "vitest";

import { readIssuerKeys } from "./read-issuer.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

/** An issuer on a free port; each path answers what is given. */
async function issuerThat(routes: (url: string) => Record<string, unknown>): Promise<string> {
  let answers: Record<string, unknown> = {};
  const serve: RequestListener = (request, response) => {
    const answer = answers[request.url ?? ""];
    if (typeof answer === "function") return (answer as RequestListener)(request, response);
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? {}));
  };
  const made = createServer(serve);
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
  answers = routes(url);
  return url;
}

const wellKnown = "/.well-known/openid-configuration";
const keys = { keys: [{ kty: "EC", kid: "k1" }] };

test("the keys are where the issuer says", async () => {
  const url = await issuerThat((issuer) => ({
    [`/realms/a${wellKnown}`]: { issuer: `${issuer}/realms/a`, jwks_uri: `${issuer}/certs`, more: 1 },
    "/certs": keys,
  }));
  expect(await readIssuerKeys(`${url}/realms/a`)).toEqual(keys);
});

const refusals: Record<string, (issuer: string) => Record<string, unknown>> = {
  "it calls itself otherwise": () => ({
    [wellKnown]: { issuer: "https://evil.example.com", jwks_uri: "https://x.example.com" },
  }),
  "its keys are elsewhere in the clear": (issuer) => ({
    [wellKnown]: { issuer, jwks_uri: "http://10.0.0.1/keys" },
  }),
  "it has no keys": (issuer) => ({
    [wellKnown]: { issuer, jwks_uri: `${issuer}/certs` },
    "/certs": { keys: "none" },
  }),
  "it has too many": (issuer) => ({
    [wellKnown]: { issuer, jwks_uri: `${issuer}/certs` },
    "/certs": { keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) },
  }),
  "it sends us elsewhere": (issuer) => ({
    [wellKnown]: { issuer, jwks_uri: `${issuer}/certs` },
    "/certs": (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(302, { location: `${issuer}/other` }).end(),
    "/other": keys,
  }),
  "it talks without end": (issuer) => ({
    [wellKnown]: { issuer, jwks_uri: `${issuer}/certs` },
    "/certs": (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"keys":[${" ".repeat(300 * 1024)}]}`);
    },
  }),
  "it fails": () => ({
    [wellKnown]: (_request: IncomingMessage, response: ServerResponse) => response.writeHead(500).end("x"),
  }),
  "it is cut": (issuer) => ({
    [wellKnown]: (_request: IncomingMessage, response: ServerResponse) =>
      response.end(`{"issuer":"${issuer}","jwks`),
  }),
};

test.each(Object.keys(refusals))("keys are not read when %s", async (name) => {
  const url = await issuerThat((issuer) => refusals[name]?.(issuer) ?? {});
  await expect(readIssuerKeys(url)).rejects.toThrow();
});
