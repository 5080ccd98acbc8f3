import { deletionPrecondition } from "./errors.ts";
import { numberAt } from "./json.ts";
import { kubeTime, type KubeObject } from "./object.ts";
import type { Target } from "./body-checks.ts";
import type { Registry } from "./registry.ts";
import type { Store } from "./store.ts";

/** How an object is deleted. */
export interface RemovalOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
  readonly orphan?: boolean;
  readonly dryRun?: boolean;
}

/** The state after a deletion was asked for: gone, or marked and waiting for a finalizer or a pod's end. */
export interface Removal {
  readonly object: KubeObject;
  readonly gone: boolean;
}

/** What deletion works with. */
export interface RemovalDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly now: () => Date;
}

/** Deletes an object, or marks it when something still has to happen first. */
export function removeObject(deps: RemovalDeps, target: Target, options: RemovalOptions): Removal {
  const object = deps.registry.read(target);
  checkPreconditions(target, object, options);
  const grace = graceSeconds(object, options);
  const waits = grace > 0 || (object.metadata.finalizers ?? []).length > 0 || object.kind === "Namespace";
  if (options.dryRun === true) return { object, gone: !waits };
  if (options.orphan === true) releaseDependents(deps.store, object);
  if (!waits) return { object: deps.store.remove(target.kind, object), gone: true };
  if (object.metadata.deletionTimestamp !== undefined) return { object, gone: false };
  return { object: deps.store.put(target.kind, marked(object, grace, deps.now())), gone: false };
}

function checkPreconditions(target: Target, object: KubeObject, options: RemovalOptions): void {
  const { uid, resourceVersion } = object.metadata;
  const { kind, name } = target;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid})`;
    throw deletionPrecondition(kind, name, `${why}. The object might have been deleted and then recreated`);
  }
  const version = options.resourceVersion;
  if (version !== undefined && version !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${version}) does not match the ResourceVersion in record`;
    throw deletionPrecondition(
      kind,
      name,
      `${why} (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** Only a pod that a node runs is given time to end. */
function graceSeconds(object: KubeObject, { gracePeriodSeconds }: RemovalOptions): number {
  if (object.kind !== "Pod" || object.spec?.["nodeName"] === undefined) return 0;
  return gracePeriodSeconds ?? numberAt(object.spec, "terminationGracePeriodSeconds");
}

function marked(object: KubeObject, grace: number, now: Date): KubeObject {
  const metadata = {
    ...object.metadata,
    deletionTimestamp: kubeTime(new Date(now.getTime() + grace * 1000)),
  };
  if (object.kind === "Namespace") return { ...object, metadata, status: { phase: "Terminating" } };
  return grace > 0
    ? { ...object, metadata: { ...metadata, deletionGracePeriodSeconds: grace } }
    : { ...object, metadata };
}

function releaseDependents(store: Store, owner: KubeObject): void {
  for (const { kind, object } of store.ownedBy(owner.metadata.uid)) {
    const references = object.metadata.ownerReferences ?? [];
    const ownerReferences = references.filter(({ uid }) => uid !== owner.metadata.uid);
    store.put(kind, { ...object, metadata: { ...object.metadata, ownerReferences } });
  }
}
