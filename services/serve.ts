import type { Env } from "#common/kit/env.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";

import { openApi } from "./api/main.ts";
import { openWatcher } from "./cluster-watcher/main.ts";
import { openRegistryScanner } from "./registry-scanner/main.ts";
import { openWorker } from "./release-worker/main.ts";

const services = [
  { name: "cluster-watcher", open: openWatcher, address: "SLIPWAY_WATCHER_ADDRESS", opsOffset: 1 },
  { name: "registry-scanner", open: openRegistryScanner, address: "SLIPWAY_SCANNER_ADDRESS", opsOffset: 2 },
  { name: "release-worker", open: openWorker, address: "SLIPWAY_WORKER_ADDRESSES", opsOffset: 3 },
  { name: "api", open: openApi, address: undefined, opsOffset: 0 },
] as const;

/**
 * All four services in one process, for small places. They speak to each other in plain text over
 * loopback, by the ports of SLIPWAY_{WATCHER,SCANNER}_ADDRESS and SLIPWAY_WORKER_ADDRESSES; operations
 * answer at SLIPWAY_OPS_PORT (the API's) and the three after it.
 */
export async function serve(env: Env): Promise<void> {
  const opened = [];
  for (const { name, open, address, opsOffset } of services) {
    opened.push(
      await open({ ...env, ...namesOf(env, name), ...grpcOf(env, address), ...opsOf(env, opsOffset) }),
    );
  }
  const parts = opened.flatMap((service) => service.parts);
  const log = opened.at(-1)?.log;
  await runUntilSignal(parts, { ...(log !== undefined && { log }), exitWithParent: true });
}

/** Nothing but loopback is listened on, so no certificates are needed, and none would fit four names. */
function namesOf(env: Env, service: string): Env {
  const name = env["SLIPWAY_NAME"] ?? "";
  return {
    SLIPWAY_NAME: name === "" ? service : `${name}-${service}`,
    SLIPWAY_GRPC_HOST: "127.0.0.1",
    SLIPWAY_TLS_CA_FILE: undefined,
    SLIPWAY_TLS_CERT_FILE: undefined,
    SLIPWAY_TLS_KEY_FILE: undefined,
  };
}

/** A service listens where the others look for it; where nothing is said, both have the same default. */
function grpcOf(env: Env, address: string | undefined): Env {
  const [, port] = /:(\d+)$/.exec(env[address ?? ""] ?? "") ?? [];
  return { SLIPWAY_GRPC_PORT: port };
}

function opsOf(env: Env, offset: number): Env {
  const port = Number(env["SLIPWAY_OPS_PORT"] ?? "");
  // None, 0 (each takes a free one) and what is no number stay as they are: the services judge them.
  return Number.isInteger(port) && port > 0 ? { SLIPWAY_OPS_PORT: String(port + offset) } : {};
}
