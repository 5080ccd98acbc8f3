import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { networkWords } from "./network-words.ts";
import { selfSigned } from "./testing/certificates.ts";
import {
  aClient,
  aSecureServer,
  aServer,
  clientOf,
  failureOf,
  host,
  shop,
  signal,
} from "./testing/harness.ts";
import type { OciClient } from "./types.ts";

// What people read when no answer came: none of it may need knowledge of Node.

const told = async (client: OciClient, at = shop) =>
  (await failureOf(client.listTags(at, { signal: signal() }))) as { detail: string; hint?: string };

test("a name without a host", async () => {
  const { detail, hint } = await told(aClient([]), { host: "registry.invalid", path: "a" });
  expect(detail).toMatch(
    /^registry\.invalid\/v2\/a\/tags\/list: (?:there is no host of this name|its name cannot be resolved now)$/,
  );
  expect(hint).toMatch(/name server/);
});

test("a port on which nobody listens", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  expect((await told(clientOf(`http://127.0.0.1:${port}`))).detail).toMatch(/: nothing listens there/);
});

test("a certificate that nobody vouches for", async () => {
  const url = await aSecureServer(await selfSigned("x"), (_request, response) => void response.end());
  expect(await told(clientOf(url))).toMatchObject({
    detail: expect.stringMatching(/: its certificate is signed by itself$/),
    hint: expect.stringContaining("caFile"),
  });
});

test("a server that speaks plain http where TLS is meant", async () => {
  const url = await aServer((_request, response) => void response.end());
  const client = aClient([{ host, endpoint: url.replace("http:", "https:") }]);
  expect(await told(client)).toMatchObject({
    detail: expect.stringMatching(/: it does not speak TLS$/),
    hint: expect.stringContaining("insecure: true"),
  });
});

test("a server that hangs up", async () => {
  const url = await aServer((request) => request.destroy());
  expect((await told(clientOf(url))).detail).toMatch(/: the connection was cut$/);
});

test("what has no words of ours keeps its own", () => {
  expect(networkWords(new Error("odd"))).toEqual({ what: "odd" });
  expect(networkWords(Object.assign(new Error(""), { code: "EODD" }))).toEqual({ what: "EODD" });
  expect(networkWords("text")).toEqual({ what: "no answer" });
});
