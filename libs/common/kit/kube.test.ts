import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { sendJson, startFakeKubeServer } from "./kube-server.fake.ts";
import type { FakeKubeServer } from "./kube-server.fake.ts";
import { createKubeApi } from "./kube.ts";
import type { KubeApi, KubeEvent } from "./kube.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const opened: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.stop();
});

async function open(answer: Answer): Promise<{ api: KubeApi; server: FakeKubeServer }> {
  const server = await startFakeKubeServer(answer);
  const api = await createKubeApi({ kubeconfig: server.kubeconfig });
  opened.push(server, { stop: () => api.close() });
  return { api, server };
}

async function startIdle(): Promise<FakeKubeServer> {
  const server = await startFakeKubeServer((_, response) => sendJson(response, {}));
  opened.push(server);
  return server;
}

test("a request carries the token, the query and the body, and connections are kept", async () => {
  const { api, server } = await open((_, response) => sendJson(response, { kind: "Namespace" }, 201));
  expect(api.defaultNamespace).toBe("shop");
  for (let call = 1; call <= 20; call += 1) {
    const query = { fieldManager: "slip way" };
    const answer = await api.request({ method: "POST", path: "/api/v1/namespaces", query, body: { a: 1 } });
    expect(answer).toMatchObject({ status: 201, body: { kind: "Namespace" } });
  }
  expect(server.requests[0]).toMatchObject({
    url: "/api/v1/namespaces?fieldManager=slip+way",
    headers: { authorization: "Bearer secret", "content-type": "application/json" },
  });
  expect(server.connections()).toBeLessThanOrEqual(2);
});

test("an error status is an answer: parsed when it is JSON, else text", async () => {
  const { api } = await open((request, response) => {
    if (request.url === "/json") return sendJson(response, { kind: "Status", code: 409 }, 409);
    response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
  });
  expect(await api.request({ method: "GET", path: "/json" })).toMatchObject({
    status: 409,
    body: { code: 409 },
  });
  const text = await api.request({ method: "GET", path: "/text" });
  expect(text).toMatchObject({ status: 404, body: "404 page not found\n" });
});

test("no answer in time, a cut answer and no server are CLUSTER_UNAVAILABLE", async () => {
  const { api, server } = await open((request, response) => {
    if (request.url !== "/cut") return;
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"a"', () => response.destroy());
  });
  const unavailable = { code: "CLUSTER_UNAVAILABLE" };
  await expect(api.request({ method: "GET", path: "/slow", timeoutMs: 20 })).rejects.toMatchObject(
    unavailable,
  );
  await expect(api.request({ method: "GET", path: "/cut" })).rejects.toMatchObject(unavailable);
  await server.stop();
  await expect(api.request({ method: "GET", path: "/gone" })).rejects.toMatchObject(unavailable);
});

test("a deadline holds while connecting to a host that hangs", async () => {
  const { folder } = await startIdle();
  const hung = createTcpServer();
  await new Promise<void>((resolve) => {
    hung.listen(0, "127.0.0.1", resolve);
  });
  opened.push({ stop: async () => void hung.close() });
  const server = `https://127.0.0.1:${(hung.address() as AddressInfo).port}`;
  const kubeconfig = join(folder, "hung");
  const clusters = [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }];
  const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
  const users = [{ name: "u", user: { token: "t" } }];
  await writeFile(kubeconfig, JSON.stringify({ clusters, contexts, users, "current-context": "x" }));
  const api = await createKubeApi({ kubeconfig });
  opened.push({ stop: () => api.close() });
  // It accepts the connection and never answers the TLS greeting.
  const accepted = new Promise((resolve) => hung.once("connection", resolve));
  const late = api.request({ method: "GET", path: "/readyz", connection: "probe", timeoutMs: 50 });
  const stop = new AbortController();
  const watch = api.watch({ path: "/", signal: stop.signal, onEvent: () => undefined });
  await expect(late).rejects.toMatchObject({ message: /no answer within 50 ms/ });
  await accepted;
  stop.abort();
  expect(await watch).toEqual({ kind: "closed" });
});

