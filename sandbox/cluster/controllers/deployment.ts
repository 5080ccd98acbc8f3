import { at, equal, numberAt, objectAt, textAt, withAt } from "../json.ts";
import { controllerReference, type KubeObject } from "../object.ts";
import { limits } from "./deployment-limits.ts";
import { writeDeploymentStatus, type ProgressMemory } from "./deployment-status.ts";
import { templateHash, type Hands } from "./hands.ts";
import { podsOf } from "./pods-of.ts";

const hashLabel = "pod-template-hash";
const revisionKey = "deployment.kubernetes.io/revision";

/** Moves a Deployment one step towards its template; answers when to look again without a change. */
export function reconcileDeployment(
  hands: Hands,
  memory: ProgressMemory,
  deployment: KubeObject,
): number | undefined {
  if (deployment.metadata.deletionTimestamp !== undefined) return undefined;
  const found = replicaSetsOf(hands, deployment).find((set) => hasTemplateOf(set, deployment));
  if (at(deployment.spec, "paused") === true) {
    return writeDeploymentStatus(hands, memory, {
      deployment,
      sets: replicaSetsOf(hands, deployment),
      current: found,
    });
  }
  const recreate = textAt(deployment.spec, "strategy", "type") === "Recreate";
  if (recreate && !oldPodsAreGone(hands, deployment)) {
    return writeDeploymentStatus(hands, memory, {
      deployment,
      sets: replicaSetsOf(hands, deployment),
      current: found,
    });
  }
  const current = withRevision(hands, deployment, found ?? createReplicaSet(hands, deployment));
  if (found === undefined) memory.started(deployment, current, hands.now());
  if (recreate) scale(hands, current, numberAt(deployment.spec, "replicas"));
  else roll(hands, deployment, current);
  forgetOldSets(hands, deployment, current);
  const sets = replicaSetsOf(hands, deployment);
  return writeDeploymentStatus(hands, memory, { deployment, sets, current: hands.fresh(current) });
}

function replicaSetsOf(hands: Hands, deployment: KubeObject): readonly KubeObject[] {
  return hands.store
    .ownedBy(deployment.metadata.uid)
    .map(({ object }) => object)
    .filter((object) => object.kind === "ReplicaSet")
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
}

function revisionOf(object: KubeObject): number {
  return Number(object.metadata.annotations?.[revisionKey] ?? "0");
}

function hasTemplateOf(set: KubeObject, deployment: KubeObject): boolean {
  const { [hashLabel]: _, ...labels } = objectAt(set.spec, "template", "metadata", "labels");
  const template = withAt(objectAt(set.spec, "template"), ["metadata", "labels"], labels);
  return equal(template, withAt(templateOf(deployment), ["metadata", "labels"], templateLabels(deployment)));
}

function templateOf(deployment: KubeObject) {
  return objectAt(deployment.spec, "template");
}

function templateLabels(deployment: KubeObject) {
  return objectAt(templateOf(deployment), "metadata", "labels");
}

function createReplicaSet(hands: Hands, deployment: KubeObject): KubeObject {
  const template = templateOf(deployment);
  const hash = templateHash(template);
  const labels = { ...templateLabels(deployment), [hashLabel]: hash };
  const selector = objectAt(deployment.spec, "selector");
  return hands.create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      minReadySeconds: numberAt(deployment.spec, "minReadySeconds"),
      selector: { ...selector, matchLabels: { ...objectAt(selector, "matchLabels"), [hashLabel]: hash } },
      template: withAt(template, ["metadata", "labels"], labels),
    },
  });
}

/** The newest set has the highest revision; going back to an old template gives its set a new one. */
function withRevision(hands: Hands, deployment: KubeObject, set: KubeObject): KubeObject {
  const others = replicaSetsOf(hands, deployment).filter((one) => one.metadata.uid !== set.metadata.uid);
  const highest = Math.max(0, ...others.map(revisionOf));
  if (revisionOf(set) > highest) return set;
  const desired = numberAt(deployment.spec, "replicas");
  const annotations = {
    ...set.metadata.annotations,
    [revisionKey]: String(highest + 1),
    "deployment.kubernetes.io/desired-replicas": String(desired),
    "deployment.kubernetes.io/max-replicas": String(desired + limits(deployment).surge),
  };
  return hands.update({ ...set, metadata: { ...set.metadata, annotations } });
}

function roll(hands: Hands, deployment: KubeObject, current: KubeObject): void {
  const { desired, surge } = limits(deployment);
  const size = (set: KubeObject): number => numberAt(set.spec, "replicas");
  const total = replicaSetsOf(hands, deployment).reduce((sum, set) => sum + size(set), 0);
  const room = Math.max(0, desired + surge - total);
  scale(hands, current, Math.min(desired, size(current) + room));
  shrinkOld(hands, deployment, current);
}

/** Takes old pods away as far as enough others are available; first those that are not healthy. */
function shrinkOld(hands: Hands, deployment: KubeObject, current: KubeObject): void {
  const { desired, unavailable } = limits(deployment);
  const all = replicaSetsOf(hands, deployment);
  const total = all.reduce((sum, set) => sum + numberAt(set.spec, "replicas"), 0);
  const latest = hands.fresh(current) ?? current;
  const missing = numberAt(latest.spec, "replicas") - numberAt(latest.status, "availableReplicas");
  let budget = total - (desired - unavailable) - Math.max(0, missing);
  for (const set of old(all, current)) {
    const size = numberAt(set.spec, "replicas");
    const unhealthy = Math.max(0, size - numberAt(set.status, "availableReplicas"));
    const cut = Math.max(0, Math.min(budget, unhealthy));
    scale(hands, set, size - cut);
    budget -= cut;
  }
  const after = replicaSetsOf(hands, deployment);
  const available = after.reduce((sum, set) => sum + numberAt(set.status, "availableReplicas"), 0);
  let spare = Math.min(budget, available - (desired - unavailable));
  for (const set of old(after, current)) {
    const size = numberAt(set.spec, "replicas");
    const cut = Math.max(0, Math.min(spare, size));
    scale(hands, set, size - cut);
    spare -= cut;
  }
}

function old(sets: readonly KubeObject[], current: KubeObject): readonly KubeObject[] {
  return sets.filter((set) => set.metadata.uid !== current.metadata.uid);
}

function scale(hands: Hands, set: KubeObject, replicas: number): void {
  const latest = hands.fresh(set);
  if (latest === undefined || numberAt(latest.spec, "replicas") === replicas) return;
  hands.update({ ...latest, spec: { ...latest.spec, replicas } });
}

/** Recreate: nothing new starts before the last old pod is gone. */
function oldPodsAreGone(hands: Hands, deployment: KubeObject): boolean {
  const sets = replicaSetsOf(hands, deployment).filter((set) => !hasTemplateOf(set, deployment));
  for (const set of sets) scale(hands, set, 0);
  return sets.every((set) => podsOf(hands, set).length === 0);
}

function forgetOldSets(hands: Hands, deployment: KubeObject, current: KubeObject): void {
  const limit = numberAt(deployment.spec, "revisionHistoryLimit");
  const empty = old(replicaSetsOf(hands, deployment), current).filter(
    (set) => numberAt(set.spec, "replicas") === 0 && numberAt(set.status, "replicas") === 0,
  );
  for (const set of empty.slice(0, Math.max(0, empty.length - limit))) hands.remove(set);
}
