import { fieldConflicts, internalError, type FieldConflict } from "./errors.ts";
import {
  difference,
  emptySet,
  intersection,
  isEmptySet,
  memberPaths,
  pathText,
  union,
  type FieldSet,
} from "./field-set.ts";
import { isObject, withoutNulls, type JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { ownable, readOwners, sameOwner, type Owner } from "./managed-fields.ts";
import type { KubeObject } from "./object.ts";
import type { Schema } from "./schema.ts";
import { compareValues, mergeValues, objectType, pruneValue, toFieldSet } from "./structured.ts";
import { fractionFault, schemaFault } from "./typed-check.ts";

/** A server-side apply. */
export interface ApplyRequest {
  readonly schema: Schema;
  readonly kind: ResourceKind;
  /** The stored object, or undefined when the apply creates it. */
  readonly live: KubeObject | undefined;
  /** The applied document, name and namespace included. */
  readonly config: JsonObject;
  readonly manager: string;
  readonly force: boolean;
}

/** The object after the apply, before defaults, and who owns what then. */
export interface ApplyOutcome {
  readonly object: JsonObject;
  readonly owners: readonly Owner[];
}

/** Merges an applied document into the live object, or refuses with the conflicts. */
export function serverSideApply(request: ApplyRequest): ApplyOutcome {
  const { schema, kind, live } = request;
  const type = objectType(schema, kind.kind);
  const config = checkedConfig(request);
  const base: JsonObject = live ?? { apiVersion: kind.apiVersion, kind: kind.kind, metadata: {} };
  const self: Owner = {
    manager: request.manager,
    operation: "Apply",
    apiVersion: kind.apiVersion,
    fields: ownable(toFieldSet(schema, type, config), kind, undefined),
  };
  const owners = readOwners(live);
  const others = owners.filter((owner) => !sameOwner(owner, self));
  const last = owners.find((owner) => sameOwner(owner, self))?.fields ?? emptySet;
  const merged = mergeValues(schema, type, { live: base, applied: config });
  const kept = others.reduce((set, owner) => union(set, owner.fields), self.fields);
  const pruned = pruneValue(schema, type, { value: merged, dropped: last, kept });
  if (!isObject(pruned)) throw internalError("an applied object is not an object");
  const changes = compareValues(schema, type, { before: base, after: pruned });
  const settled = settle(others, union(changes.added, changes.modified), request.force);
  const left = settled.map((owner) => ({ ...owner, fields: difference(owner.fields, changes.removed) }));
  return { object: pruned, owners: [...left, self] };
}

function checkedConfig({ schema, kind, config }: ApplyRequest): JsonObject {
  const fault = schemaFault(schema, objectType(schema, kind.kind), config);
  if (fault === undefined) {
    const { status: _, ...rest } = config;
    return withoutNulls(kind.hasStatus ? rest : config) as JsonObject;
  }
  const metadata = isObject(config["metadata"]) ? config["metadata"] : {};
  const name = `${stringOf(metadata["namespace"])}/${stringOf(metadata["name"])}`;
  const about = `${name}; ${kind.apiVersion}, Kind=${kind.kind}`;
  if (fault === fractionFault) {
    const unable = `unable to convert unstructured object to ${kind.apiVersion}, Kind=${kind.kind}: ${fault}`;
    throw internalError(`failed to convert new object (${about}) to proper version: ${unable}`);
  }
  throw internalError(`failed to create typed patch object (${about}): ${fault}`);
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The other owners after the apply: conflicts refuse it, or with force take the fields away. */
function settle(others: readonly Owner[], changed: FieldSet, force: boolean): readonly Owner[] {
  const conflicts = others.map((owner) => ({ owner, fields: intersection(owner.fields, changed) }));
  const refused = conflicts.filter(({ fields }) => !isEmptySet(fields));
  if (refused.length > 0 && !force) throw fieldConflicts(refused.flatMap(describe));
  return conflicts.map(({ owner, fields }) => ({ ...owner, fields: difference(owner.fields, fields) }));
}

function describe({ owner, fields }: { owner: Owner; fields: FieldSet }): readonly FieldConflict[] {
  const subresource = owner.subresource === undefined ? "" : ` with subresource "${owner.subresource}"`;
  const version = owner.operation === "Update" ? ` using ${owner.apiVersion}` : "";
  const manager = `"${owner.manager}"${subresource}${version}`;
  return memberPaths(fields).map((path) => ({ manager, field: pathText(path) }));
}