test("an answer that is not whole JSON is CLUSTER_UNAVAILABLE", async () => {
  const { api } = await open((_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"items": [');
  });
  const request = api.request({ method: "GET", path: "/" });
  await expect(request).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
});

test("the caller's own signal ends a request with the caller's reason", async () => {
  const { api } = await open(() => undefined);
  const controller = new AbortController();
  const request = api.request({ method: "GET", path: "/", signal: controller.signal });
  controller.abort(new Error("not needed any more"));
  await expect(request).rejects.toThrow("not needed any more");
});

test("a 429 is asked again after the time the server names", async () => {
  let calls = 0;
  const { api } = await open((_, response) => {
    calls += 1;
    if (calls > 2) return sendJson(response, { ok: true });
    response.writeHead(429, { "retry-after": "0.01" }).end("Too many requests, please try again later.");
  });
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 200, body: { ok: true } });
  expect(calls).toBe(3);
});

test("a 429 that asks for more time than the caller has is the answer", async () => {
  const { api } = await open((_, response) => response.writeHead(429, { "retry-after": "3600" }).end());
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 429 });
});

test("a 401 reads the kubeconfig anew and asks once more", async () => {
  const { api, server } = await open((request, response) => {
    if (request.headers.authorization === "Bearer fresh") return sendJson(response, { ok: true });
    sendJson(response, { kind: "Status", reason: "Unauthorized" }, 401);
  });
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 401 });
  expect(server.requests).toHaveLength(2);
  await server.setUser({ token: "fresh" });
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 200 });
});

test("a token file is read, without its newline, and again after a 401", async () => {
  const { server } = await open((request, response) => {
    sendJson(response, {}, request.headers.authorization === "Bearer two" ? 200 : 401);
  });
  await server.setUser({ tokenFile: "token" });
  await writeFile(join(server.folder, "token"), "one\n");
  const api = await createKubeApi({ kubeconfig: server.kubeconfig });
  opened.push({ stop: () => api.close() });
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 401 });
  expect(server.requests[0]?.headers.authorization).toBe("Bearer one");
  await writeFile(join(server.folder, "token"), "two\n");
  expect(await api.request({ method: "GET", path: "/" })).toMatchObject({ status: 200 });
});

test.each([
  ["no-such-context", /no context "no-such-context"; it has main, strict/],
  ["no-cluster", /names cluster "absent"/],
  ["no-user", /names user "absent"/],
  ["strict", /plain http/],
])("context %s is SETTINGS_INVALID and says why", async (context, reason) => {
  const { kubeconfig } = await startIdle();
  const creating = createKubeApi({ kubeconfig, context });
  await expect(creating).rejects.toMatchObject({ code: "SETTINGS_INVALID", message: reason });
});

test("a missing, a broken and an unnamed kubeconfig are SETTINGS_INVALID", async () => {
  const { folder } = await startIdle();
  const broken = join(folder, "broken");
  await writeFile(broken, "{ clusters: [");
  const invalid = (message: RegExp) => ({ code: "SETTINGS_INVALID", message });
  const missing = createKubeApi({ kubeconfig: join(folder, "absent") });
  await expect(missing).rejects.toMatchObject(invalid(/cannot be read: ENOENT/));
  await expect(createKubeApi({ kubeconfig: broken })).rejects.toMatchObject(invalid(/is not one/));
  await writeFile(broken, "just words");
  await expect(createKubeApi({ kubeconfig: broken })).rejects.toMatchObject(
    invalid(/no current context|is not one/),
  );
  await expect(createKubeApi({})).rejects.toMatchObject(invalid(/name a kubeconfig/));
  await expect(createKubeApi({ inCluster: true })).rejects.toMatchObject(invalid(/does not run in a pod/));
});

test("a credential that cannot be read is SETTINGS_INVALID", async () => {
  const server = await startIdle();
  await server.setUser({ "client-certificate": "absent.pem" });
  const creating = createKubeApi({ kubeconfig: server.kubeconfig });
  await expect(creating).rejects.toMatchObject({ code: "SETTINGS_INVALID", message: /absent\.pem/ });
});

