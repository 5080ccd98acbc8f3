import { randomUUID } from "node:crypto";

import { SlipwayError } from "#common/domain/errors.ts";

import { createHands } from "./controllers/hands.ts";
import { startControllers, type Controllers } from "./controllers/loop.ts";
import { createPodRunner } from "./controllers/pod-runner.ts";
import { kubeconfigYaml } from "./kubeconfig.ts";
import { createLister } from "./listing.ts";
import { applyManifests } from "./manifests.ts";
import type { PodOutcome } from "./outcome.ts";
import { podLog } from "./pod-log.ts";
import { createRegistry } from "./registry.ts";
import { loadSchema } from "./schema.ts";
import { seedCluster } from "./seed.ts";
import { createApiListener } from "./server.ts";
import { createStore } from "./store.ts";
import { createTimers } from "./timers.ts";
import { createTokens } from "./tokens.ts";
import { createWatchHub } from "./watch.ts";

export type { PodOutcome } from "./outcome.ts";

/** A Kubernetes control plane small enough to live inside a process: API server, controllers, kubelets. */
export interface SandboxCluster {
  /** `http://HOST:PORT`; known once started. */
  readonly url: string;
  readonly port: number;
  readonly kubeconfigYaml: string;
  /** The administrator's bearer token. */
  readonly token: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Decides by image what becomes of containers; those that are ready stay so. */
  setOutcome(outcome: (image: string) => PodOutcome): void;
  /** Applies manifests as `kubectl apply` does (client side, with its annotation and field manager). */
  applyManifests(yaml: string): Promise<void>;
  /** Every request waits so many milliseconds before it is answered. */
  delayMs: number;
  /** Breaks the connections of all watches. */
  cutWatches(): void;
  /** Forgets the history of changes: a watch from an older version is answered 410. */
  forgetHistory(): void;
  /** Takes the API server off the network, objects and controllers stay. */
  down(): Promise<void>;
  /** Brings it back on the same port. */
  up(): Promise<void>;
}

/** How a sandbox cluster is made. */
export interface SandboxClusterOptions {
  /** The name it listens under and is called by; 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** How long a pod takes from one state to the next; 150 by default, 0 skips ContainerCreating. */
  readonly readyAfterMs?: number;
  /** How long after a change controllers act on it, as real ones hear of it a little later; 8 by default. */
  readonly reactAfterMs?: number;
  /** Everything becomes ready by default. */
  readonly outcome?: (image: string) => PodOutcome;
  /** How many changes watches can catch up on; 5,000 by default. */
  readonly historyLimit?: number;
  /** A quiet watch gets a bookmark that often; every 10 s by default. */
  readonly bookmarkEveryMs?: number;
  /**
   * Lets requests without a token do everything; off by default. kubectl needs it, as it sends no token
   * over plain HTTP.
   */
  readonly allowAnonymous?: boolean;
  /** Told of a fault in a controller, which would be a fault of the sandbox; a process warning by default. */
  readonly onError?: (error: unknown) => void;
}

/** A sandbox cluster; nothing listens before `start`. */
export function createSandboxCluster(options: SandboxClusterOptions = {}): SandboxCluster {
  const token = `sandbox-${randomUUID()}`;
  const parts = assemble(options, token);
  const { listener, hub, store } = parts;
  const host = options.host ?? "127.0.0.1";
  let port: number | undefined;
  let controllers: Controllers | undefined;
  const taken = (): number => {
    if (port === undefined)
      throw new SlipwayError("PREREQUISITE_MISSING", { detail: "the sandbox cluster is not started" });
    return port;
  };
  return {
    token,
    get url() {
      return `http://${host}:${taken()}`;
    },
    get port() {
      return taken();
    },
    get kubeconfigYaml() {
      return kubeconfigYaml({ url: `http://${host}:${taken()}`, token });
    },
    async start() {
      controllers ??= startControllers(parts);
      port = await listener.open(port ?? options.port ?? 0);
    },
    async stop() {
      controllers?.stop();
      controllers = undefined;
      parts.timers.clear();
      hub.endAll();
      await listener.close();
    },
    setOutcome: (outcome) => parts.pods.setOutcome(outcome),
    applyManifests: async (yaml) => applyManifests(parts, yaml),
    get delayMs() {
      return parts.faults.delayMs;
    },
    set delayMs(ms) {
      parts.faults.delayMs = ms;
    },
    cutWatches: () => listener.cutWatches(),
    forgetHistory: () => store.forget(),
    down: () => listener.close(),
    async up() {
      await listener.open(taken());
    },
  };
}

/** All parts of a cluster, put together once. */
function assemble(options: SandboxClusterOptions, adminToken: string) {
  const onError = options.onError ?? warn;
  const now = (): Date => new Date();
  const timers = createTimers(onError);
  const schema = loadSchema();
  const store = createStore({ historyLimit: options.historyLimit ?? 5_000 });
  const registry = createRegistry({ store, schema, now, newUid: randomUUID });
  const hands = createHands({
    store,
    registry,
    now,
    random: Math.random,
    after: (ms, act) => timers.after(ms, act),
  });
  const pods = createPodRunner({
    hands,
    readyAfterMs: options.readyAfterMs ?? 150,
    outcome: options.outcome ?? (() => "ready"),
  });
  const hub = createWatchHub({ store, bookmarkEveryMs: options.bookmarkEveryMs ?? 10_000 });
  const faults = { delayMs: 0 };
  const listener = createApiListener({
    store,
    registry,
    lister: createLister({ store }),
    hub,
    tokens: createTokens({ adminToken, now, newToken: randomUUID }),
    now,
    podLog,
    delayMs: () => faults.delayMs,
    allowAnonymous: options.allowAnonymous ?? false,
    host: options.host ?? "127.0.0.1",
  });
  seedCluster(registry, now());
  const reactAfterMs = options.reactAfterMs ?? 8;
  return { store, schema, registry, hands, pods, hub, faults, listener, timers, onError, reactAfterMs };
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
