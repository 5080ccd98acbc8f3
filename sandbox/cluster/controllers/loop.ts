import { kindNamed, resourceKinds } from "../kinds.ts";
import type { KubeObject } from "../object.ts";
import type { Change } from "../store.ts";
import { reconcileDaemonSet } from "./daemon-set.ts";
import { createProgressMemory } from "./deployment-status.ts";
import { reconcileDeployment } from "./deployment.ts";
import type { Hands } from "./hands.ts";
import { reconcileJob } from "./job.ts";
import { reconcileNamespace } from "./namespace.ts";
import type { PodRunner } from "./pod-runner.ts";
import { reconcileReplicaSet } from "./replica-set.ts";
import { reconcileStatefulSet } from "./stateful-set.ts";

/** Brings one object a step further; answers in how many milliseconds to look again without a change. */
type Reconcile = (object: KubeObject) => number | undefined | void;

/** The running controllers. */
export interface Controllers {
  stop(): void;
}

/** Starts all controllers on a store; a fault in one goes to `onError` and holds up none of the others. */
export function startControllers(deps: {
  readonly hands: Hands;
  readonly pods: PodRunner;
  readonly onError: (error: unknown) => void;
  /** How long after a change controllers act on it. */
  readonly reactAfterMs: number;
}): Controllers {
  const { hands } = deps;
  const memory = createProgressMemory();
  const reconcilers: Readonly<Record<string, Reconcile>> = {
    Deployment: (object) => reconcileDeployment(hands, memory, object),
    ReplicaSet: (object) => reconcileReplicaSet(hands, object),
    StatefulSet: (object) => reconcileStatefulSet(hands, object),
    DaemonSet: (object) => reconcileDaemonSet(hands, object),
    Job: (object) => reconcileJob(hands, object),
    Namespace: (object) => reconcileNamespace(hands, object),
    Pod: (object) => deps.pods.reconcile(object),
  };
  const queue = createQueue((key) => {
    const kind = resourceKinds.find((one) => one.kind === key.kind);
    const object = kind === undefined ? undefined : hands.store.get(kind, key.namespace, key.name);
    if (object === undefined) return;
    const lookAgainMs = reconcilers[key.kind]?.(object);
    if (typeof lookAgainMs === "number") hands.after(lookAgainMs + 1, () => queue.add(key));
  }, deps);
  const unsubscribe = hands.store.subscribe((change) => {
    if (change.type === "DELETED") memory.forget(change.object.metadata.uid);
    if (change.type === "DELETED") queue.run(() => collectGarbage(hands, change.object));
    for (const key of affected(hands, change)) queue.add(key);
  });
  return {
    stop() {
      unsubscribe();
      queue.stop();
    },
  };
}

interface Key {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The objects whose controllers care about a change: itself, its owners, and for a node whatever may run there. */
function affected(hands: Hands, { kind, object }: Change): readonly Key[] {
  const namespace = object.metadata.namespace ?? "";
  const owners = (object.metadata.ownerReferences ?? []).map((owner) => ({
    kind: owner.kind,
    namespace,
    name: owner.name,
  }));
  const self = { kind: kind.kind, namespace, name: object.metadata.name };
  if (kind.kind !== "Node") return [self, ...owners];
  const everywhere = [kindNamed("DaemonSet"), kindNamed("Pod")].flatMap((one) => hands.store.list(one));
  return everywhere.map(({ kind: name, metadata }) => ({
    kind: name,
    namespace: metadata.namespace ?? "",
    name: metadata.name,
  }));
}

/** What belonged to an object that is gone goes too. */
function collectGarbage(hands: Hands, owner: KubeObject): void {
  for (const { object } of hands.store.ownedBy(owner.metadata.uid)) hands.remove(object);
}

interface Queue {
  add(key: Key): void;
  run(act: () => void): void;
  stop(): void;
}

/** Works off keys one after the other, between requests; a key that waits already is not added again. */
function createQueue(
  work: (key: Key) => void,
  { onError, reactAfterMs }: { onError: (error: unknown) => void; reactAfterMs: number },
): Queue {
  const waiting = new Map<string, () => void>();
  let counter = 0;
  let turn: NodeJS.Timeout | undefined;
  const drain = (): void => {
    turn = undefined;
    const batch = [...waiting];
    waiting.clear();
    for (const [, act] of batch) guard(act, onError);
  };
  const put = (id: string, act: () => void): void => {
    waiting.set(id, act);
    turn ??= setTimeout(drain, reactAfterMs);
  };
  return {
    add: (key) => put(`${key.kind}/${key.namespace}/${key.name}`, () => work(key)),
    run: (act) => put(`run/${(counter += 1)}`, act),
    stop() {
      waiting.clear();
      if (turn !== undefined) clearTimeout(turn);
    },
  };
}

function guard(act: () => void, onError: (error: unknown) => void): void {
  try {
    act();
  } catch (error) {
    onError(error);
  }
}