test("a user whose credential comes from a program is refused by name, unless allowed", async () => {
  const server = await startIdle();
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "t" },
  };
  const args = ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`];
  await server.setUser({ exec: { apiVersion: credential.apiVersion, command: process.execPath, args } });
  const target = { kubeconfig: server.kubeconfig };
  const refused = { code: "SETTINGS_INVALID", message: /user "u" .*program/ };
  await expect(createKubeApi(target)).rejects.toMatchObject(refused);
  const api = await createKubeApi(target, { allowExec: true });
  opened.push({ stop: () => api.close() });
  await api.request({ method: "GET", path: "/" });
  expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer t");
});

test("a watch tells each whole line and how it ended", async () => {
  const line = (type: string, name: string) =>
    `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;
  const { api, server } = await open((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const bytes = Buffer.from(line("ADDED", "\u00e9") + line("MODIFIED", "b") + '{"type":"ADD');
    // Cut inside the two bytes of a letter.
    const middle = bytes.indexOf(0xc3) + 1;
    response.write(bytes.subarray(0, middle), () => response.end(bytes.subarray(middle)));
  });
  const events: KubeEvent[] = [];
  let told = false;
  const end = await api.watch({
    path: "/api/v1/pods",
    query: { resourceVersion: "7" },
    signal: new AbortController().signal,
    onOpen: () => (told = true),
    onEvent: (event) => events.push(event),
  });
  expect(end).toEqual({ kind: "closed" });
  expect(told).toBe(true);
  expect(server.requests[0]?.url).toBe("/api/v1/pods?resourceVersion=7&watch=1");
  expect(events.map((event) => `${event.type} ${event.object.metadata.name}`)).toEqual([
    "ADDED \u00e9",
    "MODIFIED b",
  ]);
});

test.each([
  ["an ERROR event 410", 200, { type: "ERROR", object: { kind: "Status", code: 410 } }, { kind: "gone" }],
  ["an HTTP 410", 410, { kind: "Status", code: 410 }, { kind: "gone" }],
  ["an HTTP 401", 401, { kind: "Status", code: 401 }, { kind: "unauthorized" }],
  ["an HTTP 422", 422, { kind: "Status", message: "no" }, { kind: "error", status: 422 }],
  ["an ERROR event 500", 200, { type: "ERROR", object: { code: 500 } }, { kind: "error", status: 500 }],
])("a watch ends by %s", async (...row) => {
  const [, status, body, end] = row;
  const { api } = await open((_, response) => response.writeHead(status).end(`${JSON.stringify(body)}\n`));
  const signal = new AbortController().signal;
  expect(await api.watch({ path: "/", signal, onEvent: () => undefined })).toMatchObject(end);
});

test("a watch ends as an error when it is cut, silent or its reader fails, and as closed by our signal", async () => {
  const { api, server } = await open((_, response) => {
    response.writeHead(200);
    response.write('{"type":"ADDED","object":{"metadata":{}}}\n');
  });
  const watch = (signal: AbortSignal, onEvent: () => void, silenceMs = 60_000) =>
    api.watch({ path: "/", signal, silenceMs: () => silenceMs, onEvent });
  const never = new AbortController().signal;
  expect(await watch(never, () => server.cut())).toMatchObject({ kind: "error" });
  const failing = await watch(never, () => {
    throw new Error("reader");
  });
  expect(failing).toMatchObject({ kind: "error", error: { message: expect.stringContaining("reader") } });
  expect(await watch(never, () => undefined, 50)).toMatchObject({ kind: "error", silent: true });
  const stop = new AbortController();
  expect(await watch(stop.signal, () => stop.abort())).toEqual({ kind: "closed" });
});

