import { badRequest } from "./errors.ts";
import { at, isList, isObject, objectAt, objectsAt, textAt, type Json, type JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** Decides whether an object is meant. */
export type Match = (object: KubeObject) => boolean;

/** A `labelSelector` parameter: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. */
export function parseLabelSelector(text: string): Match {
  const requirements = splitTopLevel(text).map(parseRequirement);
  return (object) => requirements.every((holds) => holds(object.metadata.labels ?? {}));
}

type Labels = Readonly<Record<string, string>>;

function splitTopLevel(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

const name = "[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?";
const setRequirement = new RegExp(`^(${name})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const equalityRequirement = new RegExp(`^(${name})\\s*(==|=|!=)\\s*(${name})?$`);
const presenceRequirement = new RegExp(`^(!?)\\s*(${name})$`);

function parseRequirement(text: string): (labels: Labels) => boolean {
  const set = setRequirement.exec(text);
  if (set !== null) {
    const [, key = "", , operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? "\0") === (operator === "in");
  }
  const equality = equalityRequirement.exec(text);
  if (equality !== null) {
    const [, key = "", , operator, value = ""] = equality;
    return (labels) => (labels[key] === value) === (operator !== "!=");
  }
  const presence = presenceRequirement.exec(text);
  if (presence === null) {
    throw badRequest(`unable to parse requirement: found '${text}', expected: identifier`);
  }
  const [, bang, key = ""] = presence;
  return (labels) => Object.hasOwn(labels, key) === (bang === "");
}

/** Whether a `spec.selector` (matchLabels and matchExpressions) picks these labels. */
export function selectorMatches(selector: Json | undefined, labels: JsonObject): boolean {
  if (!isObject(selector)) return false;
  const byLabels = Object.entries(objectAt(selector, "matchLabels")).every(
    ([key, value]) => labels[key] === value,
  );
  return byLabels && objectsAt(selector, "matchExpressions").every((one) => expressionHolds(one, labels));
}

function expressionHolds(expression: JsonObject, labels: JsonObject): boolean {
  const value = labels[textAt(expression, "key")];
  const values = expression["values"];
  const listed = value !== undefined && isList(values) && values.includes(value);
  switch (textAt(expression, "operator")) {
    case "In":
      return listed;
    case "NotIn":
      return !listed;
    case "Exists":
      return value !== undefined;
    default:
      return value === undefined;
  }
}

const knownFields: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
  ],
  Event: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source.component",
    "type",
  ],
  Node: ["spec.unschedulable"],
  Namespace: ["status.phase"],
  Secret: ["type"],
};

/** A `fieldSelector` parameter: `spec.nodeName!=`, `metadata.name=x`; the known fields depend on the kind. */
export function parseFieldSelector(kind: string, text: string): Match {
  const known = ["metadata.name", "metadata.namespace", ...(knownFields[kind] ?? [])];
  const terms = text.split(",").filter((term) => term !== "");
  const requirements = terms.map((term) => {
    const found = /^([^=!]+)(!=|==|=)(.*)$/.exec(term);
    if (found === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
    const [, field = "", operator, value = ""] = found;
    if (!known.includes(field)) throw badRequest(unknownField(field, kind, known));
    return (object: KubeObject) => (fieldText(object, field) === value) === (operator !== "!=");
  });
  return (object) => requirements.every((holds) => holds(object));
}

function unknownField(field: string, kind: string, known: readonly string[]): string {
  if (knownFields[kind] !== undefined) return `field label not supported: ${field}`;
  return `"${field}" is not a known field selector: only ${known.map((one) => `"${one}"`).join(", ")}`;
}

function fieldText(object: KubeObject, field: string): string {
  const value = at(object, ...field.split("."));
  return typeof value === "object" || value === undefined ? "" : String(value);
}
