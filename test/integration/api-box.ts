import { settings as settingsSchema } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { systemClock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import { silentLog } from "#common/kit/log.ts";
import type { Log } from "#common/kit/log.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import { readSecret } from "#common/kit/settings.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { replaceDeclared } from "#common/store/manifests.ts";
import { createStore } from "#common/store/store.ts";
import type { Store } from "#common/store/store.ts";
import { addToken } from "#common/store/tokens.ts";

import { readServedApi } from "#support/served-api.ts";
import type { ServedApi } from "#support/served-api.ts";

import { hashToken } from "../../services/api/access/token-secret.ts";
import { createHttpServer } from "../../services/api/http-server.ts";
import { createApiMetrics } from "../../services/api/metrics.ts";
import { createPeers } from "../../services/api/peers.ts";
import { startFakePeers } from "./api-peers.fake.ts";
import type { FakePeers } from "./api-peers.fake.ts";

/** A whole API process's parts on a real Postgres, listening, with tokens of every role. */
export interface ApiBox {
  readonly url: string;
  readonly store: Store;
  readonly peers: FakePeers;
  /** What the bell was asked to ring. */
  readonly rung: string[];
  /** The page that Prometheus reads. */
  metrics(): Promise<string>;
  readonly laneId: string;
  /** The API as it describes itself: an answer of `call` that it does not declare is thrown. */
  readonly served: ServedApi;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an endless stream only what it says first. */
  readonly firstOnly?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export const tokens = { admin: "admin-token-0123456789", viewer: "viewer-token", releaser: "releaser-token" };

const git = { url: "https://git.example.com/shop/config.git", branch: "main", paths: ["deploy"] };

export const oneEnvironment = [{ name: "default", cluster: { inCluster: true }, git, mode: "apply" }];
export const twoEnvironments = [
  ...oneEnvironment,
  { name: "watched", cluster: { inCluster: true }, git: { ...git, branch: "other" } },
];

/** Starts it all on an empty database. */
export async function startApiBox(options: {
  databaseUrl: string;
  environments: unknown;
  registries?: unknown;
  oidc?: unknown;
  writesPerMinute?: number;
  /** Not for a second one on the same database. */
  addTokens?: boolean;
  env?: Env;
  log?: Log;
}): Promise<ApiBox> {
  const { environments, registries = [], oidc = [] } = options;
  const settings = settingsSchema.parse({ environments, registries, oidc });
  const store = createStore({ databaseUrl: options.databaseUrl, log: silentLog, poolSize: 10 });
  await store.start();
  const peers = await startFakePeers();
  const clients = createPeers(peers.addresses, { log: silentLog });
  const rung: string[] = [];
  const metrics = createMetrics({ service: "api", process: false });
  const server = createHttpServer({
    parts: {
      settings,
      store,
      bell: { ring: async (queue, subject) => void rung.push(`${queue} ${subject}`) },
      cluster: clients.cluster,
      registry: clients.registry,
      workers: clients.workers,
      dependencies: [{ name: "postgres", needed: true, check: () => store.ping() }, ...clients.dependencies],
      log: options.log ?? silentLog,
      clock: systemClock,
      newId: newUuidV7,
      writesPerMinute: options.writesPerMinute ?? 100_000,
      metrics: createApiMetrics(metrics),
      secretOf: (from) => readSecret(from, options.env ?? {}),
    },
    host: "127.0.0.1",
    port: 0,
    adminToken: tokens.admin,
    teller: { print: undefined, folder: "/nowhere" },
  });
  await server.start();
  const adding = options.addTokens === false ? [] : (["viewer", "releaser"] as const);
  for (const role of adding) {
    await addToken(store.db, { id: newUuidV7(), hash: hashToken(tokens[role]), name: `${role} robot`, role });
  }
  const url = `http://127.0.0.1:${server.port()}`;
  const served = await readServedApi(url);
  return {
    url,
    store,
    peers,
    rung,
    metrics: () => metrics.text(),
    laneId: laneKey(git.url, git.branch),
    served,
    call: (method, path, given) => call({ url, served }, { method, path }, given),
    stop: async () => {
      await server.stop();
      await clients.stop?.();
      await peers.stop();
      await store.stop();
    },
  };
}

async function call(
  { url, served }: Pick<ApiBox, "url" | "served">,
  { method, path }: { method: string; path: string },
  options: CallOptions = {},
): Promise<Answer> {
  const { token = tokens.admin, body, headers = {} } = options;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const isEndless =
    options.firstOnly === true && response.headers.get("content-type")?.startsWith("text/event-stream");
  const text = isEndless ? await firstChunk(response) : await response.text();
  const contentType = response.headers.get("content-type");
  const undeclared = served.undeclared({ method, path, status: response.status, contentType, text });
  if (undeclared !== undefined) throw new Error(`${method} ${path}: ${undeclared}`);
  // A stream of events or of lines is kept as it came.
  const isJson = /json$|json;/.test(contentType ?? "") && !text.includes("}\n{");
  const parsed = text === "" ? {} : isJson ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: response.status, headers: response.headers, body: parsed };
}

/** A stream is let go after what it says first. */
async function firstChunk(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  await reader?.cancel();
  return Buffer.from(value ?? []).toString();
}

/** Git declares these deployments of sock-shop. */
export async function declare(box: ApiBox, images: Readonly<Record<string, string>>): Promise<void> {
  const rows = Object.entries(images).map(([name, image], at) => ({
    workload: `sock-shop:deployment/${name}`,
    path: `deploy/${name}.yaml`,
    document: 1,
    line: 1,
    blob_oid: String(at),
    containers: [{ name, image, init: false, editable: true, reason: null }],
    policies: { automated: name === "cart", locked: false, ignore: false, hold: null, tags: {} },
    repositories: [`docker.io/${image.split(":")[0] ?? ""}`],
  }));
  await replaceDeclared(box.store.db, {
    environment: "default",
    laneId: box.laneId,
    commit: "9c1e2f4",
    changedPaths: rows.map((row) => row.path),
    removedPaths: [],
    rows,
    faults: [],
  });
}