test("discovery falls back to the plain one, and leaves a broken group out", async () => {
  const { api } = await open((request, response) => {
    const bodies: Record<string, unknown> = {
      "/api": { kind: "APIVersions", versions: ["v1"] },
      "/apis": {
        kind: "APIGroupList",
        groups: [{ versions: [{ groupVersion: "apps/v1" }] }, { versions: [{ groupVersion: "down/v1" }] }],
      },
      "/api/v1": {
        resources: [
          { name: "pods", kind: "Pod", namespaced: true },
          { name: "pods/log", kind: "Pod", namespaced: true },
        ],
      },
      "/apis/apps/v1": { resources: [{ name: "deployments", kind: "Deployment", namespaced: true }] },
    };
    const body = bodies[request.url ?? ""];
    sendJson(response, body ?? {}, body === undefined ? 503 : 200);
  });
  expect(await api.objectPath({ apiVersion: "v1", kind: "Pod", name: "a" })).toBe(
    "/api/v1/namespaces/shop/pods/a",
  );
  const path = await api.objectPath({ apiVersion: "apps/v1", kind: "Deployment", namespace: "x" });
  expect(path).toBe("/apis/apps/v1/namespaces/x/deployments");
  expect((await api.discover()).resources).toHaveLength(2);
  expect((await api.discover()).unread).toEqual(new Set(["down"]));
});

test.each(["..", ".", "", "a/b", "a%2fb"])("a name %j cannot lead to another path", async (name) => {
  const { api } = await open((request, response) => {
    const versions = [
      {
        version: "v1",
        resources: [{ resource: "pods", responseKind: { kind: "Pod" }, scope: "Namespaced" }],
      },
    ];
    const items = request.url === "/api" ? [{ metadata: { name: "" }, versions }] : [];
    sendJson(response, { kind: "APIGroupDiscoveryList", items });
  });
  const path = api.objectPath({ apiVersion: "v1", kind: "Pod", name });
  await expect(path).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});

test("discovery asked anew costs no body while nothing changed, and names groups that do not answer", async () => {
  let version = "v1";
  const { api, server } = await open((request, response) => {
    const isSame = request.headers["if-none-match"] === version;
    response.writeHead(isSame ? 304 : 200, { "content-type": "application/json", etag: version });
    const resources = [{ resource: "shops", responseKind: { kind: "Shop" }, scope: "Namespaced" }];
    const items = [
      { metadata: { name: "shop.example" }, versions: [{ version, resources }] },
      { metadata: { name: "down.example" }, versions: [{ version: "v1", freshness: "Stale" }] },
    ];
    response.end(isSame ? "" : JSON.stringify({ kind: "APIGroupDiscoveryList", items }));
  });
  const first = await api.discover();
  expect(first.find("shop.example/v1", "Shop")).toMatchObject({ prefix: "/apis/shop.example/v1" });
  expect(first.unread).toEqual(new Set(["down.example"]));
  await api.discover();
  expect(server.requests).toHaveLength(2);
  const second = await api.discover({ fresh: true });
  expect(second.resources).toEqual(first.resources);
  expect(server.requests.at(-1)?.headers["if-none-match"]).toBe("v1");
  version = "v2";
  const third = await api.discover({ fresh: true });
  expect(third.find("shop.example/v1", "Shop")).toBeUndefined();
  expect(await api.discover()).toBe(third);
});

test("a discovery that fails when asked anew leaves what was known", async () => {
  let down = false;
  const { api } = await open((_, response) => {
    if (down) return sendJson(response, { kind: "Status" }, 503);
    sendJson(response, { kind: "APIGroupDiscoveryList", items: [] });
  });
  const known = await api.discover();
  down = true;
  await expect(api.discover({ fresh: true })).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
  expect(await api.discover()).toBe(known);
});

test("a failed discovery is not remembered", async () => {
  let down = true;
  const { api } = await open((_, response) => {
    if (down) return sendJson(response, { kind: "Status" }, 503);
    sendJson(response, { kind: "APIGroupDiscoveryList", items: [] });
  });
  await expect(api.discover()).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
  down = false;
  expect((await api.discover()).resources).toEqual([]);
});
