import {
  difference,
  emptySet,
  fromFieldsV1,
  intersection,
  isEmptySet,
  sameSet,
  singleton,
  toFieldsV1,
  union,
  type FieldSet,
} from "./field-set.ts";
import { compact, type Json } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { kubeTime, type KubeObject, type ManagedFieldsEntry } from "./object.ts";
import type { Schema } from "./schema.ts";
import { compareValues, objectType } from "./structured.ts";

/** Who owns which fields. */
export interface Owner {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
  readonly time?: string | undefined;
  readonly fields: FieldSet;
}

/** Fields nobody owns: the server itself sets them. */
const unowned: FieldSet = [
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "generation",
  "managedFields",
  "resourceVersion",
].reduce(
  (set, field) => union(set, singleton(["f:metadata", `f:${field}`])),
  [singleton(["f:apiVersion"]), singleton(["f:kind"]), singleton(["f:metadata"])].reduce(union, emptySet),
);

/** The set without the fields nobody owns, nor those of the part of the object that is not written. */
export function ownable(fields: FieldSet, kind: ResourceKind, subresource: string | undefined): FieldSet {
  const rest = difference(fields, unowned);
  if (!kind.hasStatus) return rest;
  const other = subresource === "status" ? "f:spec" : "f:status";
  return { member: rest.member, children: new Map([...rest.children].filter(([key]) => key !== other)) };
}

/** The owners recorded in an object. */
export function readOwners(object: KubeObject | undefined): readonly Owner[] {
  return (object?.metadata.managedFields ?? []).flatMap((entry) =>
    typeof entry.manager === "string" && (entry.operation === "Apply" || entry.operation === "Update")
      ? [
          {
            manager: entry.manager,
            operation: entry.operation,
            apiVersion: entry.apiVersion,
            subresource: entry.subresource,
            time: entry.time,
            fields: fromFieldsV1(entry.fieldsV1 ?? {}),
          },
        ]
      : [],
  );
}

/** Whether both mean the same manager acting in the same way. */
export function sameOwner(left: Owner, right: Owner): boolean {
  return (
    left.manager === right.manager &&
    left.operation === right.operation &&
    left.subresource === right.subresource
  );
}

/** The object with these owners; an owner whose fields did not change keeps its time. */
export function withOwners(
  object: KubeObject,
  owners: readonly Owner[],
  { before, now }: { readonly before: readonly Owner[]; readonly now: Date },
): KubeObject {
  const entries = owners
    .filter((owner) => !isEmptySet(owner.fields))
    .map((owner) => {
      const old = before.find((one) => sameOwner(one, owner));
      const isKept = old !== undefined && sameSet(old.fields, owner.fields);
      return isKept
        ? { ...owner, fields: old.fields, time: old.time ?? "" }
        : { ...owner, time: kubeTime(now) };
    })
    .toSorted((a, b) => compareText(a.operation, b.operation) || compareText(a.time, b.time))
    .map(toEntry);
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

function toEntry(owner: Owner): ManagedFieldsEntry {
  const entry = {
    manager: owner.manager,
    operation: owner.operation,
    apiVersion: owner.apiVersion,
    time: owner.time ?? "",
    fieldsType: "FieldsV1",
    fieldsV1: toFieldsV1(owner.fields),
    subresource: owner.subresource,
  };
  return { ...entry, ...(compact(entry) as typeof entry) };
}

/** What an ordinary write (create, replace, patch) did. */
export interface UpdateTrace {
  readonly schema: Schema;
  readonly kind: ResourceKind;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
  readonly manager: string;
  readonly subresource?: string | undefined;
}

/** The owners after an ordinary write: the writer takes what it changed, the others lose it. */
export function ownersAfterUpdate(trace: UpdateTrace): readonly Owner[] {
  const { schema, kind, subresource } = trace;
  const base: Json = trace.before ?? { apiVersion: trace.after.apiVersion, kind: trace.after.kind };
  const changes = compareValues(schema, objectType(schema, kind.kind), { before: base, after: trace.after });
  const taken = ownable(union(changes.added, changes.modified), kind, subresource);
  const self: Owner = {
    manager: trace.manager,
    operation: "Update",
    apiVersion: kind.apiVersion,
    subresource,
    fields: taken,
  };
  // A write may carry managedFields of its own (that is how ownership is handed over); they are the base then.
  const carried = readOwners(trace.after);
  const owners = carried.length > 0 ? carried : readOwners(trace.before);
  const mine = owners.find((owner) => sameOwner(owner, self));
  const others = owners.filter((owner) => !sameOwner(owner, self));
  const own = difference(union(mine?.fields ?? emptySet, taken), changes.removed);
  return [
    ...others.map((owner) => ({ ...owner, fields: loses(owner.fields, taken, changes.removed) })),
    { ...self, fields: own },
  ];
}

function loses(fields: FieldSet, taken: FieldSet, removed: FieldSet): FieldSet {
  return difference(difference(fields, intersection(fields, taken)), removed);
}
