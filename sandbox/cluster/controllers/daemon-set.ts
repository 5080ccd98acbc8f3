import { at, numberAt, objectAt, textAt } from "../json.ts";
import { kindNamed } from "../kinds.ts";
import type { KubeObject } from "../object.ts";
import { templateHash, type Hands } from "./hands.ts";
import { availableInMs, countPods, isActive, podFrom, podsOf, scaled, withoutZeros } from "./pods-of.ts";

const revisionLabel = "controller-revision-hash";

/** Keeps one pod of a DaemonSet on each node, and replaces old ones as far as enough others are available. */
export function reconcileDaemonSet(hands: Hands, set: KubeObject): number | undefined {
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const hash = templateHash(objectAt(set.spec, "template"));
  const nodes = hands.store.list(kindNamed("Node")).filter((node) => at(node.spec, "unschedulable") !== true);
  placePods(hands, set, { hash, nodes });
  if (textAt(set.spec, "updateStrategy", "type") === "RollingUpdate") replaceOld(hands, set, { hash, nodes });
  return writeStatus(hands, set, { hash, nodes });
}

interface Fleet {
  readonly hash: string;
  readonly nodes: readonly KubeObject[];
}

function placePods(hands: Hands, set: KubeObject, { hash, nodes }: Fleet): void {
  const pods = podsOf(hands, set);
  for (const node of nodes) {
    if (pods.some((pod) => textAt(pod.spec, "nodeName") === node.metadata.name)) continue;
    const name = `${set.metadata.name}-${hands.suffix()}`;
    const labels = { [revisionLabel]: hash, "pod-template-generation": String(set.metadata.generation ?? 1) };
    hands.create(podFrom(set, { name, labels, spec: { nodeName: node.metadata.name } }));
  }
  const names = new Set(nodes.map((node) => node.metadata.name));
  for (const pod of pods.filter(isActive)) {
    if (!names.has(textAt(pod.spec, "nodeName"))) hands.remove(pod);
  }
}

function replaceOld(hands: Hands, set: KubeObject, { hash, nodes }: Fleet): void {
  const pods = podsOf(hands, set);
  const minReady = numberAt(set.spec, "minReadySeconds");
  const isAvailable = (pod: KubeObject): boolean =>
    isActive(pod) && availableInMs(pod, minReady, hands.now()) === 0;
  const rolling = objectAt(set.spec, "updateStrategy", "rollingUpdate");
  const allowed = Math.max(1, scaled(rolling["maxUnavailable"], nodes.length, "up"));
  const old = pods.filter((pod) => isActive(pod) && pod.metadata.labels?.[revisionLabel] !== hash);
  // An old pod that serves nobody may always go; the others only within the budget.
  for (const pod of old.filter((one) => !isAvailable(one))) hands.remove(pod);
  const missing = nodes.length - pods.filter(isAvailable).length;
  for (const pod of old.filter(isAvailable).slice(0, Math.max(0, allowed - missing))) hands.remove(pod);
}

function writeStatus(hands: Hands, set: KubeObject, { hash, nodes }: Fleet): number | undefined {
  const latest = hands.fresh(set);
  if (latest === undefined) return undefined;
  const pods = podsOf(hands, set).filter(isActive);
  const counts = countPods(pods, numberAt(set.spec, "minReadySeconds"), hands.now());
  const status = {
    currentNumberScheduled: pods.length,
    numberMisscheduled: 0,
    desiredNumberScheduled: nodes.length,
    numberReady: counts.ready,
    observedGeneration: set.metadata.generation ?? 1,
    ...withoutZeros({
      updatedNumberScheduled: pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === hash).length,
      numberAvailable: counts.available,
      numberUnavailable: nodes.length - counts.available,
    }),
  };
  hands.updateStatus({ ...latest, status });
  return counts.lookAgainMs;
}
