import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createSandboxCluster, type SandboxCluster } from "./cluster.ts";

let cluster: SandboxCluster;

beforeAll(async () => {
  cluster = createSandboxCluster({ readyAfterMs: 5, historyLimit: 200 });
  await cluster.start();
});

afterAll(async () => {
  await cluster.stop();
});

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | null;
}

async function ask(path: string, { method = "GET", body, headers = {}, token = cluster.token }: Asked = {}) {
  const response = await fetch(`${cluster.url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, text, json: isJson ? (JSON.parse(text) as unknown) : undefined };
}

const configMaps = "/api/v1/namespaces/default/configmaps";

function aConfigMap(name: string) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "1" } };
}

describe("the door", () => {
  test("a kubeconfig names the address and the token", () => {
    expect(cluster.kubeconfigYaml).toContain(`server: ${cluster.url}`);
    expect(cluster.kubeconfigYaml).toContain(cluster.token);
  });

  test("a wrong token is 401; no token may ask for health and version alone", async () => {
    expect(await ask("/api", { token: "wrong" })).toMatchObject({
      status: 401,
      json: { reason: "Unauthorized" },
    });
    expect((await ask("/api", { token: null })).status).toBe(403);
    expect(await ask("/readyz", { token: null })).toMatchObject({ status: 200, text: "ok" });
    expect((await ask("/version", { token: null })).status).toBe(200);
  });

  test("the token of a service account opens it too", async () => {
    const base = "/api/v1/namespaces/default/serviceaccounts";
    await ask(base, {
      method: "POST",
      body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "w" } },
    });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await ask(`${base}/w/token`, { method: "POST", body: request });
    const { token } = (answer.json as { status: { token: string } }).status;
    expect((await ask("/api", { token })).status).toBe(200);
  });
});

describe("refusals", () => {
  test.each([
    ["an unknown resource of a known group", "/apis/apps/v1/namespaces/default/wizards", {}, 404],
    ["a path outside the API", "/nothing", {}, 404],
    [
      "a method that makes no sense",
      "/apis/apps/v1/namespaces/default/deployments/x",
      { method: "POST" },
      405,
    ],
    ["a patch without a known type", `${configMaps}/x`, { method: "PATCH", body: {} }, 415],
    ["an answer in a form we do not have", configMaps, { headers: { accept: "text/html" } }, 406],
    ["a body that is not JSON", configMaps, { method: "POST", body: '{"a' }, 400],
    ["a token to go on with that is not ours", `${configMaps}?continue=abc`, {}, 400],
    ["a version from the future", `${configMaps}?resourceVersion=99999999`, {}, 504],
    ["an apply without a manager", `${configMaps}/x`, applied(aConfigMap("x")), 422],
    ["a watch-list without its match", `${configMaps}?watch=1&sendInitialEvents=true`, {}, 422],
    ["an unknown field, strictly", `${configMaps}?fieldValidation=Strict`, strict(), 400],
  ] as const)("%s", async (...[, path, asked, status]) => {
    expect((await ask(path, asked)).status).toBe(status);
  });

  function applied(body: unknown): Asked {
    return { method: "PATCH", body, headers: { "content-type": "application/apply-patch+yaml" } };
  }

  function strict(): Asked {
    return { method: "POST", body: { ...aConfigMap("s"), dat: {} } };
  }
});

describe("objects", () => {
  test("an unknown field is dropped unless strictness is asked for", async () => {
    const answer = await ask(configMaps, { method: "POST", body: { ...aConfigMap("loose"), dat: {} } });
    expect(answer).toMatchObject({ status: 201, json: { data: { a: "1" } } });
    expect(answer.json).not.toHaveProperty("dat");
  });

  test("a replacement with an old version is refused", async () => {
    const made = await ask(configMaps, { method: "POST", body: aConfigMap("versioned") });
    const first = made.json as { metadata: object };
    const put = (data: object) => ask(`${configMaps}/versioned`, { method: "PUT", body: { ...first, data } });
    expect((await put({ a: "2" })).status).toBe(200);
    expect(await put({ a: "3" })).toMatchObject({ status: 409, json: { reason: "Conflict" } });
  });

  test("a deletion may demand a uid, and be tried dry", async () => {
    await ask(configMaps, { method: "POST", body: aConfigMap("doomed") });
    const path = `${configMaps}/doomed`;
    const preconditions = { uid: "11111111-1111-1111-1111-111111111111" };
    expect((await ask(path, { method: "DELETE", body: { preconditions } })).status).toBe(409);
    expect((await ask(`${path}?dryRun=All`, { method: "DELETE" })).status).toBe(200);
    expect((await ask(path)).status).toBe(200);
    expect(await ask(path, { method: "DELETE" })).toMatchObject({ status: 200, json: { status: "Success" } });
    expect((await ask(path)).status).toBe(404);
  });

  test("pages of one list show one state", async () => {
    for (const name of ["page-a", "page-b"])
      await ask(configMaps, { method: "POST", body: aConfigMap(name) });
    const first = await ask(`${configMaps}?limit=1`);
    const { metadata } = first.json as { metadata: { continue: string; resourceVersion: string } };
    await ask(configMaps, { method: "POST", body: aConfigMap("page-z") });
    const rest = await ask(`${configMaps}?limit=500&continue=${metadata.continue}`);
    const page = rest.json as {
      items: { metadata: { name: string } }[];
      metadata: { resourceVersion: string };
    };
    expect(page.metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(page.items.map((item) => item.metadata.name)).not.toContain("page-z");
  });

  test("a deployed workload runs and has a log", async () => {
    await cluster.applyManifests(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "web:1" }] }
`);
    const watch = await openWatch("/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dweb");
    const ready = await watch.find((line) => line.includes('"ready":true'));
    const { object } = JSON.parse(ready) as { object: { metadata: { name: string } } };
    const log = await ask(`/api/v1/namespaces/default/pods/${object.metadata.name}/log?tailLines=1`);
    expect(log).toMatchObject({ status: 200, text: "ready\n" });
    await watch.close();
  });
});

