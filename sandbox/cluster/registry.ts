import { unreachable } from "#common/domain/unreachable.ts";

import { serverSideApply } from "./apply.ts";
import { checkAppliedBody, checkBody, requireNamespace, type Target } from "./body-checks.ts";
import { decodeBody, decodePatched, type FieldValidation } from "./decode.ts";
import { alreadyExists, badRequest, modified, notFound, preconditionFailed } from "./errors.ts";
import { equal, isObject, textAt, type Json, type JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { ownersAfterUpdate } from "./managed-fields.ts";
import type { KubeObject, Metadata } from "./object.ts";
import { jsonPatch, mergePatch, strategicMerge } from "./patch.ts";
import type { Schema } from "./schema.ts";
import type { Store } from "./store.ts";
import { objectType } from "./structured.ts";
import { freshMetadata, initialStatus, settleWrite } from "./write.ts";

/** How a write is made. */
export interface WriteOptions {
  readonly manager: string;
  readonly subresource?: "status" | undefined;
  readonly dryRun?: boolean;
  readonly validation?: FieldValidation;
  /** Whether the body is a stored object with changes, of which nothing has to be checked for its shape. */
  readonly trusted?: boolean;
}

/** The patch formats apart from server-side apply. */
export type PatchFormat = "json" | "merge" | "strategic";

/** All writes of the API, each with its checks; what controllers and HTTP requests share. */
export interface Registry {
  read(target: Target): KubeObject;
  create(target: Target, body: JsonObject, options: WriteOptions): KubeObject;
  replace(target: Target, body: JsonObject, options: WriteOptions): KubeObject;
  patch(target: Target, patch: { format: PatchFormat; body: Json }, options: WriteOptions): KubeObject;
  /** Server-side apply; says whether the object was created. */
  apply(target: Target, config: JsonObject, options: WriteOptions & { force: boolean }): Applied;
}

/** The outcome of a server-side apply. */
export interface Applied {
  readonly object: KubeObject;
  readonly created: boolean;
}

/** What the registry works with. */
export interface RegistryDeps {
  readonly store: Store;
  readonly schema: Schema;
  readonly now: () => Date;
  readonly newUid: () => string;
}

/** The registry over a store. */
export function createRegistry(deps: RegistryDeps): Registry {
  return {
    read: (target) => readObject(deps, target),
    create: (target, body, options) => createObject(deps, target, { body, options }),
    replace: (target, body, options) => replaceObject(deps, target, { body, options }),
    patch: (target, patch, options) => patchObject(deps, target, { patch, options }),
    apply: (target, config, options) => applyObject(deps, target, { config, options }),
  };
}

function readObject({ store }: RegistryDeps, { kind, namespace, name }: Target): KubeObject {
  const found = store.get(kind, namespace, name);
  if (found === undefined) throw notFound(kind, name);
  return found;
}

function createObject(
  deps: RegistryDeps,
  target: Target,
  { body, options }: { body: JsonObject; options: WriteOptions },
): KubeObject {
  const { kind, namespace } = target;
  const validation = options.validation ?? "Warn";
  const { object } = decodeBody(deps.schema, kind, { body, validation });
  checkBody(target, object);
  requireNamespace(deps.store, target);
  const metadata = freshMetadata(deps, { kind, namespace, metadata: object["metadata"] });
  if (deps.store.get(kind, namespace, metadata.name) !== undefined) throw alreadyExists(kind, metadata.name);
  const base: KubeObject = { ...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
  const after: KubeObject = kind.hasStatus ? { ...base, status: initialStatus(base) } : base;
  const trace = { schema: deps.schema, kind, before: undefined, manager: options.manager };
  return settleWrite(deps, {
    kind,
    before: undefined,
    after,
    owners: (settled) => ownersAfterUpdate({ ...trace, after: settled }),
    dryRun: options.dryRun === true,
  });
}

function replaceObject(
  deps: RegistryDeps,
  target: Target,
  { body, options }: { body: JsonObject; options: WriteOptions },
): KubeObject {
  const { kind } = target;
  const validation = options.validation ?? "Warn";
  const object = options.trusted === true ? body : decodeBody(deps.schema, kind, { body, validation }).object;
  checkBody(target, object);
  const before = readObject(deps, target);
  return writeOver(deps, { kind, before, object, options });
}

function patchObject(
  deps: RegistryDeps,
  target: Target,
  { patch, options }: { patch: { format: PatchFormat; body: Json }; options: WriteOptions },
): KubeObject {
  const { kind } = target;
  const before = readObject(deps, target);
  const body = patched(deps.schema, before, patch);
  if (!isObject(body)) throw badRequest("the patch does not leave an object");
  const validation = options.validation ?? "Warn";
  const text = JSON.stringify(patch.body);
  const { object } = decodePatched(deps.schema, kind, { body, patch: text, validation });
  checkBody(target, object);
  return writeOver(deps, { kind, before, object, options });
}

function patched(schema: Schema, before: KubeObject, patch: { format: PatchFormat; body: Json }): Json {
  switch (patch.format) {
    case "json":
      return jsonPatch(before, patch.body);
    case "merge":
      return mergePatch(before, patch.body);
    case "strategic":
      return strategicMerge(schema, objectType(schema, before.kind), { value: before, patch: patch.body });
    default:
      return unreachable(patch.format);
  }
}

interface Overwrite {
  readonly kind: ResourceKind;
  readonly before: KubeObject;
  readonly object: JsonObject;
  readonly options: WriteOptions;
}

/** An ordinary write over an existing object: preconditions, then only the part the endpoint may write. */
function writeOver(deps: RegistryDeps, { kind, before, object, options }: Overwrite): KubeObject {
  const { name, uid, resourceVersion } = before.metadata;
  const sent = isObject(object["metadata"]) ? object["metadata"] : {};
  const sentUid = textAt(sent, "uid");
  if (sentUid !== "" && sentUid !== uid) {
    const why = `Precondition failed: UID in precondition: ${sentUid}, UID in object meta: ${uid}`;
    throw preconditionFailed(kind, name, why);
  }
  const sentVersion = textAt(sent, "resourceVersion");
  if (sentVersion !== "" && sentVersion !== resourceVersion) throw modified(kind, name);
  const { subresource } = options;
  const after = writablePart({ kind, before, object, subresource });
  if (equal(after, before)) return before;
  const trace = { schema: deps.schema, kind, before, manager: options.manager, subresource };
  return settleWrite(deps, {
    kind,
    before,
    after,
    subresource,
    owners: (settled) => ownersAfterUpdate({ ...trace, after: settled }),
    dryRun: options.dryRun === true,
  });
}

function writablePart({
  kind,
  before,
  object,
  subresource,
}: Pick<Overwrite, "kind" | "before" | "object"> & { subresource: "status" | undefined }): KubeObject {
  const sent = (isObject(object["metadata"]) ? object["metadata"] : {}) as Partial<Metadata>;
  if (subresource === "status") {
    const { annotations: _, ...metadata } = before.metadata;
    const annotations = sent.annotations === undefined ? {} : { annotations: sent.annotations };
    return { ...before, metadata: { ...metadata, ...annotations }, ...statusOf(object["status"]) };
  }
  const metadata = { ...sent, ...fixedMetadata(before.metadata) };
  const { status: _, ...rest } = object;
  const base = { ...rest, apiVersion: before.apiVersion, kind: before.kind, metadata };
  return { ...base, ...statusOf(kind.hasStatus ? before.status : object["status"]) };
}

function statusOf(status: Json | undefined): { status?: JsonObject } {
  return isObject(status) ? { status } : {};
}

/** The metadata that no write changes. */
function fixedMetadata(metadata: Metadata): Metadata {
  const { name, namespace, uid, resourceVersion, creationTimestamp, generation, deletionTimestamp } =
    metadata;
  return {
    name,
    uid,
    resourceVersion,
    creationTimestamp,
    ...(namespace === undefined ? {} : { namespace }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
}

function applyObject(
  deps: RegistryDeps,
  target: Target,
  { config, options }: { config: JsonObject; options: WriteOptions & { force: boolean } },
): Applied {
  const { kind, namespace, name } = target;
  checkAppliedBody(target, config);
  const live = deps.store.get(kind, namespace, name);
  if (live === undefined) requireNamespace(deps.store, target);
  const sent = isObject(config["metadata"]) ? config["metadata"] : {};
  const version = textAt(sent, "resourceVersion");
  const { schema } = deps;
  const outcome = serverSideApply({
    schema,
    kind,
    live,
    config,
    manager: options.manager,
    force: options.force,
  });
  if (live !== undefined && version !== "" && version !== live.metadata.resourceVersion)
    throw modified(kind, name);
  const uid = textAt(sent, "uid");
  if (live === undefined && uid !== "") {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw preconditionFailed(kind, name, why);
  }
  const object = settleWrite(deps, {
    kind,
    before: live,
    after: appliedObject(deps, target, { live, object: outcome.object }),
    sentUid: uid,
    owners: () => outcome.owners,
    dryRun: options.dryRun === true,
  });
  return { object, created: live === undefined };
}

function appliedObject(
  deps: RegistryDeps,
  { kind, namespace }: Target,
  { live, object }: { live: KubeObject | undefined; object: JsonObject },
): KubeObject {
  const sent = (isObject(object["metadata"]) ? object["metadata"] : {}) as Partial<Metadata>;
  const metadata =
    live === undefined
      ? freshMetadata(deps, { kind, namespace, metadata: sent })
      : { ...sent, ...fixedMetadata(live.metadata) };
  const base: KubeObject = { ...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
  if (!kind.hasStatus) return base;
  return { ...base, status: live === undefined ? initialStatus(base) : (live.status ?? {}) };
}
