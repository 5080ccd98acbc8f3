import { objectAt, objectsAt, textAt, type JsonObject } from "../json.ts";
import { controllerReference, type KubeObject } from "../object.ts";
import type { Draft, Hands } from "./hands.ts";

/** The pods an object controls, oldest first. */
export function podsOf(hands: Hands, owner: KubeObject): readonly KubeObject[] {
  return hands.store
    .ownedBy(owner.metadata.uid)
    .map(({ object }) => object)
    .filter((object) => object.kind === "Pod");
}

/** Whether the pod counts: neither ending nor over. */
export function isActive(pod: KubeObject): boolean {
  const phase = textAt(pod.status, "phase");
  return pod.metadata.deletionTimestamp === undefined && phase !== "Succeeded" && phase !== "Failed";
}

/** The condition of that type, if the object has one. */
export function conditionOf(object: KubeObject, type: string): JsonObject | undefined {
  return objectsAt(object.status, "conditions").find((condition) => condition["type"] === type);
}

/** Whether the pod is ready. */
export function isReady(pod: KubeObject): boolean {
  return textAt(conditionOf(pod, "Ready"), "status") === "True";
}

/** Milliseconds until a ready pod has been ready for long enough; 0 when it is, infinite when it is not ready. */
export function availableInMs(pod: KubeObject, minReadySeconds: number, now: Date): number {
  if (!isReady(pod)) return Number.POSITIVE_INFINITY;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(textAt(conditionOf(pod, "Ready"), "lastTransitionTime"));
  return Math.max(0, since + minReadySeconds * 1000 - now.getTime());
}

/** Which pods are ready and available, and when to look again. */
export interface PodCounts {
  readonly ready: number;
  readonly available: number;
  readonly lookAgainMs: number | undefined;
}

/** Counts ready and available pods. */
export function countPods(pods: readonly KubeObject[], minReadySeconds: number, now: Date): PodCounts {
  const waits = pods.map((pod) => availableInMs(pod, minReadySeconds, now));
  const pending = waits.filter((ms) => ms > 0 && Number.isFinite(ms));
  return {
    ready: waits.filter(Number.isFinite).length,
    available: waits.filter((ms) => ms === 0).length,
    lookAgainMs: pending.length === 0 ? undefined : Math.min(...pending),
  };
}

/** A pod from the owner's template. */
export function podFrom(
  owner: KubeObject,
  { name, labels, spec }: { readonly name: string; readonly labels: JsonObject; readonly spec?: JsonObject },
): Draft {
  const template = objectAt(owner.spec, "template");
  const annotations = objectAt(template, "metadata", "annotations");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: owner.metadata.namespace,
      labels: { ...objectAt(template, "metadata", "labels"), ...labels },
      annotations,
      ownerReferences: [controllerReference(owner)],
    },
    spec: { ...objectAt(template, "spec"), ...spec },
  };
}

/** An absolute number or a percentage of `total`. */
export function scaled(value: unknown, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(typeof value === "string" ? value : "")?.[1];
  if (percent === undefined) return 0;
  const exact = (Number(percent) * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}

/** The status without counts that are zero, as the API leaves them out. */
export function withoutZeros(status: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0 && value !== undefined));
}
