import { numberAt, objectAt, textAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { templateHash, type Hands } from "./hands.ts";
import { availableInMs, countPods, podFrom, podsOf, withoutZeros } from "./pods-of.ts";

const revisionLabel = "controller-revision-hash";

/**
 * Moves a StatefulSet one step: pods in order of their number, updates from the highest down to the partition.
 * As in the real controller, a pod that does not become ready holds up everything (OrderedReady), even the
 * way back to a good template, until somebody deletes it.
 */
export function reconcileStatefulSet(hands: Hands, set: KubeObject): number | undefined {
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const revision = `${set.metadata.name}-${templateHash(objectAt(set.spec, "template"))}`;
  const pods = new Map(podsOf(hands, set).map((pod) => [ordinalOf(pod), pod]));
  step(hands, { set, revision, pods });
  return writeStatus(hands, set, revision);
}

interface SetState {
  readonly set: KubeObject;
  readonly revision: string;
  readonly pods: ReadonlyMap<number, KubeObject>;
}

/** One act at most for ordered sets; parallel ones create and delete all at once, but update one by one too. */
function step(hands: Hands, state: SetState): void {
  const { set, pods } = state;
  const wanted = numberAt(set.spec, "replicas");
  const ordered = textAt(set.spec, "podManagementPolicy") !== "Parallel";
  for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
    const pod = pods.get(ordinal);
    if (pod === undefined) createPod(hands, state, ordinal);
    if (ordered && (pod === undefined || !isSettled(hands, set, pod))) return;
  }
  const surplus = [...pods].filter(([ordinal]) => ordinal >= wanted).toSorted(([a], [b]) => b - a);
  for (const [, pod] of surplus) {
    if (pod.metadata.deletionTimestamp === undefined) hands.remove(pod);
    if (ordered) return;
  }
  update(hands, state, wanted);
}

/** Replaces the highest pod of an old revision once every higher one is ready. */
function update(hands: Hands, { set, revision, pods }: SetState, wanted: number): void {
  if (textAt(set.spec, "updateStrategy", "type") !== "RollingUpdate") return;
  const partition = numberAt(set.spec, "updateStrategy", "rollingUpdate", "partition");
  for (let ordinal = wanted - 1; ordinal >= partition; ordinal -= 1) {
    const pod = pods.get(ordinal);
    if (pod === undefined) return;
    if (revisionOf(pod) !== revision && pod.metadata.deletionTimestamp === undefined)
      return hands.remove(pod);
    if (!isSettled(hands, set, pod)) return;
  }
}

function createPod(hands: Hands, { set, revision }: SetState, ordinal: number): void {
  const name = `${set.metadata.name}-${ordinal}`;
  const partition = numberAt(set.spec, "updateStrategy", "rollingUpdate", "partition");
  // Below the partition a lost pod would come back in the old revision; only its template is gone here.
  const label = ordinal < partition ? textAt(set.status, "currentRevision") || revision : revision;
  hands.create(
    podFrom(set, {
      name,
      labels: {
        "apps.kubernetes.io/pod-index": String(ordinal),
        "statefulset.kubernetes.io/pod-name": name,
        [revisionLabel]: label,
      },
      spec: { hostname: name, subdomain: textAt(set.spec, "serviceName") },
    }),
  );
}

function ordinalOf(pod: KubeObject): number {
  return Number(pod.metadata.name.slice(pod.metadata.name.lastIndexOf("-") + 1));
}

function revisionOf(pod: KubeObject): string {
  return pod.metadata.labels?.[revisionLabel] ?? "";
}

function isSettled(hands: Hands, set: KubeObject, pod: KubeObject): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return availableInMs(pod, numberAt(set.spec, "minReadySeconds"), hands.now()) === 0;
}

function writeStatus(hands: Hands, set: KubeObject, revision: string): number | undefined {
  const latest = hands.fresh(set);
  if (latest === undefined) return undefined;
  const pods = podsOf(hands, set);
  const counts = countPods(pods, numberAt(set.spec, "minReadySeconds"), hands.now());
  const updated = pods.filter(
    (pod) => revisionOf(pod) === revision && pod.metadata.deletionTimestamp === undefined,
  );
  const wanted = numberAt(set.spec, "replicas");
  const isOver = updated.length === wanted && pods.length === wanted && counts.ready === wanted;
  const current = isOver ? revision : textAt(latest.status, "currentRevision") || revision;
  const status = {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    ...withoutZeros({
      readyReplicas: counts.ready,
      currentReplicas: pods.filter((pod) => revisionOf(pod) === current).length,
      updatedReplicas: updated.length,
    }),
    currentRevision: current,
    updateRevision: revision,
    collisionCount: 0,
    availableReplicas: counts.available,
  };
  hands.updateStatus({ ...latest, status });
  return counts.lookAgainMs;
}
