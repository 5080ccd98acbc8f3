import type { Socket } from "node:net";

import { SlipwayError } from "#common/domain/errors.ts";
import type { Service } from "#common/kit/lifecycle.ts";

import { createGate } from "./access/gate.ts";
import { createApp } from "./app.ts";
import type { ApiApp, ApiParts } from "./deps.ts";
import { ensureAdminToken, storeSettings } from "./first-start.ts";
import type { Teller } from "./first-start.ts";
import { createMergedBell } from "./merged-bell.ts";

export interface HttpServerOptions {
  readonly parts: ApiParts;
  readonly host: string;
  /** 0 takes a free one; `port()` tells which. */
  readonly port: number;
  readonly adminToken: string | undefined;
  readonly teller: Teller;
  /** Takes who is told that new settings were taken up. */
  readonly onSettings?: (listener: () => Promise<void>) => void;
}

export interface HttpServer extends Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The port it listens on; only after `start`. */
  port(): number;
}

/** Stores what it must (settings, lanes, the first token), then listens. */
export function createHttpServer({ parts, ...options }: HttpServerOptions): HttpServer {
  const { store, settings, log, newId } = parts;
  let app: ApiApp | undefined;
  let unused: ReadonlySet<Socket> = new Set();
  return {
    name: "http-server",
    start: async () => {
      let revision = await storeSettings(store, settings);
      options.onSettings?.(async () => {
        revision = await storeSettings(store, settings);
      });
      const { adminToken: given, teller } = options;
      await ensureAdminToken({ store, log, newId, given, teller });
      const ring = createMergedBell(parts.bell);
      app = await createApp({
        ...parts,
        ...(await createGate(parts)),
        ring,
        get settingsRevision() {
          return revision;
        },
      });
      unused = unusedSockets(app);
      await listen(app, options);
      log.info("HTTP listens", { address: `http://${options.host}:${portOf(app)}` });
    },
    stop: async () => {
      if (app !== undefined) await closeSoon(app, unused);
    },
    port: () => portOf(app),
  };
}

async function listen(app: ApiApp, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const detail = `cannot listen on ${host}:${port}`;
    throw new SlipwayError("SETTINGS_INVALID", { detail, hint: "Is the port taken?", cause });
  }
}

const sweepEveryMs = 50;

/** Does not wait for clients that merely keep a connection: to use again, or opened and never used. */
async function closeSoon(app: ApiApp, unused: ReadonlySet<Socket>): Promise<void> {
  const sweep = setInterval(() => {
    app.server.closeIdleConnections();
    unused.forEach((socket) => socket.destroy());
  }, sweepEveryMs);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
  }
}

/** Node counts a connection as idle only after its first request; browsers and pools open some ahead. */
function unusedSockets(app: ApiApp): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  app.server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  app.server.on("request", (request) => unused.delete(request.socket));
  return unused;
}

function portOf(app: ApiApp | undefined): number {
  const address = app?.server.address();
  if (typeof address === "object" && address !== null) return address.port;
  throw new SlipwayError("INTERNAL", { detail: "the HTTP server is not started" });
}
