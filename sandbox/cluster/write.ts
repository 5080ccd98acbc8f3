import { invalid, type Cause } from "./errors.ts";
import { withDefaults } from "./defaults.ts";
import { equal, isObject, type Json, type JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { readOwners, sameOwner, withOwners, type Owner } from "./managed-fields.ts";
import { kubeTime, type KubeObject, type Metadata } from "./object.ts";
import type { Store } from "./store.ts";
import { sameSet } from "./field-set.ts";
import { validateObject } from "./validate.ts";

/** What the end of every write needs. */
export interface WriteDeps {
  readonly store: Store;
  readonly now: () => Date;
  readonly newUid: () => string;
}

/** A write whose new state is known but neither defaulted, checked nor stored. */
export interface PendingWrite {
  readonly kind: ResourceKind;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
  readonly subresource?: "status" | undefined;
  /** A uid the writer demands; another one than the stored is a fault of the object. */
  readonly sentUid?: string;
  /** The owners, from the state with its defaults. */
  readonly owners: (settled: KubeObject) => readonly Owner[];
  readonly dryRun: boolean;
}

/** Defaults, generation, validation, ownership, and the store, in that order; nothing moves if nothing changed. */
export function settleWrite(deps: WriteDeps, write: PendingWrite): KubeObject {
  const { kind, before } = write;
  const settled = write.subresource === "status" ? tidy(write.after) : settledSpec(write);
  const owners = write.owners(settled);
  const owned = withOwners(settled, owners, { before: readOwners(before), now: deps.now() });
  if (before !== undefined && unchanged(before, owned)) return before;
  if (write.dryRun) return owned;
  if (owned.metadata.deletionTimestamp !== undefined && isFree(owned)) return deps.store.remove(kind, owned);
  return deps.store.put(kind, owned);
}

/** A write of the object itself: defaults, generation, validation. A status has none of these. */
function settledSpec(write: PendingWrite): KubeObject {
  const { kind, before } = write;
  const defaulted = tidy(withDefaults(kind.kind, write.after) as KubeObject);
  const settled = withGeneration(kind, defaulted, before);
  const causes = [...uidCauses(write), ...validateObject(kind.kind, settled, before)];
  if (causes.length > 0) throw invalid(kind, settled.metadata.name, causes);
  return settled;
}

/** Empty maps and lists of the metadata are not written. */
function tidy(object: KubeObject): KubeObject {
  const kept = Object.entries(object.metadata).filter(([, value]) => {
    if (value === undefined) return false;
    return typeof value !== "object" || value === null || Object.keys(value).length > 0;
  });
  return { ...object, metadata: Object.fromEntries(kept) as Metadata };
}

function isFree({ metadata }: KubeObject): boolean {
  return (metadata.finalizers ?? []).length === 0 && metadata.deletionGracePeriodSeconds === undefined;
}

function uidCauses({ before, sentUid = "" }: PendingWrite): readonly Cause[] {
  if (before === undefined || sentUid === "" || sentUid === before.metadata.uid) return [];
  const message = `Invalid value: ${JSON.stringify(sentUid)}: field is immutable`;
  const cause = { reason: "FieldValueInvalid", message, field: "metadata.uid" };
  return [cause, cause]; // The real server checks it twice, and says so twice.
}

function withGeneration(kind: ResourceKind, after: KubeObject, before: KubeObject | undefined): KubeObject {
  if (!kind.hasGeneration) return after;
  const generation = nextGeneration(kind, after, before);
  return { ...after, metadata: { ...after.metadata, generation } };
}

function nextGeneration(kind: ResourceKind, after: KubeObject, before: KubeObject | undefined): number {
  if (before === undefined) return 1;
  const old = before.metadata.generation ?? 1;
  const annotationsCount = kind.kind === "Deployment";
  const moved =
    !equal(after.spec, before.spec) ||
    (annotationsCount && !equal(after.metadata.annotations ?? {}, before.metadata.annotations ?? {}));
  return moved ? old + 1 : old;
}

function unchanged(before: KubeObject, after: KubeObject): boolean {
  const bare = (object: KubeObject): JsonObject => {
    const { managedFields: _, ...metadata } = object.metadata;
    return { ...object, metadata };
  };
  if (!equal(bare(before), bare(after))) return false;
  const [old, next] = [readOwners(before), readOwners(after)];
  return (
    old.length === next.length &&
    next.every((owner) => old.some((one) => sameOwner(one, owner) && sameSet(one.fields, owner.fields)))
  );
}

/** The metadata of a new object: what was sent, and what the server gives. */
export function freshMetadata(
  deps: WriteDeps,
  { kind, namespace, metadata }: { kind: ResourceKind; namespace: string; metadata: Json | undefined },
): Metadata {
  const sent = (isObject(metadata) ? metadata : {}) as Partial<Metadata>;
  const { resourceVersion = "", deletionTimestamp: _, managedFields: _owners, ...rest } = sent;
  const prefix = sent.generateName ?? "";
  const name = sent.name ?? (prefix === "" ? "" : `${prefix}${deps.newUid().slice(-5)}`);
  return {
    ...rest,
    name,
    ...(kind.namespaced ? { namespace } : {}),
    uid: deps.newUid(),
    resourceVersion,
    ...(kind.hasGeneration || kind.kind === "Pod" ? { generation: 1 } : {}),
    creationTimestamp: kubeTime(deps.now()),
  };
}

/** The status of an object that nothing has acted on yet. */
export function initialStatus(object: KubeObject): JsonObject {
  switch (object.kind) {
    case "Pod":
      return { phase: "Pending", qosClass: "BestEffort" };
    case "StatefulSet":
      return { replicas: 0, availableReplicas: 0 };
    case "DaemonSet":
      return { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    case "ReplicaSet":
      return { replicas: 0 };
    case "Service":
      return { loadBalancer: {} };
    case "Node": // The only kind whose status may come with its creation.
      return isObject(object.status) ? object.status : {};
    default:
      return {};
  }
}
