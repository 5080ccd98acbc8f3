import { createServer as createHttpServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";

import { afterEach, beforeAll, expect, test } from "vitest";

import { selfSigned } from "../services/registry-scanner/oci/testing/certificates.ts";
import type { Pair } from "../services/registry-scanner/oci/testing/certificates.ts";
import { createTransport } from "./http.ts";
import { createHastyClock } from "./testing/run.ts";
import type { WireSettings } from "./wire.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await selfSigned("slipway", "IP:127.0.0.1,DNS:slipway.example");
});

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const hello: RequestListener = (request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ url: request.url, host: request.headers.host }));
};

/** A proxy that takes whoever logs in as bot; names of tests resolve to this machine. */
async function startProxy() {
  const asked: string[] = [];
  const isBot = (header: string | undefined) =>
    header === `Basic ${Buffer.from("bot:s3cret").toString("base64")}`;
  const server = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.statusCode = isBot(request.headers["proxy-authorization"]) ? 200 : 407;
    hello(request, response);
  });
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (!isBot(request.headers["proxy-authorization"])) return socket.end("HTTP/1.1 407 No\r\n\r\n");
    const onward = connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    return undefined;
  });
  return { url: `http://bot:s3cret@127.0.0.1:${await listen(server)}`, asked };
}

function clientOf(url: string, wire: WireSettings) {
  const target = { url, token: undefined, source: "--url" };
  return createTransport({ target, clock: createHastyClock(), userAgent: "test", wire });
}

const ask = { method: "GET", path: "/v1/environments" } as const;

test("a server of an authority of one's own is believed when the authority is named, and else refused", async () => {
  const url = `https://127.0.0.1:${await listen(createHttpsServer(pair, hello))}`;
  const named = clientOf(url, { ca: pair.cert, proxies: {} });
  expect(await named.json(ask)).toMatchObject({ url: "/v1/environments" });
  await expect(clientOf(url, { proxies: {} }).json(ask)).rejects.toMatchObject({
    code: "UNREACHABLE",
    exitCode: 6,
    message: expect.stringContaining("--ca-file"),
  });
});

test("a proxy carries https as a tunnel and http as it is, and is logged in to", async () => {
  const proxy = await startProxy();
  const port = await listen(createHttpsServer(pair, hello));
  const proxies = { https: proxy.url, http: proxy.url };
  const secure = clientOf(`https://slipway.example:${port}`, { ca: pair.cert, proxies });
  expect(await secure.json(ask)).toMatchObject({ url: "/v1/environments" });
  const other = clientOf(`https://other.example:${port}`, { ca: pair.cert, proxies });
  await expect(other.try(ask)).rejects.toThrow("its certificate is for another name");
  const plain = clientOf("http://slipway.example", { proxies });
  expect(await plain.json(ask)).toEqual({
    url: "http://slipway.example/v1/environments",
    host: "slipway.example",
  });
  expect(new Set(proxy.asked)).toEqual(
    new Set([
      `CONNECT slipway.example:${port}`,
      `CONNECT other.example:${port}`,
      "GET http://slipway.example/v1/environments",
    ]),
  );
});

test("a proxy that refuses us is named as what stands in the way", async () => {
  const proxy = await startProxy();
  const proxies = { https: proxy.url.replace("s3cret", "wrong") };
  await expect(clientOf("https://slipway.example", { proxies }).json(ask)).rejects.toThrow(
    "the proxy does not connect to it",
  );
});

test("what NO_PROXY names, and the machine itself, is asked without the proxy", async () => {
  const proxy = await startProxy();
  const port = await listen(createHttpServer(hello));
  const local = clientOf(`http://127.0.0.1:${port}`, { proxies: { http: proxy.url } });
  expect(await local.json(ask)).toMatchObject({ url: "/v1/environments" });
  const excepted = clientOf(`http://slipway.invalid:${port}`, {
    proxies: { http: proxy.url, none: ".invalid" },
  });
  await expect(excepted.json(ask)).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(proxy.asked).toEqual([]);
});
