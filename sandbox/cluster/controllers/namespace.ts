import { kindNamed, resourceKinds } from "../kinds.ts";
import type { KubeObject } from "../object.ts";
import type { Hands } from "./hands.ts";

/** Empties a namespace that is being deleted, then lets it go. */
export function reconcileNamespace(hands: Hands, namespace: KubeObject): undefined {
  if (namespace.metadata.deletionTimestamp === undefined) return undefined;
  for (const kind of resourceKinds.filter(({ namespaced }) => namespaced)) {
    for (const object of hands.store.list(kind, namespace.metadata.name)) {
      if (hands.fresh(object) !== undefined) hands.remove(object, { gracePeriodSeconds: 0 });
    }
  }
  hands.store.remove(kindNamed("Namespace"), namespace);
  return undefined;
}
