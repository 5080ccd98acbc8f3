import type { Cause } from "./errors.ts";
import { at, equal, isObject, objectAt, objectsAt, textAt, type Json, type JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";
import { selectorMatches } from "./selectors.ts";

/** What is wrong with an object as the API server would say it; nothing when it is valid. */
export function validateObject(
  kind: string,
  after: KubeObject,
  before: KubeObject | undefined,
): readonly Cause[] {
  return [
    ...validateName(kind, after),
    ...validateLabels(after),
    ...(specRules[kind]?.(after) ?? []),
    ...(before === undefined ? [] : validateChange(kind, after, before)),
  ];
}

/** A cause for a value that is missing. */
export function required(field: string, why = ""): Cause {
  return { reason: "FieldValueRequired", message: `Required value${why === "" ? "" : `: ${why}`}`, field };
}

function wrong(field: string, value: Json | undefined, why: string): Cause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field };
}

function forbidden(field: string, why: string): Cause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field };
}

function unsupported(field: string, value: string, known: readonly string[]): Cause {
  const list = known.map((one) => `"${one}"`).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: "${value}": supported values: ${list}`,
    field,
  };
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const labelRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function validateName(kind: string, { metadata }: KubeObject): readonly Cause[] {
  if (metadata.name === "") return [required("metadata.name", "name or generateName is required")];
  if (kind === "Event" || (subdomain.test(metadata.name) && metadata.name.length <= 253)) return [];
  return [wrong("metadata.name", metadata.name, subdomainRule)];
}

function validateLabels(object: KubeObject): readonly Cause[] {
  const own = badLabels(object.metadata.labels ?? {}, "metadata.labels");
  const template = objectAt(object, "spec", "template", "metadata", "labels");
  return [...own, ...badLabels(template, "spec.template.labels")];
}

function badLabels(labels: JsonObject, field: string): readonly Cause[] {
  return Object.values(labels).flatMap((value) => {
    if (typeof value !== "string") return [];
    if (value.length > 63) return [wrong(field, value, "must be no more than 63 bytes")];
    return labelValue.test(value) ? [] : [wrong(field, value, labelRule)];
  });
}

const specRules: Readonly<Record<string, (object: KubeObject) => readonly Cause[]>> = {
  Deployment: workload,
  StatefulSet: workload,
  DaemonSet: workload,
  ReplicaSet: workload,
  Job: (object) => [
    ...jobRestartPolicy(object, "spec.template.spec"),
    ...podSpec(object, "spec.template.spec"),
  ],
  CronJob: (object) => [
    ...(textAt(object, "spec", "schedule") === "" ? [required("spec.schedule")] : []),
    ...jobRestartPolicy(object, "spec.jobTemplate.spec.template.spec"),
    ...podSpec(object, "spec.jobTemplate.spec.template.spec"),
  ],
  Pod: (object) => podSpec(object, "spec"),
};

function workload(object: KubeObject): readonly Cause[] {
  const replicas = at(object, "spec", "replicas");
  const labels = objectAt(object, "spec", "template", "metadata", "labels");
  const selector = at(object, "spec", "selector");
  return [
    ...(typeof replicas === "number" && replicas < 0
      ? [wrong("spec.replicas", replicas, "must be greater than or equal to 0")]
      : []),
    ...(isObject(selector) ? [] : [required("spec.selector")]),
    ...(selectorMatches(selector, labels)
      ? []
      : [wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]),
    ...podSpec(object, "spec.template.spec"),
  ];
}

function jobRestartPolicy(object: KubeObject, path: string): readonly Cause[] {
  const policy = textAt(object, ...path.split("."), "restartPolicy");
  if (policy !== "Always") return [];
  return [required(`${path}.restartPolicy`, 'valid values: "OnFailure", "Never"')];
}

function podSpec(object: KubeObject, path: string): readonly Cause[] {
  const spec = objectAt(object, ...path.split("."));
  const containers = objectsAt(spec, "containers");
  return [
    ...(containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...containers.flatMap((one, index) => container(one, `${path}.containers[${index}]`)),
    ...objectsAt(spec, "initContainers").flatMap((one, index) =>
      container(one, `${path}.initContainers[${index}]`),
    ),
    ...duplicates(containers, `${path}.containers`),
    ...unknownMounts(spec, path),
  ];
}

function container(one: JsonObject, path: string): readonly Cause[] {
  const policy = textAt(one, "imagePullPolicy");
  const policies = ["Always", "IfNotPresent", "Never"];
  const image = textAt(one, "image");
  return [
    ...(textAt(one, "name") === "" ? [required(`${path}.name`)] : []),
    ...(image === "" ? [required(`${path}.image`)] : []),
    ...(image === image.trim()
      ? []
      : [wrong(`${path}.image`, image, "must not have leading or trailing whitespace")]),
    ...(policies.includes(policy) ? [] : [unsupported(`${path}.imagePullPolicy`, policy, policies)]),
  ];
}

function duplicates(containers: readonly JsonObject[], path: string): readonly Cause[] {
  const names = containers.map((one) => textAt(one, "name"));
  return names.flatMap((name, index) =>
    name !== "" && names.indexOf(name) < index
      ? [
          {
            reason: "FieldValueDuplicate",
            message: `Duplicate value: "${name}"`,
            field: `${path}[${index}].name`,
          },
        ]
      : [],
  );
}

function unknownMounts(spec: JsonObject, path: string): readonly Cause[] {
  const volumes = new Set(objectsAt(spec, "volumes").map((volume) => textAt(volume, "name")));
  return objectsAt(spec, "containers").flatMap((one, index) =>
    objectsAt(one, "volumeMounts").flatMap((mount, place) => {
      const name = textAt(mount, "name");
      if (volumes.has(name)) return [];
      const field = `${path}.containers[${index}].volumeMounts[${place}].name`;
      return [{ reason: "FieldValueNotFound", message: `Not found: "${name}"`, field }];
    }),
  );
}

function validateChange(kind: string, after: KubeObject, before: KubeObject): readonly Cause[] {
  const selectorKinds = ["Deployment", "DaemonSet", "ReplicaSet"];
  const immutable = selectorKinds.includes(kind)
    ? ["selector"]
    : kind === "Job"
      ? ["completions", "selector", "template", "completionMode"]
      : [];
  const changed = immutable.filter((field) => !equal(after.spec?.[field], before.spec?.[field]));
  return [
    ...changed.map((field) => wrong(`spec.${field}`, after.spec?.[field], "field is immutable")),
    ...(kind === "StatefulSet" ? statefulSetChange(after, before) : []),
  ];
}

const statefulSetMutable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

function statefulSetChange(after: KubeObject, before: KubeObject): readonly Cause[] {
  const keys = new Set([...Object.keys(after.spec ?? {}), ...Object.keys(before.spec ?? {})]);
  const frozen = [...keys].filter((key) => !statefulSetMutable.includes(key));
  if (frozen.every((key) => equal(after.spec?.[key], before.spec?.[key]))) return [];
  const names = statefulSetMutable.map((field) => `'${field}'`);
  const list = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return [forbidden("spec", `updates to statefulset spec for fields other than ${list} are forbidden`)];
}
