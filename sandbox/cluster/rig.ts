import { createHands, type Hands } from "./controllers/hands.ts";
import { startControllers } from "./controllers/loop.ts";
import { createPodRunner } from "./controllers/pod-runner.ts";
import { textAt, type JsonObject } from "./json.ts";
import { kindNamed } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import type { PodOutcome } from "./outcome.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { loadSchema, type Schema } from "./schema.ts";
import { seedCluster } from "./seed.ts";
import { createStore, type Store } from "./store.ts";
import { createTimers } from "./timers.ts";

/** The insides of a sandbox cluster, for its own tests: no socket, short words for what tests do. */
export interface Rig {
  readonly store: Store;
  readonly registry: Registry;
  readonly schema: Schema;
  readonly hands: Hands;
  /** Faults of controllers so far. */
  readonly faults: readonly unknown[];
  create(object: JsonObject, manager?: string): KubeObject;
  apply(object: JsonObject, options?: { manager?: string; force?: boolean; dryRun?: boolean }): KubeObject;
  merge(object: JsonObject, patch: JsonObject, manager?: string): KubeObject;
  remove(object: KubeObject): void;
  get(kind: string, name: string): KubeObject | undefined;
  all(kind: string): readonly KubeObject[];
  /** Resolves with the object as soon as it passes. */
  until(kind: string, name: string, passes: (object: KubeObject) => boolean): Promise<KubeObject>;
  /** Resolves as soon as the condition holds after some change. */
  when(holds: () => boolean): Promise<void>;
  setOutcome(outcome: (image: string) => PodOutcome): void;
  stop(): void;
}

/** A rig with two nodes and the namespace "shop"; controllers run unless they are left out. */
export function createRig(options: { controllers?: boolean; historyLimit?: number } = {}): Rig {
  const faults: unknown[] = [];
  const timers = createTimers((error) => faults.push(error));
  const now = (): Date => new Date();
  let uids = 0;
  const newUid = (): string => `00000000-0000-4000-8000-${String((uids += 1)).padStart(12, "0")}`;
  const schema = loadSchema();
  const store = createStore({ historyLimit: options.historyLimit ?? 1_000 });
  const registry = createRegistry({ store, schema, now, newUid });
  const after = (ms: number, act: () => void): void => timers.after(ms, act);
  const hands = createHands({ store, registry, now, random: Math.random, after });
  const pods = createPodRunner({ hands, readyAfterMs: 1, outcome: () => "ready" });
  const onError = (error: unknown): void => void faults.push(error);
  const controllers =
    options.controllers === false ? undefined : startControllers({ hands, pods, onError, reactAfterMs: 0 });
  seedCluster(registry, now());
  const rig: Rig = {
    store,
    registry,
    schema,
    hands,
    faults,
    ...words(registry, hands),
    get: (kind, name) => store.get(kindNamed(kind), kindNamed(kind).namespaced ? "shop" : "", name),
    all: (kind) => store.list(kindNamed(kind)),
    until: async (kind, name, passes) => {
      await rig.when(() => {
        const found = rig.get(kind, name);
        return found !== undefined && passes(found);
      });
      const found = rig.get(kind, name);
      if (found === undefined) throw new Error(`${kind} ${name} is gone`);
      return found;
    },
    when: (holds) => whenChanged(store, holds),
    setOutcome: (outcome) => pods.setOutcome(outcome),
    stop() {
      controllers?.stop();
      timers.clear();
    },
  };
  rig.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
  return rig;
}

function words(registry: Registry, hands: Hands): Pick<Rig, "create" | "apply" | "merge" | "remove"> {
  return {
    create: (object, manager = "kubectl-create") => registry.create(targetOf(object), object, { manager }),
    apply: (object, { manager = "slipway", force = false, dryRun = false } = {}) =>
      registry.apply(targetOf(object), object, { manager, force, dryRun }).object,
    merge: (object, body, manager = "someone") =>
      registry.patch(targetOf(object), { format: "merge", body }, { manager }),
    remove: (object) => hands.remove(object),
  };
}

function targetOf(object: JsonObject) {
  const kind = kindNamed(textAt(object, "kind"));
  return { kind, namespace: kind.namespaced ? "shop" : "", name: textAt(object, "metadata", "name") };
}

const waitLimitMs = 10_000;

function whenChanged(store: Store, holds: () => boolean): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      stop();
      reject(new Error("the awaited state did not come"));
    }, waitLimitMs);
    const stop = store.subscribe(() => {
      if (!holds()) return;
      clearTimeout(limit);
      stop();
      resolve();
    });
  });
}

/** A Deployment "web" with one container "app". */
export function aDeployment(image: string, spec: JsonObject = {}): JsonObject {
  return aWorkload("Deployment", image, spec);
}

/** A workload "web" of the kind with one container "app". */
export function aWorkload(kind: string, image: string, spec: JsonObject = {}): JsonObject {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "app", image }] } };
  const metadata = { name: "web", namespace: "shop" };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata,
    spec: { selector: { matchLabels: labels }, template, ...spec },
  };
}
