import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, expect, test } from "vitest";

import { sendJson, startFakeKubeServer } from "./kube-server.fake.ts";
import { createKubeApi } from "./kube.ts";
import type { KubeApi } from "./kube.ts";
import { pollUntil } from "./retry.ts";

// Certificates, addresses and programs that change while a process runs.

const opened: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function folderOfOwn(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kube-credentials-"));
  opened.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for loopback that is its own authority. */
async function selfSigned(folder: string, name: string): Promise<Pair> {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = ["-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", keyFile, "-out", certFile];
  await promisify(execFile)("openssl", ["req", ...subject, ...curve, ...names, ...files]);
  return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") };
}

interface SecureServer {
  readonly url: string;
  /** Shows another certificate from the next connection on, and drops those that are open. */
  present(pair: Pair): void;
}

async function startSecure(pair: Pair): Promise<SecureServer> {
  const server: Server = createServer(pair, (request, response) => {
    if (!(request.url ?? "").includes("watch=1")) return sendJson(response, {});
    response.writeHead(200);
    response.write('{"type":"BOOKMARK","object":{"metadata":{}}}\n');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  opened.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    present: (next) => {
      server.setSecureContext(next);
      server.closeAllConnections();
    },
  };
}

async function openApi(kubeconfig: string, allowExec = false): Promise<KubeApi> {
  const api = await createKubeApi({ kubeconfig }, { allowExec });
  opened.push(() => api.close());
  return api;
}

function kubeconfigOf(
  server: string,
  authority: Record<string, unknown>,
  user: unknown = { token: "t" },
): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, ...authority } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

const get = { method: "GET", path: "/readyz" } as const;
const wait = { everyMs: 20, timeoutMs: 15_000 };
const untilAnswered = (api: KubeApi) =>
  pollUntil(
    () =>
      api.request(get).then(
        (answer) => answer.status === 200,
        () => false,
      ),
    wait,
  );

test("a certificate authority that changes in its file is taken in with the next request", async () => {
  const folder = await folderOfOwn();
  const [first, second] = await Promise.all([selfSigned(folder, "first"), selfSigned(folder, "second")]);
  const server = await startSecure(first);
  const kubeconfig = join(folder, "config");
  const file = join(folder, "ca.crt");
  await writeFile(file, first.cert);
  await writeFile(kubeconfig, kubeconfigOf(server.url, { "certificate-authority": "ca.crt" }));
  const api = await openApi(kubeconfig);
  expect(await api.request(get)).toMatchObject({ status: 200 });
  server.present(second);
  await expect(api.request(get)).rejects.toMatchObject({ message: /self.signed/i });
  await writeFile(file, second.cert);
  expect(await api.request(get)).toMatchObject({ status: 200 });
});

test("a kubeconfig that is changed is read again when a connection fails: authority and address", async () => {
  const folder = await folderOfOwn();
  const [first, second] = await Promise.all([selfSigned(folder, "first"), selfSigned(folder, "second")]);
  const [server, other] = await Promise.all([startSecure(first), startSecure(first)]);
  const kubeconfig = join(folder, "config");
  const write = (url: string, { cert }: Pair, extra = "") => {
    const authority = { "certificate-authority-data": Buffer.from(cert).toString("base64") };
    return writeFile(kubeconfig, kubeconfigOf(url, authority) + extra);
  };
  await write(server.url, first);
  const api = await openApi(kubeconfig);
  const end = api.watch({
    path: "/w",
    signal: new AbortController().signal,
    onEvent: () => server.present(second),
  });
  expect(await end).toMatchObject({ kind: "error" });
  await write(server.url, second);
  await untilAnswered(api);
  server.present(first);
  await write(other.url, first);
  await untilAnswered(api);
  expect(api.server).toBe(other.url);
});

test("a changed kubeconfig that cannot be used is said, and the one before stays", async () => {
  const folder = await folderOfOwn();
  const pair = await selfSigned(folder, "only");
  const server = await startSecure(pair);
  const kubeconfig = join(folder, "config");
  const authority = { "certificate-authority-data": Buffer.from(pair.cert).toString("base64") };
  await writeFile(kubeconfig, kubeconfigOf(server.url, authority));
  const api = await openApi(kubeconfig);
  await writeFile(kubeconfig, kubeconfigOf(server.url, authority, { exec: { command: "./log-in" } }));
  const late = api.request({ ...get, path: "/w", query: { watch: "1" }, timeoutMs: 50 });
  await expect(late).rejects.toMatchObject({ message: /no answer within 50 ms; .*running a program/ });
  expect(await api.request(get)).toMatchObject({ status: 200 });
});

test("a program that makes the credential is run once for requests at once, and again after a 401", async () => {
  const folder = await folderOfOwn();
  const runs = join(folder, "runs");
  const server = await startFakeKubeServer((request, response) =>
    sendJson(response, {}, request.headers.authorization === "Bearer t2" ? 200 : 401),
  );
  opened.push(() => server.stop());
  // Each run writes a line; its token is the number of lines.
  const script = `const fs = require("node:fs"); fs.appendFileSync(${JSON.stringify(runs)}, "x");
const token = "t" + fs.readFileSync(${JSON.stringify(runs)}, "utf8").length;
console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } }));`;
  const apiVersion = "client.authentication.k8s.io/v1";
  await server.setUser({ exec: { apiVersion, command: process.execPath, args: ["-e", script] } });
  const api = await openApi(server.kubeconfig, true);
  const answers = await Promise.all([1, 2, 3, 4].map(() => api.request(get)));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  expect(await readFile(runs, "utf8")).toBe("xx");
});