describe("faults", () => {
  test("cut watches end in an error, and go on from their version", async () => {
    const watch = await openWatch(`${configMaps}?watch=1&resourceVersion=0`);
    cluster.cutWatches();
    await expect(watch.find(() => false)).rejects.toThrow();
    expect((await ask(configMaps)).status).toBe(200);
  });

  test("a cluster that is down refuses connections, and comes back with everything on the same port", async () => {
    await ask(configMaps, { method: "POST", body: aConfigMap("survivor") });
    const { url } = cluster;
    await cluster.down();
    await expect(fetch(`${url}/readyz`)).rejects.toThrow();
    await cluster.up();
    expect(cluster.url).toBe(url);
    expect((await ask(`${configMaps}/survivor`)).status).toBe(200);
  });

  test("a delay holds answers back until it is lifted", async () => {
    cluster.delayMs = 60_000;
    const slow = fetch(`${cluster.url}/readyz`, { signal: AbortSignal.timeout(50) });
    await expect(slow).rejects.toThrow();
    cluster.delayMs = 0;
    expect((await ask("/readyz")).status).toBe(200);
  });

  test("a forgotten history answers a watch with 410", async () => {
    const { metadata } = (await ask(configMaps)).json as { metadata: { resourceVersion: string } };
    cluster.forgetHistory();
    const watch = await openWatch(`${configMaps}?watch=1&resourceVersion=${metadata.resourceVersion}`);
    expect(await watch.find((line) => line.includes('"ERROR"'))).toContain('"code":410');
    await watch.close();
  });
});

async function openWatch(path: string) {
  const cut = new AbortController();
  const response = await fetch(`${cluster.url}${path}`, {
    headers: { authorization: `Bearer ${cluster.token}` },
    signal: AbortSignal.any([cut.signal, AbortSignal.timeout(10_000)]),
  });
  if (response.body === null) throw new Error("a watch without a body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async find(passes: (line: string) => boolean): Promise<string> {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the watch ended");
        const lines = (rest + value).split("\n");
        rest = lines.pop() ?? "";
        const found = lines.find(passes);
        if (found !== undefined) return found;
      }
    },
    async close() {
      await reader.cancel();
      cut.abort();
    },
  };
}
