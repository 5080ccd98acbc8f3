import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAccess } from "./access.ts";
import type { AccessControls, RegistryAuth } from "./access.ts";
import { createFaults } from "./faults.ts";
import type { FaultControls } from "./faults.ts";
import { buildImage } from "./image.ts";
import type { ImageSpec } from "./image.ts";
import type { Drip } from "./quirks.ts";
import { errorReply, jsonReply, writeReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { answerRoute, findRoute, writes } from "./routes.ts";
import type { Route, RouteKind } from "./routes.ts";
import { createRegistryStore } from "./store.ts";
import type { RegistryStore } from "./store.ts";

export interface SandboxRegistryOptions {
  /** The name it listens under and is called by; 127.0.0.1 by default. */
  readonly host?: string;
  /** Default: a free one, kept over stop and start. */
  readonly port?: number;
  readonly auth?: RegistryAuth;
  readonly now?: () => Date;
}

export type RequestCounts = Readonly<Record<RouteKind | "total", number>>;

/** An image registry in memory that speaks the distribution protocol over a socket, with faults on demand. */
export interface SandboxRegistry extends FaultControls, AccessControls {
  /** `http://127.0.0.1:<port>`; throws before start. */
  readonly url: string;
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  start(): Promise<void>;
  /** Cuts every connection; what is stored stays for the next start. */
  stop(): Promise<void>;
  /** Stores an image under a tag and returns the digest the tag names. */
  addImage(repository: string, tag: string, spec: ImageSpec): string;
  /** Lets a tag name what another tag or a digest names. */
  retag(repository: string, from: string, to: string): string;
  removeTag(repository: string, tag: string): void;
  /** A blob's bytes, as a blob host would give them. */
  blob(digest: string): Buffer | undefined;
  /** Requests since the start or the last reset, by kind. */
  requests(): RequestCounts;
  resetRequests(): void;
}

const bodyLimitBytes = 32 * 1024 * 1024;
const noRequests: RequestCounts = {
  ping: 0,
  tags: 0,
  manifestGet: 0,
  manifestHead: 0,
  blob: 0,
  upload: 0,
  push: 0,
  token: 0,
  total: 0,
};

export function createSandboxRegistry(o: SandboxRegistryOptions = {}): SandboxRegistry {
  const store = createRegistryStore();
  const faults = createFaults();
  const access = createAccess(o.auth, o.now ?? (() => new Date()));
  const uploads = new Map<string, string>();
  const ownHost = o.host ?? "127.0.0.1";
  let counts = { ...noRequests };
  let port = o.port ?? 0;
  let server: Server | undefined;

  async function answer(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? "/", baseUrl());
    const route = findRoute(request.method ?? "GET", url.pathname);
    const body = await readBody(request);
    if (route === undefined) return errorReply(404, "NOT_FOUND");
    counts = { ...counts, [route.kind]: counts[route.kind] + 1, total: counts.total + 1 };
    if (route.kind === "token") return access.token(request, url, body);
    const { storm, contentType, challengesForever } = faults.quirks();
    if (challengesForever === true) return access.challenge(baseUrl());
    const refusal = access.refusal(request, { baseUrl: baseUrl(), scope: scopeOf(route) });
    if (refusal !== undefined) return refusal;
    if (route.repository !== undefined) await faults.wait(route.repository);
    const failure = route.kind === "ping" ? undefined : faults.takeFailure();
    if (failure !== undefined) return failureReply(failure);
    if (storm !== undefined && faults.takeStorm()) {
      return failureReply({ status: 429, retryAfter: storm.retryAfterS });
    }
    const reply = answerRoute({ store, faults, uploads }, { request, url, route, body });
    if (contentType !== undefined) reply.headers["content-type"] = contentType;
    const cut = route.kind !== "ping" && reply.body.length > 1 && faults.takeTruncation();
    return cut ? { ...reply, body: reply.body.subarray(0, reply.body.length >> 1) } : reply;
  }

  function baseUrl(): string {
    if (port === 0) throw new Error("the sandbox registry has not been started");
    return `http://${ownHost}:${port}`;
  }

  return {
    ...faults.controls,
    ...access.controls,
    ...imageControls(store),
    get url() {
      return baseUrl();
    },
    get host() {
      return baseUrl().slice("http://".length);
    },
    async start() {
      const drip = () => faults.quirks().drip;
      server = createServer((request, response) => void respond({ answer, drip }, request, response));
      server.listen(port, ownHost);
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
    },
    async stop() {
      faults.controls.heal();
      const stopping = server;
      server = undefined;
      if (stopping === undefined) return;
      const closed = once(stopping, "close");
      stopping.close();
      stopping.closeAllConnections();
      await closed;
    },
    requests: () => counts,
    resetRequests: () => void (counts = { ...noRequests }),
  };
}

type ImageControls = Pick<SandboxRegistry, "addImage" | "retag" | "removeTag" | "blob">;

function imageControls(store: RegistryStore): ImageControls {
  return {
    blob: (digest) => store.blob(digest),
    addImage(repository, tag, spec) {
      const image = buildImage(spec);
      const stored = store.open(repository);
      for (const blob of image.blobs) stored.blobs.set(blob.digest, blob.bytes);
      for (const manifest of image.manifests) stored.manifests.set(manifest.digest, manifest);
      stored.tags.set(tag, image.digest);
      return image.digest;
    },
    retag(repository, from, to) {
      const stored = store.open(repository);
      const digest = from.includes(":") ? from : stored.tags.get(from);
      if (digest === undefined || !stored.manifests.has(digest))
        throw new Error(`no ${from} in ${repository}`);
      stored.tags.set(to, digest);
      return digest;
    },
    removeTag: (repository, tag) => void store.open(repository).tags.delete(tag),
  };
}

interface Responding {
  readonly answer: (request: IncomingMessage) => Promise<Reply>;
  readonly drip: () => Drip | undefined;
}

async function respond(
  { answer, drip }: Responding,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const withBody = request.method !== "HEAD";
  try {
    await writeReply(response, await answer(request), { withBody, drip: drip() });
  } catch (error) {
    // When the peer went away in the middle of its request there is nobody left to tell.
    if (response.headersSent || response.destroyed) return void response.destroy();
    const reply = jsonReply(500, { errors: [{ code: "UNKNOWN", message: String(error) }] });
    await writeReply(response, reply, { withBody });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyLimitBytes) throw new Error("request body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function scopeOf({ repository, kind }: Route): string | undefined {
  if (repository === undefined) return undefined;
  return `repository:${repository}:${writes(kind) ? "pull,push" : "pull"}`;
}

function failureReply(fault: { readonly status: number; readonly retryAfter?: number | string }): Reply {
  const code = fault.status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
  return errorReply(fault.status, code, headers);
}
