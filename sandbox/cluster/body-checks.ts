import { badRequest, notFound, StatusError } from "./errors.ts";
import { isObject, textAt, type JsonObject } from "./json.ts";
import { kindNamed, qualifiedResource, type ResourceKind } from "./kinds.ts";
import type { Store } from "./store.ts";

/** Where an object is, or shall be. */
export interface Target {
  readonly kind: ResourceKind;
  readonly namespace: string;
  readonly name: string;
}

/** Refuses an applied document that is not of this kind, or not for this place. */
export function checkAppliedBody({ kind, namespace, name }: Target, config: JsonObject): void {
  const apiVersion = textAt(config, "apiVersion");
  const named = textAt(config, "kind");
  if (apiVersion !== kind.apiVersion || named !== kind.kind) {
    const shown = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
    throw badRequest(`invalid object type: ${shown}, Kind=${named}`);
  }
  if (Object.hasOwn(isObject(config["metadata"]) ? config["metadata"] : {}, "managedFields")) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const given = textAt(config, "metadata", "name");
  if (given === "") {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  checkPlace({ kind, namespace, name }, config);
}

/** Refuses a body that is not of this kind, or not for this place. */
export function checkBody({ kind, namespace, name }: Target, object: JsonObject): void {
  const named = textAt(object, "kind");
  const apiVersion = textAt(object, "apiVersion");
  if ((named !== "" && named !== kind.kind) || (apiVersion !== "" && apiVersion !== kind.apiVersion)) {
    const as = `${named} in version "${apiVersion.split("/").at(-1)}" cannot be handled as a ${kind.kind}`;
    throw badRequest(`${as}: converting (${apiVersion}.${named}) to (${kind.kind}): unknown conversion`);
  }
  checkPlace({ kind, namespace, name }, object);
}

function checkPlace({ namespace, name }: Target, object: JsonObject): void {
  const given = textAt(object, "metadata", "name");
  if (name !== "" && given !== "" && given !== name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  }
  const space = textAt(object, "metadata", "namespace");
  if (space !== "" && space !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}

/** Refuses a write into a namespace that is missing or on its way out. */
export function requireNamespace(store: Store, { kind, namespace, name }: Target): void {
  if (!kind.namespaced) return;
  const found = store.get(kindNamed("Namespace"), "", namespace);
  if (found === undefined) throw notFound(kindNamed("Namespace"), namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw new StatusError(403, `${qualifiedResource(kind)} "${name}" is forbidden: ${why}`, {
    reason: "Forbidden",
    details: {
      name,
      kind: kind.resource,
      causes: [{ reason: "NamespaceTerminating", message: why, field: "metadata.namespace" }],
    },
  });
}
