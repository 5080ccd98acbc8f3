import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An HTTP server that answers what a test says, with a kubeconfig for it. */
export interface FakeKubeServer {
  readonly url: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
  }[];
  connections(): number;
  /** Replaces the user in the kubeconfig. */
  setUser(user: Record<string, unknown>): Promise<void>;
  /** Drops every open connection. */
  cut(): void;
  stop(): Promise<void>;
}

/** Starts a fake API server on a free loopback port. */
export async function startFakeKubeServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeKubeServer> {
  const requests: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers });
    answer(request, response);
  });
  server.on("connection", () => (connections += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), "fake-kube-"));
  const kubeconfig = join(folder, "config");
  const setUser = (user: Record<string, unknown>): Promise<void> =>
    writeFile(kubeconfig, JSON.stringify(kubeconfigOf(url, user)));
  await setUser({ token: "secret" });
  return {
    url,
    folder,
    kubeconfig,
    requests,
    connections: () => connections,
    setUser,
    cut: () => server.closeAllConnections(),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function kubeconfigOf(url: string, user: Record<string, unknown>): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "c", cluster: { server: url, "insecure-skip-tls-verify": true } },
      { name: "strict", cluster: { server: url } },
    ],
    users: [{ name: "u", user }],
    contexts: [
      { name: "main", context: { cluster: "c", user: "u", namespace: "shop" } },
      { name: "strict", context: { cluster: "strict", user: "u" } },
      { name: "no-cluster", context: { cluster: "absent", user: "u" } },
      { name: "no-user", context: { cluster: "c", user: "absent" } },
    ],
    "current-context": "main",
  };
}

/** Answers with JSON, as the API server does. */
export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
