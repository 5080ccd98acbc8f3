import { numberAt, objectsAt, textAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { Hands } from "./hands.ts";
import { countPods, isActive, isReady, podFrom, podsOf, withoutZeros } from "./pods-of.ts";

/** Brings the number of pods of a ReplicaSet to what it asks for, and counts them. */
export function reconcileReplicaSet(hands: Hands, set: KubeObject): number | undefined {
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const wanted = numberAt(set.spec, "replicas");
  const pods = podsOf(hands, set).filter(isActive);
  for (let missing = wanted - pods.length; missing > 0; missing -= 1) {
    hands.create(podFrom(set, { name: `${set.metadata.name}-${hands.suffix()}`, labels: {} }));
  }
  const surplus = Math.max(0, pods.length - wanted);
  for (const pod of pods.toSorted(leastUsefulFirst).slice(0, surplus)) hands.remove(pod);
  return writeCounts(hands, set);
}

function leastUsefulFirst(left: KubeObject, right: KubeObject): number {
  return usefulness(left) - usefulness(right) || ageRank(right) - ageRank(left);
}

function usefulness(pod: KubeObject): number {
  if (textAt(pod.spec, "nodeName") === "") return 0;
  if (textAt(pod.status, "phase") === "Pending") return 1;
  return isReady(pod) ? 1_000 - restarts(pod) : 2;
}

function restarts(pod: KubeObject): number {
  return objectsAt(pod.status, "containerStatuses").reduce(
    (sum, one) => sum + numberAt(one, "restartCount"),
    0,
  );
}

function ageRank(pod: KubeObject): number {
  return Date.parse(pod.metadata.creationTimestamp);
}

function writeCounts(hands: Hands, set: KubeObject): number | undefined {
  const pods = podsOf(hands, set);
  const active = pods.filter(isActive);
  const counts = countPods(active, numberAt(set.spec, "minReadySeconds"), hands.now());
  const status = {
    replicas: active.length,
    ...withoutZeros({
      fullyLabeledReplicas: active.length,
      readyReplicas: counts.ready,
      availableReplicas: counts.available,
      observedGeneration: set.metadata.generation ?? 1,
    }),
    terminatingReplicas: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined).length,
  };
  const current = hands.fresh(set);
  if (current !== undefined) hands.updateStatus({ ...current, status });
  return counts.lookAgainMs;
}
