import { compact, type JsonObject } from "./json.ts";
import { qualifiedKind, qualifiedResource, type ResourceKind } from "./kinds.ts";

/** One reason inside a Status: what and where. */
export interface Cause extends JsonObject {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** An answer of the API server that is not a success: becomes a `Status` body. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: JsonObject | undefined;

  constructor(code: number, message: string, more: { reason?: string; details?: JsonObject } = {}) {
    super(message);
    this.name = "StatusError";
    this.code = code;
    this.reason = more.reason;
    this.details = more.details;
  }
}

/** The `Status` body of an error. */
export function statusBody(error: StatusError): JsonObject {
  return compact({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    reason: error.reason,
    details: error.details,
    code: error.code,
  });
}

function details(name: string, group: string, kind: string): JsonObject {
  return compact({ name: name || undefined, group: group || undefined, kind });
}

/** 404: the object does not exist. */
export function notFound(kind: ResourceKind, name: string): StatusError {
  return new StatusError(404, `${qualifiedResource(kind)} "${name}" not found`, {
    reason: "NotFound",
    details: details(name, kind.group, kind.resource),
  });
}

/** 404 as the server words it for a resource it does not serve. */
export function noSuchResource(): StatusError {
  return new StatusError(404, "the server could not find the requested resource", {
    reason: "NotFound",
    details: {},
  });
}

/** 409: an object with this name exists. */
export function alreadyExists(kind: ResourceKind, name: string): StatusError {
  return new StatusError(409, `${qualifiedResource(kind)} "${name}" already exists`, {
    reason: "AlreadyExists",
    details: details(name, kind.group, kind.resource),
  });
}

/** 409 without causes: a precondition (resourceVersion, uid) does not hold. */
export function preconditionFailed(kind: ResourceKind, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(kind)} "${name}": ${why}`;
  return new StatusError(409, message, {
    reason: "Conflict",
    details: details(name, kind.group, kind.resource),
  });
}

/** 409: the resourceVersion sent is not the current one. */
export function modified(kind: ResourceKind, name: string): StatusError {
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  return preconditionFailed(kind, name, why);
}

/** 409: the uid or version demanded for a deletion is another one. */
export function deletionPrecondition(kind: ResourceKind, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedKind(kind)} "${name}": ${why}`;
  return new StatusError(409, message, {
    reason: "Conflict",
    details: details(name, kind.group, kind.kind),
  });
}

/** One conflict with another field manager. */
export interface FieldConflict {
  /** `"kubectl" using apps/v1`, quotes included. */
  readonly manager: string;
  /** `.spec.replicas` */
  readonly field: string;
}

/** 409 with causes: other managers own fields this apply would change. */
export function fieldConflicts(conflicts: readonly FieldConflict[]): StatusError {
  const count = conflicts.length;
  const [first] = conflicts;
  const lines = [...new Set(conflicts.map(({ manager }) => manager))].flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter((one) => one.manager === manager).map((one) => `- ${one.field}`),
  ]);
  const text =
    count === 1 && first !== undefined
      ? `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.field}`
      : `Apply failed with ${count} conflicts: ${lines.join("\n")}`;
  const causes = conflicts.map(({ manager, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${manager}`,
    field,
  }));
  return new StatusError(409, text, { reason: "Conflict", details: { causes } });
}

/** 422: the object does not validate. */
export function invalid(kind: ResourceKind, name: string, causes: readonly Cause[]): StatusError {
  const texts = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const list = texts.length === 1 ? texts.join("") : `[${texts.join(", ")}]`;
  return new StatusError(422, `${qualifiedKind(kind)} "${name}" is invalid: ${list}`, {
    reason: "Invalid",
    details: { ...details(name, kind.group, kind.kind), causes },
  });
}

/** 422: the options of a call do not validate. */
export function invalidOptions(options: string, cause: Cause): StatusError {
  return new StatusError(422, `${options}.meta.k8s.io "" is invalid: ${cause.field}: ${cause.message}`, {
    reason: "Invalid",
    details: { group: "meta.k8s.io", kind: options, causes: [cause] },
  });
}

/** 400 */
export function badRequest(message: string): StatusError {
  return new StatusError(400, message, { reason: "BadRequest" });
}

/** 500 without a reason: how the server answers an apply that does not fit the schema. */
export function internalError(message: string): StatusError {
  return new StatusError(500, message);
}

/** 410: the version asked for is no longer in the history. */
export function expired(message: string): StatusError {
  return new StatusError(410, message, { reason: "Expired" });
}

/** 422 of a patch that cannot be carried out. */
export function patchRejected(): StatusError {
  return new StatusError(422, "the server rejected our request due to an error in our request", {
    reason: "Invalid",
    details: {},
  });
}
