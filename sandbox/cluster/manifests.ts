import { parseAllDocuments } from "yaml";

import { SlipwayError } from "#common/domain/errors.ts";

import { at, equal, isList, isObject, textAt, withAt, type Json, type JsonObject } from "./json.ts";
import { findKind, type ResourceKind } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import type { Registry } from "./registry.ts";
import type { FieldType, Schema } from "./schema.ts";
import type { Store } from "./store.ts";
import { objectType } from "./structured.ts";

const manager = "kubectl-client-side-apply";
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** What applying manifests works with. */
export interface ManifestDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly schema: Schema;
}

/** Does what `kubectl apply -f` does: creates what is missing, else merges against the last applied document. */
export function applyManifests(deps: ManifestDeps, yaml: string): void {
  for (const document of parseAllDocuments(yaml)) {
    const [error] = document.errors;
    if (error !== undefined)
      throw new SlipwayError("MANIFEST_BROKEN", { detail: error.message, cause: error });
    const value: Json = document.toJS();
    if (isObject(value)) applyOne(deps, value);
  }
}

function applyOne(deps: ManifestDeps, manifest: JsonObject): void {
  const items = manifest["items"];
  if (textAt(manifest, "kind") === "List" && isList(items)) {
    for (const item of items.filter(isObject)) applyOne(deps, item);
    return;
  }
  const kind = findKind(textAt(manifest, "apiVersion"), textAt(manifest, "kind"));
  if (kind === undefined) {
    const named = `${textAt(manifest, "kind")} in version ${textAt(manifest, "apiVersion")}`;
    throw new SlipwayError("KIND_UNKNOWN", { detail: `no matches for kind ${named}` });
  }
  const namespace = kind.namespaced ? textAt(manifest, "metadata", "namespace") || "default" : "";
  const target = { kind, namespace, name: textAt(manifest, "metadata", "name") };
  const document = kind.namespaced ? withAt(manifest, ["metadata", "namespace"], namespace) : manifest;
  const annotated = withAt(document, ["metadata", "annotations"], {
    ...annotationsOf(document),
    [lastApplied]: `${JSON.stringify(document)}\n`,
  });
  const live = deps.store.get(kind, namespace, target.name);
  if (live === undefined) {
    deps.registry.create(target, annotated, { manager });
    return;
  }
  const body = patchFor(deps.schema, kind, { live, annotated });
  deps.registry.patch(target, { format: "strategic", body }, { manager });
}

function annotationsOf(document: JsonObject): JsonObject {
  const found = at(document, "metadata", "annotations");
  return isObject(found) ? found : {};
}

function patchFor(
  schema: Schema,
  kind: ResourceKind,
  { live, annotated }: { live: KubeObject; annotated: JsonObject },
): Json {
  const text = live.metadata.annotations?.[lastApplied];
  if (text === undefined) return annotated;
  const last: Json = JSON.parse(text);
  return withDeletions(schema, objectType(schema, kind.kind), { last, next: annotated });
}

/** The next document as a strategic patch that also takes away what only the last one had. */
function withDeletions(schema: Schema, type: FieldType, { last, next }: { last: Json; next: Json }): Json {
  if (isObject(last) && isObject(next)) {
    const removed = Object.keys(last).filter((key) => next[key] === undefined);
    const kept = Object.entries(next).map(([key, value]): readonly [string, Json] => {
      const before = last[key];
      if (value === undefined || before === undefined) return [key, value ?? null];
      return [key, withDeletions(schema, fieldOf(schema, type, key), { last: before, next: value })];
    });
    return Object.fromEntries([...kept, ...removed.map((key) => [key, null] as const)]);
  }
  if (!isList(last) || !isList(next) || type.type !== "list" || type.merge.by !== "keys") return next;
  const [key = ""] = type.merge.keys;
  const sameItem = (item: Json) => (other: Json) =>
    isObject(item) && isObject(other) && equal(item[key], other[key]);
  const items = next.map((item) => {
    const before = last.find(sameItem(item));
    return before === undefined ? item : withDeletions(schema, type.item, { last: before, next: item });
  });
  const gone = last.filter((item) => isObject(item) && !next.some(sameItem(item)));
  return [...items, ...gone.map((item) => ({ $patch: "delete", [key]: at(item, key) ?? null }))];
}

function fieldOf(schema: Schema, type: FieldType, key: string): FieldType {
  if (type.type === "map") return type.value;
  const field = type.type === "struct" ? schema.get(type.name)?.fields.get(key) : undefined;
  return field ?? { type: "untyped" };
}
